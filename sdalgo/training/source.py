"""YAML text to values, each key once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping.

    Raises:
        InputError: it cannot be read, is not YAML or no mapping, or gives a key twice.
    """
    import yaml

    class Unique(yaml.SafeLoader):
        """Refuses what YAML forbids and its library lets pass: the last of two keys."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    mark = key.start_mark
                    place = f"{path}:{mark.line + 1}:{mark.column + 1}"
                    raise InputError.at(place, f"key {key.value} stands here a second time")
                seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Unique)
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError.at(path, "cannot be read: not a text file") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise InputError.at(place, f"cannot be read: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError.at(path, f"cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError.at(path, "holds no mapping of keys to values")
    return values
