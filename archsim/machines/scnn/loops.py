"""The loops over SCNN's vector operations, compiled by numba: what `operations.issue`, `queues` and
the proof of `certificate` do with numpy for many operations at once, one operation after the other.

A queue is a byte, eight share a word. Sizes that a compiler has to know are the lengths of tuples:
`word` has an entry per word of the banks, `weight` and `activation` one per place of a vector.

numba keeps what it has compiled beside this file or, where that cannot be written, in a folder of
the user (NUMBA_CACHE_DIR names another). It is code that is loaded and executed, so it is never
kept in archsim's own cache, which lies in whatever folder one works in.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.tiling import LARGEST_QUEUE
from archsim.machines.shared.geometry import Ints, Mask

Codes = NDArray[np.int32]
Places = tuple[int, ...]
Added = tuple[Words, int]
F = TypeVar("F", bound=Callable[..., Any])

ONES, HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
CARRY = np.uint64(0x7F7F7F7F7F7F7F7F)
"""Sets the high bit of every byte that is not zero."""
SEVEN, ZERO = np.uint64(7), np.uint64(0)
WIDEST = 8
"""Places of a vector at most."""


def _compiled(function: F) -> F:
    with suppress(RuntimeError):  # there is no folder that numba may keep its code in
        return cast("F", numba.njit(cache=True)(function))
    return cast("F", numba.njit(function))


@_compiled
def _drain(queue: Words, word: Places) -> None:
    """Take one product from every bank that has any."""
    for w in range(len(word)):
        held = queue[w]
        queue[w] = held - (((held + CARRY) & HIGH) >> SEVEN)


@_compiled
def _wait(queue: Words, entering: Words, room: np.uint64, word: Places) -> int:
    """Let the banks drain until what enters them has room; the cycles that takes."""
    waited = 0
    while True:
        over = ZERO
        for w in range(len(word)):
            held, more = queue[w], entering[w]
            # Nobody waits for a queue that is empty, or that no product enters.
            over |= (held + more + room) & (held + CARRY) & (more + CARRY)
        if over & HIGH == ZERO:
            return waited
        _drain(queue, word)
        waited += 1


@_compiled
def _add_up(
    codes: Codes, run: tuple[int, int], added: Added, table: Words, places: tuple[Places, Places]
) -> None:
    """What an activation of each kind adds with each weight vector of a run, into a table of
    (kinds, vectors, words); both tables are flat, `line` is the length of a code.
    """
    (start, vectors), (by_code, line), (word, weight) = run, added, places
    of = np.empty(WIDEST, np.uint64)
    for vector in range(vectors):
        for member in range(len(weight)):
            of[member] = codes[start + vector, member] * line
        for at in range(0, line, len(word)):
            to = np.uint64(at * vectors + vector * len(word))
            for w in range(len(word)):
                sum_of = by_code[of[0] + np.uint64(at + w)]
                for member in range(1, len(weight)):
                    sum_of += by_code[of[member] + np.uint64(at + w)]
                table[to + np.uint64(w)] = sum_of


@_compiled
def follow(
    weights: tuple[Codes, Codes], added: Added, met: tuple[Codes, Ints, Ints],
    state: tuple[Words, Ints], array: tuple[int, Places, Places, Places],
) -> None:  # fmt: skip
    """Let elements go through runs of weight vectors (vectors, width), of which there are as many
    as (channels, phases) says, with the activation vectors `met` (width, vectors), which begin at
    (channels, phases, elements) and are so many. `added`, flat, is what one product adds, by code
    and kind. The state, queues (elements, words) and cycles waited (elements,), goes on. The array
    is its depth, and `word`, `weight` and `activation`.
    """
    (codes, lengths), (depth, word, weight, activation) = weights, array
    (classes, first, counts), (queues, waited) = met, state
    room = np.uint64(LARGEST_QUEUE - depth) * ONES
    table, of = np.empty(max(1, lengths.max()) * added[1], np.uint64), np.empty(WIDEST, np.uint64)
    queue, entering = np.empty(len(word), np.uint64), np.empty(len(word), np.uint64)
    start = 0
    for channel in range(lengths.shape[0]):
        for phase in range(lengths.shape[1]):
            vectors = lengths[channel, phase]
            # All elements meet the same weights: one table of what an activation adds.
            _add_up(codes, (start, vectors), added, table, (word, weight))
            start, size = start + vectors, vectors * len(word)
            for element in range(counts.shape[2]):
                here = first[channel, phase, element]
                for w in range(len(word)):
                    queue[w] = queues[element, w]
                for place in range(here, here + counts[channel, phase, element]):
                    for member in range(len(activation)):
                        of[member] = classes[member, place] * size
                    for at in range(0, size, len(word)):
                        over = ZERO
                        for w in range(len(word)):
                            more = table[of[0] + np.uint64(at + w)]
                            for member in range(1, len(activation)):
                                more += table[of[member] + np.uint64(at + w)]
                            entering[w] = more
                            over |= queue[w] + more + room
                        if over & HIGH != ZERO:
                            waited[element] += _wait(queue, entering, room, word)
                        for w in range(len(word)):
                            held = queue[w] + entering[w]
                            queue[w] = held - (((held + CARRY) & HIGH) >> SEVEN)
                for w in range(len(word)):
                    queues[element, w] = queue[w]


@_compiled
def run_to_end(
    counts: Words, runs: tuple[Ints, Ints], state: tuple[Words, Mask], depth: int, word: Places
) -> None:
    """Issue `size` operations of `counts` (operations, words) from `start` on, for each run. The
    state: its queues (runs, words) go on, and it has failed (runs,) where one passes the depth.
    """
    (start, size), (queues, failed) = runs, state
    room = np.uint64(LARGEST_QUEUE - depth) * ONES
    for run in range(start.size):
        for at in range(start[run], start[run] + size[run]):
            over = ZERO
            for w in range(len(word)):
                full = queues[run, w] + counts[at, w]
                over |= full + room
                queues[run, w] = full - (((full + CARRY) & HIGH) >> SEVEN)
            if over & HIGH != ZERO:
                failed[run] = True
                break
