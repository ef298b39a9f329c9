"""Canonical Huffman codes (appendix B): lengths, the bit stream, and back."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError

LONGEST = 31  # a code length is charged 5 bits, and 0 means that the symbol is not used

Lengths = dict[int, int]
Counts = Mapping[int, int]


def code_lengths(counts: Counts) -> Lengths:
    """Return the optimal code length of each symbol that occurs; a lone symbol takes 1 bit.

    Ties are broken by symbol, so equal counts always give equal codes.
    """
    used = sorted((symbol, count) for symbol, count in counts.items() if count > 0)
    if len(used) == 1:
        return {used[0][0]: 1}
    heap = [(count, order, [symbol]) for order, (symbol, count) in enumerate(used)]
    heapq.heapify(heap)
    lengths = dict.fromkeys((symbol for symbol, _ in used), 0)
    order = len(heap)
    while len(heap) > 1:
        first, _, left = heapq.heappop(heap)
        second, _, right = heapq.heappop(heap)
        for symbol in (*left, *right):
            lengths[symbol] += 1
        heapq.heappush(heap, (first + second, order, left + right))
        order += 1
    return lengths


def symbol_counts(codes: NDArray[np.int8]) -> dict[int, int]:
    """Return how often each code occurs."""
    counts = np.bincount(codes.ravel().view(np.uint8), minlength=256)
    return {int(np.uint8(s).view(np.int8)): int(counts[s]) for s in np.flatnonzero(counts)}


def coded_bits(counts: Counts, lengths: Lengths) -> int:
    """Return the length of the stream without its table."""
    return sum(count * lengths[symbol] for symbol, count in counts.items() if count)


def entropy(counts: Counts) -> float:
    """Return Shannon's bound in bits a symbol; 0 for an empty set."""
    share = np.array([count for count in counts.values() if count], float)
    share /= share.sum() if share.size else 1
    return float(-(share * np.log2(share)).sum())


def encode(codes: NDArray[np.int8], lengths: Lengths) -> bytes:
    """Return the stream, first bit highest, padded with zero bits to whole bytes."""
    from bitarray import bitarray

    stream = bitarray(endian="big")
    words = {symbol: bitarray(word) for symbol, word in _words(lengths).items()}
    stream.encode(words, codes.ravel().tolist())
    return bytes(stream.tobytes())


def decode(stream: bytes, count: int, lengths: Lengths) -> NDArray[np.int8]:
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
    used = coded_bits(symbol_counts(codes), lengths)
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
