"""Reading the file of a result: whatever is wrong with it is said with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from archsim.formats.errors import InputError
from archsim.formats.json_file import read_json
from archsim.formats.sealed import check_seal


class Written(Protocol):
    """What knows how it stands in a file."""

    def to_dict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Written)


def result_at(path: Path, make: Callable[[Mapping[str, Any]], R]) -> R:
    """The result in a file; `make` is of `Result.from_dict`.

    Raises:
        InputError: the file is damaged, changed or something else.
    """
    return result_of(path, read_json(path), make)


def result_of(path: Path, data: Any, make: Callable[[Mapping[str, Any]], R]) -> R:
    """The result in what was read from a file; InputError as of `result_at`."""
    if not (isinstance(data, dict) and data):
        raise InputError.at(str(path), "not a result of archsim run (no JSON object with content)")
    if "layers" in data and "kinds" not in data:
        message = (
            "a result of an earlier archsim, which does not say what components are; make it anew"
        )
        raise InputError.at(str(path), message)
    try:
        result = make(data)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not a result of archsim run ({type(error).__name__}: {error})"
        raise InputError.at(str(path), message) from error
    try:
        check_seal(path, data)
    except InputError as error:
        message = f"{error.problems[0].message}{_contradiction(result, data)}"
        raise InputError.at(str(path), message) from None
    return result


def _contradiction(result: Written, data: Mapping[str, Any]) -> str:
    """The first total of a changed file that its layers do not make, if there is one."""
    sums = result.to_dict()["totals"]
    wrong = [name for name, value in sums.items() if data["totals"].get(name) != value]
    return f" (its layers do not make totals.{wrong[0]})" if wrong else ""
