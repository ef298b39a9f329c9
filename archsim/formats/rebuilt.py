"""Rebuilt weights as the integers that SmartDeal's rebuild engines make, by
docs/machines/smartdeal.md, section "Weights as integers".

A filter has one unit, and each of its weights is a whole number of them. The bases of a filter's
slices have scales of their own: each scale becomes a power of two times a significand in (1/2, 1]
of the filter's largest, the significand is multiplied into the basis entries, and the power is
added to the shifts. Where that leaves a filter with more different shifts than an engine has, the
smallest ones move to the right.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.formats.slices import rows_per_slice

Ints = NDArray[np.int64]
MOST_OFFSET = 511
"""Of a slice, in the ten bits that an engine has for it; beyond it nothing is left of an entry."""
MOST_RIGHT = 9
"""Places by which an entry of 8 bits moves to the right until only its sign is left."""


@dataclass(frozen=True, kw_only=True)
class WeightFormat:
    """What an engine can hold: `weight_bits` of a weight, shifts of `largest_shift` to the left.

    An entry that moves to the right is rounded to the `nearest` integer, ties up, or `down`; a sum
    beyond the width becomes the largest one (`clip`) or loses its upper bits (`wrap`).
    """

    weight_bits: int = 17
    largest_shift: int = 7
    rounding: Literal["nearest", "down"] = "nearest"
    saturation: Literal["clip", "wrap"] = "clip"


SHIPPED = WeightFormat()


@dataclass(frozen=True)
class EngineOperands:
    """What the engines are given beside the codes: int8 `basis` (K, slices, r, n), `offset`
    (K, slices) that is taken from each shift, and float64 `unit` (K,) that an integer stands for.
    """

    basis: NDArray[np.int8]
    offset: NDArray[np.int16]
    unit: NDArray[np.float64]


def engine_operands(
    coef: NDArray[np.int8],
    basis: NDArray[np.int8],
    scale: NDArray[np.floating[Any]],
    form: WeightFormat = SHIPPED,
) -> EngineOperands:
    """Bring the slices of each filter to one unit.

    Args:
        coef: codes (K, ..., r), each 0 or sign * (1 + p).
        basis: int8 (K, slices, r, n).
        scale: (K, slices), 0 for a slice without codes.
    """
    filters, slices = basis.shape[:2]
    largest = scale.max(axis=1).astype(np.float64)
    ratio = scale.astype(np.float64) / np.where(largest > 0, largest, 1)[:, None]
    part, power = np.frexp(ratio)
    whole = part == 0.5  # a power of two itself: 1 * 2^(power - 1)
    part, power = np.where(whole, 1.0, part), power - whole
    entries = np.rint(basis * part[:, :, None, None]).astype(np.int8)
    level = np.abs(coef.reshape(filters, -1, coef.shape[-1]).astype(np.int64))
    height = rows_per_slice(level.shape[1], slices)
    place = level - 1 + power[:, np.arange(level.shape[1]) // height][:, :, None]
    live = level > 0
    top = np.max(place, axis=(1, 2), where=live, initial=-(1 << 20))
    bottom = np.min(place, axis=(1, 2), where=live, initial=1 << 20)
    lowest = np.where(live.any(axis=(1, 2)), np.maximum(bottom, top - form.largest_shift), 0)
    offset = np.clip(lowest[:, None] - power, -MOST_OFFSET, MOST_OFFSET)
    return EngineOperands(entries, offset.astype(np.int16), np.ldexp(largest, lowest))


def integer_weights(
    coef: NDArray[np.int8], operands: EngineOperands, form: WeightFormat = SHIPPED
) -> Ints:
    """Return (K, rows, n): each row's basis rows shifted and added, one code after the other."""
    codes = coef.reshape(len(coef), -1, coef.shape[-1]).astype(np.int64)
    slices = operands.basis.shape[1]
    own = np.arange(codes.shape[1]) // rows_per_slice(codes.shape[1], slices)
    total = np.zeros((*codes.shape[:2], operands.basis.shape[-1]), np.int64)
    for place in range(codes.shape[-1]):
        code = codes[:, :, place]
        shift = np.abs(code) - 1 - operands.offset[:, own].astype(np.int64)
        entries = operands.basis[:, own, place].astype(np.int64)
        shift[code == 0] = 0  # adds nothing, wherever it would move
        term = shifted(entries, shift[:, :, None], form) * np.sign(code)[:, :, None]
        total = within(total + term, form)
    return total


def shifted(entries: Ints, shift: Ints, form: WeightFormat) -> Ints:
    """Entries of 8 bits, moved to the left or, below 0, to the right."""
    moved = entries << np.clip(shift, 0, form.largest_shift)
    to_right = np.broadcast_to(shift < 0, entries.shape)
    if to_right.any():  # few layers have any
        right = np.minimum(-np.broadcast_to(shift, entries.shape)[to_right], MOST_RIGHT)
        half = 1 << (right - 1) if form.rounding == "nearest" else 0
        moved[to_right] = (entries[to_right] + half) >> right
    return moved


def within(sums: Ints, form: WeightFormat) -> Ints:
    """Sums in the bits of a weight, two's complement."""
    most = 1 << (form.weight_bits - 1)
    if form.saturation == "clip":
        return np.clip(sums, -most, most - 1)
    return (sums + most) % (2 * most) - most
