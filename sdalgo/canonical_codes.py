"""Canonical Huffman codes (appendix B): what is coded, the bit stream, and back."""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.huffman import code_lengths, symbol_counts
from archsim.formats.weight_bits import check_form
from sdalgo.pow2 import Codes

LONGEST = 31  # a code length is charged 5 bits, and 0 means that the symbol is not used

Lengths = dict[int, int]


def coded_symbols(coef: Codes, form: str) -> tuple[Codes, NDArray[np.bool_]]:
    """Return (codes to be coded in order, index bits) of a form (archsim.formats.weight_bits)."""
    check_form(form)
    rows = coef.reshape(-1, coef.shape[-1])
    if form == "row":
        live = np.asarray(rows.any(axis=1))
        return rows[live].ravel(), live
    nonzero = rows.ravel() != 0
    return rows.ravel()[nonzero], nonzero


def table_of(codes: Codes) -> Lengths:
    """Return the code length of each symbol that occurs; ties are broken from -128 up."""
    lengths = code_lengths(np.roll(symbol_counts(codes.reshape(1, -1))[0], 128))
    return {int(place) - 128: int(lengths[place]) for place in np.flatnonzero(lengths)}


def encode(codes: Codes, lengths: Lengths) -> bytes:
    """Return the stream, first bit highest, padded with zero bits to whole bytes."""
    from bitarray import bitarray

    stream = bitarray(endian="big")
    words = {symbol: bitarray(word) for symbol, word in _words(lengths).items()}
    stream.encode(words, codes.ravel().tolist())
    return bytes(stream.tobytes())


def decode(stream: bytes, count: int, lengths: Lengths) -> Codes:
    """Return the `count` codes of a stream.

    Raises:
        InputError: the lengths are no prefix code, or the stream does not hold just `count` codes.
    """
    from bitarray import bitarray
    from bitarray.util import canonical_decode

    check_lengths(lengths)
    bits = bitarray(endian="big")
    bits.frombytes(stream)
    order = sorted(lengths, key=lambda symbol: (lengths[symbol], symbol))
    per_length = [0] * (max(lengths.values(), default=0) + 1)
    for length in lengths.values():
        per_length[length] += 1
    try:
        reader = canonical_decode(bits, per_length, order)
        codes = np.fromiter(islice(reader, count), np.int8, count)
    except (StopIteration, ValueError, RuntimeError) as error:
        raise InputError.at("codes", f"the stream ends before its {count} codes") from error
    by_byte = np.zeros(256, np.int64)
    by_byte[[symbol % 256 for symbol in lengths]] = list(lengths.values())
    used = int(symbol_counts(codes.reshape(1, -1))[0] @ by_byte)
    if (used + 7) // 8 != len(stream) or bits[used:].any():
        raise InputError.at("codes", f"the stream holds more than its {count} codes")
    return codes


def check_lengths(lengths: Lengths) -> None:
    """Refuse lengths that no complete prefix code has (Kraft's equality; a lone symbol: 1)."""
    if not lengths:
        return
    if not all(1 <= length <= LONGEST for length in lengths.values()):
        raise InputError.at("code lengths", f"not all in 1..{LONGEST}")
    kraft = sum(2 ** (LONGEST - length) for length in lengths.values())
    full = 2**LONGEST if len(lengths) > 1 else 2 ** (LONGEST - 1)
    if kraft != full:
        raise InputError.at("code lengths", "they make no complete prefix code")


def _words(lengths: Lengths) -> dict[int, str]:
    """Return each symbol's code word, by length, then symbol."""
    words, value, before = {}, 0, 0
    for symbol in sorted(lengths, key=lambda s: (lengths[s], s)):
        length = lengths[symbol]
        value <<= length - before
        words[symbol] = format(value, f"0{length}b")
        value, before = value + 1, length
    return words
