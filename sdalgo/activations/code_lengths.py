"""What a code costs: ideal lengths of the code words of a layer, from how often each occurs."""

from dataclasses import dataclass

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

    @property
    def high(self) -> int:
        return self.low + len(self.positive) - 1

    def of(self, coef: Float64) -> Float64:
        """Return the bits of each coefficient, of rows that hold something."""
        place = places(coef, self.low, self.high)
        signed = np.where(coef < 0, self.negative[place], self.positive[place])
        return np.where(coef == 0, self.zero, signed)

    def total(self, coef: Float64) -> Float64:
        """Return the bits of each filter, (N,), of coefficients (rows, r, N)."""
        live = np.asarray(coef.any(axis=1))
        bits = (self.of(coef) * live[:, None]).sum(axis=1) + self.dead * ~live
        return np.asarray(bits.sum(axis=0))


def places(values: Float64, low: int, high: int) -> NDArray[np.intp]:
    """Return the place of each magnitude's own octave, 0 for `low`, cut to what there is."""
    octave = np.frexp(values)[1] - (1 + low)
    return np.asarray(np.clip(octave, 0, high - low), dtype=np.intp)


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
