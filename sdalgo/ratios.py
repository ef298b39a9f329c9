"""Shares of rows or weights to drop, by layer: of a shipped list, of a file, or one for all."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, RootModel

from archsim.formats.errors import InputError, Problem
from archsim.formats.record import load
from archsim.formats.search import SUFFIXES
from archsim.formats.source import require, unknown

DEFAULT = "default"
"""The key that stands for every layer that a list does not name."""
_FOLDER = Path(__file__).parent / "ratios"
Share = Annotated[float, Field(ge=0, le=1)]


def _share_or_list(value: object) -> object:
    """One message for both kinds, where pydantic would give one for each."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) or (number and 0 <= value <= 1):  # type: ignore[operator]
        return value
    raise ValueError(f"{value!r:.40} is neither a share from 0 to 1 nor a list of ratios")


Shares = Annotated[float | str, BeforeValidator(_share_or_list)]
"""One share for every layer, or the name or path of a list."""


class Ratios(RootModel[dict[str, Share]]):
    """The share of rows or weights to drop, by layer name; `default` for others."""


def is_path(word: str) -> bool:
    """Whether a word names a file of the user's own, and nothing that ships with sdalgo."""
    return Path(word).suffix in SUFFIXES or "/" in word or "\\" in word


def load_ratios(shares: str | float) -> dict[str, float]:
    """The shares to drop by layer name, `default` for others: of a shipped list, of a file, or the
    one number for every layer.

    Raises:
        InputError: there is no list of that name, or its file is wrong.
    """
    if not isinstance(shares, str):
        return {DEFAULT: float(shares)}
    return _read(Path(shares)) if is_path(shares) else shipped_ratios(shares)


def shipped_ratios(name: str) -> dict[str, float]:
    """The shares of a list that ships with sdalgo.

    Raises:
        InputError: there is none of that name, or its file is wrong.
    """
    require("list of ratios", name, sorted(path.stem for path in _FOLDER.glob("*.yaml")))
    return _read(_FOLDER / f"{name}.yaml")


def _read(path: Path) -> dict[str, float]:
    _, found = load(path, Ratios)
    return found.root


def ratio_of(ratios: dict[str, float], layer: str) -> float:
    """Return the share to drop in a layer; none where the file names neither it nor a default."""
    return ratios.get(layer, ratios.get(DEFAULT, 0.0))


def strangers(shares: str | float | None, layers: list[str]) -> list[Problem]:
    """Names in a list of the user's own that are no layers', each with its place.

    A list is written by hand, and a name that is nobody's would change nothing without a word.
    Shipped lists serve several networks and may name more.
    """
    if not isinstance(shares, str) or not is_path(shares):
        return []
    document, found = load(Path(shares), Ratios)
    return [
        Problem(document.key_place(name), unknown("layer with weights", name, layers))
        for name in found.root
        if name not in (DEFAULT, *layers)
    ]


def checked(shares: str | float, place: str) -> None:
    """InputError at `place` where there is no such list; one that is there tells its own places."""
    try:
        load_ratios(shares)
    except InputError as error:
        if isinstance(shares, str) and is_path(shares) and Path(shares).exists():
            raise
        raise InputError(Problem(place, str(one)) for one in error.problems) from error
