"""Huffman's code lengths, and how often each code occurs.

Only lengths are known here: they decide sizes. Who writes streams makes canonical codes of them.
"""

import heapq

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CHUNK = 1 << 16
"""Codes counted at a time, so that they stay in a cache."""
TURNS = 4
"""Counters of each code in a filter that is long, used in turns: most codes are 0, and a processor
waits to add to a number that it has just written."""
LONG = 1 << 11


def code_lengths(frequencies: Ints) -> Ints:
    """Optimal code length of each symbol (Huffman 1952): 0 where it does not occur, 1 for a lone
    symbol.

    Ties are broken by place, so equal frequencies always give equal lengths.
    """
    lengths = [0] * len(frequencies)
    used = np.flatnonzero(frequencies)
    if len(used) == 1:
        lengths[used[0]] = 1
    often = zip(frequencies[used].tolist(), used.tolist(), strict=True)
    heap = [(count, order, [symbol]) for order, (count, symbol) in enumerate(often)]
    heapq.heapify(heap)
    order = len(heap)
    while len(heap) > 1:
        first, _, left = heapq.heappop(heap)
        second, _, right = heapq.heappop(heap)
        both = left + right
        for symbol in both:
            lengths[symbol] += 1
        heapq.heappush(heap, (first + second, order, both))
        order += 1
    return np.array(lengths, np.int64)


def symbol_counts(codes: NDArray[np.int8]) -> Ints:
    """How often each code occurs in each filter: (K, n) -> (K, 256), the place being its byte."""
    filters, each = codes.shape
    symbols = codes.view(np.uint8)
    counts = np.empty((filters, 256), np.int64)
    step = max(1, CHUNK // max(1, each))
    turns = TURNS if each >= LONG else 1
    turn = 256 * (np.arange(each) % turns)
    for start in range(0, filters, step):
        block = symbols[start : start + step]
        place = block.astype(np.int64)
        if turns > 1:
            place += turn
        if step > 1:
            place += 256 * turns * np.arange(len(block))[:, None]
        found = np.bincount(place.reshape(-1), minlength=256 * turns * len(block))
        counts[start : start + step] = found.reshape(len(block), turns, 256).sum(axis=1)
    return counts


def mean_length(codes: NDArray[np.int8]) -> float:
    """Bits per code when these codes are coded by themselves; 0 for none."""
    counts = symbol_counts(codes.reshape(1, -1))[0]
    return int(counts @ code_lengths(counts)) / codes.size if codes.size else 0.0
