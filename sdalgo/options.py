"""What a decomposition may be asked for, and the presets that answer for it as a whole."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import require

Scaling = Literal["none", "grid", "unit"]
Slicing = Literal["even", "factors"]
Precision = Literal["float32", "float64", "stored"]


_MOST_ROUNDS = 100_000  # nothing gets better after some thirty
_MOST_ROWS = 2**31 - 1
WIDEST = 255  # entries in a row of coefficients, so that a container can hold it


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of Algorithm 1 (paper III-B). The defaults are the preset `as_released_double`.

    Attributes:
        theta: coefficients smaller than this become zero, on the scale of Ce (step 3).
        relative: theta is a share of the root mean square of the layer's non-zero weights, not a
            magnitude (sdalgo.threshold).
        density: share of non-zero coefficients wanted; theta is then searched, layer by layer.
        iterations: fits of B, the last one included.
        tol: stop once no entry of B moves by more; 0 is the fixed point.
        scaling: what is done to the columns of Ce before rounding: nothing, alignment to the grid
            of powers of two (released, off there), or unit norm (paper, step 1).
        exponents: (lowest, highest) p; None leaves that end open.
        levels: N_p, the number of different p in a slice, counted down from its largest.
        loop_basis: precision of B between the fits: rounded to float32 as in the released code,
            double, or as it will be stored.
        basis_bits: bits of a stored entry of B: 8 or 16 with one scale a slice, or 32 (float).
        rank: r, at most n; None: r = n.
        vector_width: n of 1x1 and linear layers; elsewhere n is the kernel's width.
        slice_rows: most rows of a slice.
        slicing: equal slices, or the released rule of stripping prime factors.
        largest_kernel: kernels wider or higher stay as they are; None: all are decomposed that
            are at most `WIDEST` wide.
        search: rounds of search over single coefficients after the loop (preset `best`).
        starts: other bases from which the search starts, besides the loop's.
        bit_price: what one more coded bit must save, as a share of the slice's mean squared
            weight; used by the search alone.
    """

    theta: float = 4e-3
    relative: bool = False
    density: float | None = None
    iterations: int = 30
    tol: float = 0.0
    scaling: Scaling = "none"
    exponents: tuple[int | None, int | None] = (None, 5)
    levels: int | None = None
    loop_basis: Precision = "float64"
    basis_bits: int = 8
    rank: int | None = None
    vector_width: int = 3
    slice_rows: int = 192
    slicing: Slicing = "even"
    largest_kernel: int | None = 3
    search: int = 0
    starts: int = 0
    bit_price: float = 0.0

    def __post_init__(self) -> None:
        for name, legal, wanted in self._rules():
            if not legal:
                raise InputError.at(f"option {name}", f"{getattr(self, name)!r} is not {wanted}")

    def _rules(self) -> list[tuple[str, bool, str]]:
        low, high = self.exponents
        density, rank = self.density, self.rank
        return [
            ("theta", math.isfinite(self.theta) and self.theta >= 0, "a finite number from 0 up"),
            ("density", density is None or 0 < density <= 1, "above 0 and at most 1"),
            ("iterations", 1 <= self.iterations <= _MOST_ROUNDS, f"1 to {_MOST_ROUNDS}"),
            ("tol", 0 <= self.tol < math.inf, "a finite number from 0 up"),
            ("scaling", self.scaling in ("none", "grid", "unit"), "none, grid or unit"),
            ("slicing", self.slicing in ("even", "factors"), "even or factors"),
            ("exponents", low is None or high is None or low <= high, "ordered (lowest, highest)"),
            ("exponents", all(e is None or -126 <= e <= 126 for e in (low, high)), "in -126..126"),
            ("levels", self.levels is None or 1 <= self.levels <= 127, "1 to 127"),
            ("loop_basis", self.loop_basis in ("float32", "float64", "stored"),
             "float32, float64 or stored"),
            ("basis_bits", self.basis_bits in (8, 16, 32), "8, 16 or 32"),
            ("rank", rank is None or 1 <= rank <= WIDEST, f"1 to {WIDEST}"),
            ("vector_width", 1 <= self.vector_width <= WIDEST, f"1 to {WIDEST}"),
            ("slice_rows", 1 <= self.slice_rows <= _MOST_ROWS, f"1 to {_MOST_ROWS}"),
            ("search", 0 <= self.search <= _MOST_ROUNDS, f"0 to {_MOST_ROUNDS}"),
            ("starts", 0 <= self.starts <= _MOST_ROUNDS, f"0 to {_MOST_ROUNDS}"),
            ("bit_price", 0 <= self.bit_price < math.inf, "a finite number from 0 up"),
        ]  # fmt: skip


UNUSED = (
    "theta", "density", "iterations", "tol", "scaling", "exponents", "loop_basis", "starts",
    "slicing", "bit_price", "relative",
)  # fmt: skip
"""Options of Algorithm 1 and of its search that have no meaning here: prices of code words decide
which coefficients are zero."""


@dataclass(frozen=True, kw_only=True)
class ActivationOptions(Options):
    """Settings of the preset `activations` (docs/activation_aware.md).

    Of `Options` it reads rank, levels, basis_bits, vector_width, slice_rows, largest_kernel and
    search; the others have no effect.

    Attributes:
        bits: bits per weight of the decomposed layers together that are aimed at, everything
            counted; None: `price` is given.
        price: what a bit must save, as a share of the energy of the network's outputs, where
            `bits` is None.
        damp: share of the mean of its diagonal that is added to H; None: chosen for each layer, on
            one half of the calibration images for what is fitted to the other.
        index: form of the index that sizes are counted with, row or element.
        sequential: inputs come from the network decomposed so far, layer after layer.
    """

    bits: float | None = 4.0
    price: float = 1e-8
    damp: float | None = None
    index: str = "row"
    sequential: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        rules: list[tuple[str, bool, str]] = [
            ("bits", self.bits is None or 0 < self.bits <= 32, "above 0 and at most 32"),
            ("price", 0 <= self.price < math.inf, "a finite number from 0 up"),
            ("damp", self.damp is None or 0 < self.damp < math.inf, "a finite number above 0"),
            ("index", self.index in ("row", "element"), "row or element"),
            ("levels", self.levels is not None, "a number: exponents that a layer may use"),
        ]
        for name, legal, wanted in rules:
            if not legal:
                raise InputError.at(f"option {name}", f"{getattr(self, name)!r} is not {wanted}")


CALIBRATED = "activations"
"""The preset that needs inputs."""


RELATIVE_THETA = 0.08
"""Of presets whose theta is relative: the released 4e-3, at the mean rms of trained MobileNetV2."""

PRESETS: dict[str, Options] = {
    # B is rounded to float32 between the fits: equal to the released code, artefact included.
    "as_released": Options(loop_basis="float32", slicing="factors", basis_bits=32),
    # The same with B in double, which takes an artefact out of singular depthwise slices.
    "as_released_double": Options(),
    # Algorithm 1 as printed: unit-norm columns, |P| = 8 (appendix B), 8-bit B inside the loop.
    "as_paper": Options(
        scaling="unit", exponents=(None, None), levels=8, loop_basis="stored", largest_kernel=None
    ),
    # Algorithm 1, then a search that lowers the error at equal bits; some twenty times slower. A
    # layer times a constant gives the same codes: theta is relative, and no power is the largest.
    "best": Options(
        theta=RELATIVE_THETA,
        relative=True,
        exponents=(None, None),
        largest_kernel=None,
        search=8,
        starts=6,
        bit_price=0.003,
    ),
    # Outputs are fitted, not weights: it needs inputs (docs/activation_aware.md).
    CALIBRATED: ActivationOptions(search=3, levels=6, largest_kernel=None),
}


def preset(name: str, **changes: Any) -> Options:
    """Return the named preset with `changes` applied.

    Raises:
        InputError: the preset or an option does not exist, or a value is out of range.
    """
    require("preset", name, PRESETS)
    found = PRESETS[name]
    unused = UNUSED if isinstance(found, ActivationOptions) else ()
    for key in changes:
        known = [field.name for field in fields(found) if field.name not in unused]
        require(f"option of {name}" if unused else "option", key, known)
    return replace(found, **changes)


def options_from(values: Mapping[str, Any], place: object) -> Options:
    """Return the options that a file holds as plain values; those that it lacks are the defaults.

    Raises:
        InputError: it holds something else; all of it in one message.
    """
    for key in values:
        require("option", key, [field.name for field in fields(Options)])
    known: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in values.items()
    }
    kinds, wrong = get_type_hints(Options), []
    for key, value in known.items():
        try:
            TypeAdapter(kinds[key]).validate_python(value, strict=True)
        except ValidationError:
            wrong.append(Problem(f"{place}: option {key}", f"{value!r:.60} is not of its type"))
    if wrong:
        raise InputError(wrong)
    return Options(**known)
