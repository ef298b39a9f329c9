"""Random numbers and what is drawn with them, compiled by numba: the numbers of numpy's PCG64, by
its own rules of how they become 16 bits or a normal deviate, without a call for each.

A stream is six words: the state and the increment, high word first, whether half a word is left
over, and that half.
"""

import math
from typing import Any

import numba
import numpy as np
from llvmlite.ir import Constant, IntType
from numba.extending import intrinsic
from numba.np.random._constants import (
    fi_float,
    ki_float,
    wi_float,
    ziggurat_nor_inv_r_f,
    ziggurat_nor_r_f,
)
from numpy.typing import NDArray

from archsim.formats.machine_code import called, machine_code, written_out

Words = NDArray[np.uint64]
Sixteens = NDArray[np.uint16]
Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]
Mask = NDArray[np.bool_]
Steps = NDArray[np.int32]
Values = NDArray[np.int8]
"""Or the same of 16 bits, or without a sign."""
U = np.uint64
F = np.float32

TIMES_HIGH, TIMES_LOW = U(0x2360ED051FC65DA4), U(0x4385DF649FCCF645)
"""The multiplier of PCG64."""
HALF, LOW = U(32), U(0xFFFFFFFF)
ONE_24TH = F(1 / 16777216)
RIGHT, RIGHT_INVERSE = F(ziggurat_nor_r_f), F(ziggurat_nor_inv_r_f)


@intrinsic
def _upper(_typing: Any, one: Any, other: Any) -> Any:
    """The upper 64 bits of a product of two words."""

    def written(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        wide = IntType(128)
        product = builder.mul(*(builder.zext(word, wide) for word in words))
        return builder.trunc(builder.lshr(product, Constant(wide, 64)), IntType(64))

    return numba.uint64(one, other), written


_high_word: Any = _upper


@written_out
def _step(stream: Words) -> U:
    """The next 64 bits."""
    high, low = stream[0], stream[1]
    product = low * TIMES_LOW
    above = _high_word(low, TIMES_LOW) + low * TIMES_HIGH + high * TIMES_LOW
    low = product + stream[3]
    high = above + stream[2] + U(low < product)
    stream[0], stream[1] = high, low
    mixed, turn = high ^ low, high >> U(58)
    return U((mixed >> turn) | (mixed << ((U(64) - turn) & U(63))))


@called
def _word(stream: Words) -> U:
    """The next 32 bits: the low half of 64, then the high one."""
    if stream[4]:
        stream[4] = U(0)
        return U(stream[5])
    bits = _step(stream)
    stream[4], stream[5] = U(1), bits >> HALF
    return bits & LOW


@called
def _share(stream: Words) -> F:
    """A number from 0 to 1."""
    return F(_word(stream) >> U(8)) * ONE_24TH


@machine_code
def sixteens(stream: Words, out: Sixteens) -> None:
    """16 bits each: two of 32, the low ones first; what the last 32 leave over is dropped."""
    at, size = 0, out.size
    if stream[4] and size:
        word = _word(stream)
        out[0] = word
        if size > 1:
            out[1] = word >> U(16)
        at = 2
    while at + 4 <= size:
        bits = _step(stream)
        out[at], out[at + 1] = bits, bits >> U(16)
        out[at + 2], out[at + 3] = bits >> HALF, bits >> U(48)
        stream[5] = bits >> HALF
        at += 4
    while at < size:
        word = _word(stream)
        out[at] = word
        if at + 1 < size:
            out[at + 1] = word >> U(16)
        at += 2


@called
def _tail(stream: Words, negative: bool) -> F:
    """A deviate beyond the last layer of the ziggurat."""
    while True:
        beyond = -RIGHT_INVERSE * F(math.log1p(-_share(stream)))
        height = -F(math.log1p(-_share(stream)))
        if height + height > beyond * beyond:
            return -(RIGHT + beyond) if negative else RIGHT + beyond


@machine_code
def normals(stream: Words, out: Floats) -> None:
    """Standard normal deviates, by the ziggurat."""
    at = 0
    while at < out.size:
        word = _word(stream)
        layer, places = word & U(0xFF), (word >> U(9)) & U(0x7FFFFF)
        size = F(places) * wi_float[layer]
        value = -size if word & U(0x100) else size
        if places < ki_float[layer]:
            out[at] = value
            at += 1
        elif layer == 0:
            out[at] = _tail(stream, bool(places & U(0x100)))
            at += 1
        else:
            below = (fi_float[layer - U(1)] - fi_float[layer]) * _share(stream) + fi_float[layer]
            if below < math.exp(-0.5 * value * value):
                out[at] = value
                at += 1


@machine_code
def looked_up(stream: Words, table: Values, out: Values) -> None:
    """A value of a table of 65536 for each entry of rows (rows, entries); a row takes 16 bits each,
    and as many more where its entries are odd."""
    entries = out.shape[1]
    drawn = np.empty(entries + entries % 2, np.uint16)
    for row in range(out.shape[0]):
        sixteens(stream, drawn)
        for entry in range(entries):
            out[row, entry] = table[drawn[entry]]


@machine_code
def codes(
    stream: Words, live: tuple[Mask, Sixteens], patterns: Bytes, table: Bytes, out: Bytes
) -> None:
    """Codes (filters, rows, width) of rows that are live, by 16 bits a row at most a filter's
    chance, if there are chances: a pattern (65536, width) of ones per row, and a code of a table
    of 65536 per one."""
    (rows, chances), width = live, out.shape[2]
    some, which = np.empty(rows.size, np.uint16), np.empty(rows.size, np.uint16)
    drawn = np.empty(out.size, np.uint16)
    if chances.size:
        sixteens(stream, some)
    sixteens(stream, which)
    sixteens(stream, drawn)
    row = at = 0
    for k in range(rows.shape[0]):
        for r in range(rows.shape[1]):
            alive = np.int8(rows[k, r])
            if chances.size:
                alive &= np.int8(some[row] <= chances[k])
            # Every code is looked up: a processor guesses wrongly which rows are live.
            for place in range(width):
                out[k, r, place] = table[drawn[at + place]] * patterns[which[row], place] * alive
            row, at = row + 1, at + width


@machine_code
def tossed(
    stream: Words, latent: tuple[Floats, Floats, Floats], moved: tuple[F, F], table: Sixteens,
    out: Mask,
) -> None:  # fmt: skip
    """Which entries (filters, channels, taps) are live: 16 bits at most the chance, and never where
    that is 0. It stands in a table at the latent, shifted and then times a factor, from the
    middle on. The latent is that of the filter (filters, channels or 1), the channel (channels or
    1) and the tap (taps or 1; not added if 1) in all."""
    (of_filter, of_channel, of_tap), (shift, factor) = latent, moved
    last, taps = F(table.size - 1), out.shape[2]
    entries = out.shape[1] * taps
    drawn = np.empty(entries + entries % 2, np.uint16)
    for k in range(out.shape[0]):
        sixteens(stream, drawn)
        for c in range(out.shape[1]):
            own = of_filter[k, c if of_filter.shape[1] > 1 else 0]
            own = own + of_channel[c if of_channel.size > 1 else 0]
            for t in range(taps):
                place = (own + of_tap[t] if of_tap.size > 1 else own) + shift
                place = np.rint(place * factor + last / F(2))
                chance = table[np.int32(min(max(place, F(0)), last))]
                out[k, c, t] = chance > 0 and drawn[c * taps + t] <= chance


@machine_code
def stepped(
    latent: Floats, of_channel: tuple[Floats, Floats, Steps], pixels: tuple[Floats, int],
    tables: tuple[Values, F], out: Values,
) -> None:  # fmt: skip
    """Values (channels, rows, columns) of rows of the latent (rows, columns, channels): less the
    channel's mean, by its spread, times the pixel's scale (all rows, columns), it is a step from
    the middle of the channel's table, of so many steps, which begins at a place. `pixels` are the
    scale and the first of the rows."""
    (mean, spread, begin), (scale, first), (table, steps) = of_channel, pixels, tables
    middle, last = steps / F(2), steps - F(1)
    for row in range(latent.shape[0]):
        for channel in range(latent.shape[2]):
            for column in range(latent.shape[1]):
                place = (latent[row, column, channel] - mean[channel]) / spread[channel]
                place = place * scale[first + row, column] + middle
                step = np.int32(min(max(place, F(0)), last))
                out[channel, first + row, column] = table[begin[channel] + step]
