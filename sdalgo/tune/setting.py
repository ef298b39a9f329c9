"""What the layers of a group are decomposed with, and which options a point may name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from archsim.formats.errors import InputError
from archsim.formats.source import require
from sdalgo.option_words import read_words
from sdalgo.options import CALIBRATED, PRESETS, UNUSED, ActivationOptions, Options, preset
from sdalgo.recipe import OPTIONS, Recipe

ROW_RATIO = "row_ratio"
PRICE = "price"
KEYS = ("preset", ROW_RATIO, PRICE, *(one for one in OPTIONS if one != "basis_bits"))
"""What may be varied. Bases of a workload have the recipe's bits; a budget of `bits` would be found
anew for each point, in many passes, so points have prices."""
_WORDS = ("exponents", "largest_kernel")


@dataclass(frozen=True)
class Setting:
    """A preset, the options that are given beside it, as a recipe writes them, and the share of
    rows that is dropped before (None: as the recipe's list has it, layer by layer)."""

    preset: str
    given: tuple[tuple[str, Any], ...]
    row_ratio: float | None

    @property
    def calibrated(self) -> bool:
        """Whether outputs are fitted, on images."""
        return self.preset == CALIBRATED

    def options(self) -> Options:
        """Return the options of the decomposition.

        Raises:
            InputError: the preset lacks one, or a value is out of range.
        """
        found = preset(self.preset, **read_words(dict(self.given)))
        return replace(found, bits=None) if isinstance(found, ActivationOptions) else found

    def plain(self) -> dict[str, Any]:
        """The same as JSON has it."""
        rows = {} if self.row_ratio is None else {ROW_RATIO: self.row_ratio}
        return {"preset": self.preset, **dict(self.given), **rows}


def has_use(key: str, named: str) -> bool:
    """Whether a preset reads an option."""
    if key == "preset":
        return True
    return key not in (*UNUSED, ROW_RATIO) if named == CALIBRATED else key != PRICE


def setting_of(recipe: Recipe, chosen: Mapping[str, Any]) -> Setting:
    """Return what a group has at a point: the recipe's own options where its preset stays, those of
    the preset where it changes, and over both what is chosen, as far as the preset reads it."""
    named = str(chosen.get("preset", recipe.preset))
    own = recipe.given_options() if named == recipe.preset else {"basis_bits": recipe.basis_bits}
    options = {k: v for k, v in chosen.items() if k not in ("preset", ROW_RATIO)}
    given = own | {k: v for k, v in options.items() if has_use(k, named)}
    ratio = None if chosen.get(ROW_RATIO) is None else float(chosen[ROW_RATIO])
    # Prices decide which rows a calibrated layer drops.
    return Setting(named, tuple(sorted(given.items())), 0.0 if named == CALIBRATED else ratio)


def check_value(key: str, value: object) -> None:
    """Refuse a value that no preset could take.

    Raises:
        InputError: it is of another type, out of range, or no preset's name; its place is the
            key's.
    """
    if key == "preset":
        require("preset", str(value), PRESETS)
        return
    if key not in _WORDS:
        try:
            _types()[key].validate_python(value, strict=True)
        except ValidationError as error:
            raise InputError.at(f"option {key}", f"{value!r:.40} is not of its type") from error
    if key == ROW_RATIO:
        if not 0 <= float(str(value)) < 1:
            raise InputError.at(f"option {key}", f"{value!r} is not from 0 to below 1")
        return
    Setting(_reader(key), ((key, value),), None).options()


def _reader(key: str) -> str:
    """A preset that reads an option."""
    return next(name for name in ("as_released_double", CALIBRATED) if has_use(key, name))


@cache
def _types() -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(ActivationOptions) | {ROW_RATIO: float}
    return {key: TypeAdapter(hints[key]) for key in KEYS if key not in ("preset", *_WORDS)}
