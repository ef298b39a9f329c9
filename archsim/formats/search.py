"""Where a name is looked up: the working directory first, then the files that ship with archsim.

`kind` is a folder: ``archs``, ``workloads``, ``archs/units``, ``archs/scenarios``.
"""

from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.source import unknown

_PACKAGE = Path(__file__).resolve().parents[1]
SUFFIXES = (".yaml", ".yml")
KINDS = {"archs": frozenset({"ablations", "scenarios", "switches", "units"})}
"""Folders of a kind that hold files of other kinds."""

IMPORTED = {".csv": "archsim import", ".onnx": "sdalgo import"}
"""What makes a workload of a file of another kind."""


def roots(kind: str) -> list[Path]:
    """The folders that are searched, nearest first; some may not exist.

    A wheel carries its copies in the package; a checkout has them beside it.
    """
    places = [Path.cwd() / kind, _PACKAGE / "_data" / kind]
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file():
        places.append(checkout / kind)
    return list(dict.fromkeys(place.resolve() for place in places))


def names(kind: str) -> dict[str, Path]:
    """Every name that can be found, with its file; the nearest folder wins."""
    found: dict[str, Path] = {}
    for root in roots(kind):
        files = sorted(root.glob("*.yaml")) if root.is_dir() else []
        for path in files:
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def inner_names(kind: str) -> dict[str, Path]:
    """Names of files in folders of a kind that are no kinds themselves: ``edge/fpga``. They are
    found when they are asked for, and never part of all."""
    found: dict[str, Path] = {}
    for root in roots(kind):
        for path in sorted(root.glob("*/*.yaml")) if root.is_dir() else []:
            if path.parent.name not in KINDS.get(kind, ()):
                found.setdefault(f"{path.parent.name}/{path.stem}", path)
    return dict(sorted(found.items()))


def name_of(kind: str, path: Path) -> str:
    """The name by which `find` finds a file: its stem, after its folder where it is one of
    `inner_names`."""
    folder = path.resolve().parent
    if folder.parent in roots(kind) and folder.name not in KINDS.get(kind, ()):
        return f"{folder.name}/{path.stem}"
    return path.stem


def find(kind: str, name: str | Path) -> Path:
    """The file of a name, or the path itself if `name` is one: it has a YAML suffix, or a folder
    and is no name of `inner_names`.

    Raises:
        InputError: no such name (with the nearest one and the legal ones), or no such file.
    """
    path = Path(name)
    if path.suffix in SUFFIXES:
        return path
    if kind == "workloads" and path.suffix in IMPORTED:
        message = f"is no workload yet: {IMPORTED[path.suffix]} {name} makes one of it"
        raise InputError.at(name, message)
    known = names(kind)
    if len(path.parts) != 1:
        known = inner_names(kind)
        if path.exists() or not any(each.startswith(f"{path.parent.name}/") for each in known):
            return path
    if str(name) not in known:
        what = kind.rpartition("/")[2].removesuffix("s").replace("unit", "energy table")
        raise InputError.at(str(name) or "''", unknown(what, name, known))
    return known[str(name)]
