"""The loops over SCNN's vector operations, for a compiler: what `operations.issue`, `queues` and
the proof of `certificate` do with numpy for many operations at once, one operation after the other.
numba compiles them where it is installed (the extra `fast`). All numbers are integers, so what is
found is the same.

numba keeps what it has compiled beside this file or, where that cannot be written, in its folder
of the user (NUMBA_CACHE_DIR names another). It is code that is loaded and executed, so it is never
in archsim's own cache, which lies in whatever folder one works in.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from os import environ
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.tiling import LARGEST_QUEUE
from archsim.machines.shared.geometry import Ints

VARIABLE = "ARCHSIM_FAST"
"""Set to 0, everything is computed with numpy as if numba were not there."""
ONES, HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
CARRY = np.uint64(0x7F7F7F7F7F7F7F7F)
"""Sets the high bit of every byte that is not zero."""
SEVEN, ZERO = np.uint64(7), np.uint64(0)
Codes = NDArray[np.int32]
Loop = Callable[..., None]

_RUNS = "uint64[:,:,::1], int32[:,::1], int64[:,:,::1], int64[:,:,::1]"
FOLLOW = f"void(int32[:,::1], int32[:,::1], {_RUNS}, uint64[:,::1], int64[::1], int64)"
BOUND = "void(uint64[:,::1], int64[::1], int64[::1], uint64[:,::1], boolean[::1], int64)"
"""Types of the arguments: one machine code for all layers."""


def following(words: int, largest: int = LARGEST_QUEUE) -> Loop:
    """The loop that follows queues of banks in so many words, as plain Python."""

    def follow(
        codes: Codes,
        lengths: Codes,
        by_code: Words,
        classes: Codes,
        first: Ints,
        counts: Ints,
        queues: Words,
        waited: Ints,
        depth: int,
    ) -> None:
        """Follow elements through runs of weight vectors (vectors, width), `lengths` (channels,
        phases) of them, and of activation vectors `classes` (width, vectors), `first` and `counts`
        (channels, phases, elements). `queues` (elements, words) and cycles `waited` (elements,)
        go on from what they are. What one product adds is `by_code` (codes, classes, words).
        """
        room = np.uint64(largest - depth) * ONES
        kinds = by_code.shape[1]
        longest = max(1, lengths.max()) * words
        table = np.empty(kinds * longest, np.uint64)
        row, queue = np.empty(longest, np.uint64), np.empty(words, np.uint64)
        start = 0
        for channel in range(lengths.shape[0]):
            for phase in range(lengths.shape[1]):
                size = lengths[channel, phase] * words
                # All elements meet the same weights: one table of what an activation adds.
                for kind in range(kinds):
                    for vector in range(lengths[channel, phase]):
                        for word in range(words):
                            added = by_code[codes[start + vector, 0], kind, word]
                            for member in range(1, codes.shape[1]):
                                added += by_code[codes[start + vector, member], kind, word]
                            table[kind * size + vector * words + word] = added
                start += lengths[channel, phase]
                for element in range(counts.shape[2]):
                    here = first[channel, phase, element]
                    for word in range(words):
                        queue[word] = queues[element, word]
                    for place in range(here, here + counts[channel, phase, element]):
                        of = classes[0, place] * size
                        for at in range(size):
                            row[at] = table[of + at]
                        for member in range(1, classes.shape[0]):
                            of = classes[member, place] * size
                            for at in range(size):
                                row[at] += table[of + at]
                        for at in range(0, size, words):
                            over = ZERO
                            for word in range(words):
                                over |= queue[word] + row[at + word] + room
                            while over & HIGH != ZERO:
                                over = ZERO
                                for word in range(words):
                                    held, more = queue[word], row[at + word]
                                    over |= (held + more + room) & (held + CARRY) & (more + CARRY)
                                if over & HIGH != ZERO:
                                    waited[element] += 1
                                    for word in range(words):
                                        held = queue[word]
                                        queue[word] = held - (((held + CARRY) & HIGH) >> SEVEN)
                            for word in range(words):
                                held = queue[word] + row[at + word]
                                queue[word] = held - (((held + CARRY) & HIGH) >> SEVEN)
                    for word in range(words):
                        queues[element, word] = queue[word]

    return follow


def bounding(words: int, largest: int = LARGEST_QUEUE) -> Loop:
    """The loop that runs single runs to their end, as plain Python."""

    def bound(
        counts: Words, start: Ints, size: Ints, queues: Words, failed: NDArray[np.bool_], depth: int
    ) -> None:
        """Issue `size` operations of `counts` (operations, words) from `start` on, for each run, and
        leave its `queues` (runs, words) as they are then; it has `failed` where one passes the
        depth.
        """
        room = np.uint64(largest - depth) * ONES
        for run in range(start.size):
            for at in range(start[run], start[run] + size[run]):
                over = ZERO
                for word in range(words):
                    full = queues[run, word] + counts[at, word]
                    over |= full + room
                    queues[run, word] = full - (((full + CARRY) & HIGH) >> SEVEN)
                if over & HIGH != ZERO:
                    failed[run] = True
                    break

    return bound


@dataclass(frozen=True)
class Compiled:
    """Both loops as machine code."""

    follow: Loop
    bound: Loop


@cache
def compiled(words: int) -> Compiled | None:
    """The loops for banks in so many words; None where numba is not installed, or ARCHSIM_FAST says
    no.
    """
    if environ.get(VARIABLE) == "0":
        return None
    try:
        numba: Any = import_module("numba")
    except ImportError:
        return None

    def machine_code(types: str, loop: Loop) -> Loop:
        made: Loop
        with suppress(RuntimeError):  # numba has no folder that it may write to
            made = numba.njit(types, cache=True)(loop)
            return made
        made = numba.njit(types)(loop)
        return made

    return Compiled(machine_code(FOLLOW, following(words)), machine_code(BOUND, bounding(words)))
