"""What a code costs: ideal lengths of the code words of a layer, from how often each occurs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdalgo.fit import Float64

_UNSEEN = 0.5  # occurrences credited to a symbol that does not occur


@dataclass(frozen=True, kw_only=True)
class CodeLengths:
    """Bits of each code, for exponents low .. low + len - 1.

    Attributes:
        low: the lowest exponent; `positive[0]` are the bits of 2^low.
        positive, negative: bits by exponent.
        zero: bits of a zero in a row that holds something else.
        dead: bits of a row that is all zero, beyond its index bits.
    """

    low: int
    positive: Float64
    negative: Float64
    zero: float
    dead: float

    @cached_property
    def tables(self) -> tuple[tuple[Float64, Float64], tuple[Float64, Float64]]:
        """Values and bits of the power below and of the one above, by the octave of a number, those
        of negative numbers after those of positive ones."""
        power = np.ldexp(1.0, np.arange(self.low, self.high + 1))
        values, bits = np.stack([power, -power]), np.stack([self.positive, self.negative])
        above = np.minimum(np.arange(len(power)) + 1, len(power) - 1)
        return (values.ravel(), bits.ravel()), (values[:, above].ravel(), bits[:, above].ravel())

    @property
    def high(self) -> int:
        return self.low + len(self.positive) - 1

    def of(self, coef: Float64) -> Float64:
        """Return the bits of each coefficient, of rows that hold something."""
        place = places(coef, self.low, self.high)
        signed = np.where(coef < 0, self.negative[place], self.positive[place])
        return np.where(coef == 0, self.zero, signed)

    def of_rows(self, coef: Float64) -> Float64:
        """Return the bits of each row, (rows, N), of coefficients (rows, r, N)."""
        live = np.asarray(coef.any(axis=1))
        return np.asarray(np.where(live, self.of(coef).sum(axis=1), self.dead))

    def total(self, coef: Float64) -> Float64:
        """Return the bits of each filter, (N,), of coefficients (rows, r, N)."""
        return np.asarray(self.of_rows(coef).sum(axis=0))


def places(values: Float64, low: int, high: int) -> NDArray[np.intp]:
    """Return the place of each magnitude's own octave, 0 for `low`, cut to what there is."""
    # The exponent as a double holds it; what is too small for a normal one counts as the least.
    held = np.ascontiguousarray(values, np.float64).view(np.int64)
    octave = ((held >> 52) & 0x7FF) - (1023 + low)
    np.maximum(octave, 0, out=octave)
    return np.asarray(np.minimum(octave, high - low, out=octave), dtype=np.intp)


def measured(coef: Float64, powers: tuple[int, int], form: str) -> CodeLengths:
    """Return lengths for codes as they occur now.

    Args:
        coef: (rows, r, N), zeros and powers of two.
        powers: lowest and highest exponent that may be used.
        form: of the index (archsim.formats.weight_bits): `row` codes the zeros of live rows;
            `element` spends a bit on each coefficient, and codes what is not zero.
    """
    low, high = powers
    live = np.asarray(np.any(coef != 0, axis=1), dtype=np.bool_)
    used = coef.transpose(1, 0, 2)[:, live].ravel() if form == "row" else coef[coef != 0]
    signs = used > 0, used < 0
    counts = [
        np.bincount(places(used[side], low, high), minlength=high - low + 1) for side in signs
    ]
    zeros = int((used == 0).sum())
    total = max(used.size, 1)

    def bits(count: NDArray[np.generic]) -> Float64:
        return np.asarray(-np.log2(np.maximum(count, _UNSEEN) / total), dtype=np.float64)

    positive, negative = bits(counts[0]), bits(counts[1])
    if form == "row":
        zero = float(bits(np.array(zeros)))
        return CodeLengths(low=low, positive=positive, negative=negative, zero=zero, dead=0.0)
    # The index bit of a coefficient is part of its price here: a zero costs that and no more.
    return CodeLengths(
        low=low, positive=1 + positive, negative=1 + negative, zero=1.0, dead=float(coef.shape[1])
    )
