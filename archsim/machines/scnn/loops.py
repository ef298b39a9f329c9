"""The loops over SCNN's vector operations, compiled by numba: what `operations.issue`, `queues` and
the proof of `certificate` do with numpy for many operations at once, one operation after the other.

A queue is a byte, eight share a word. Sizes that a compiler has to know are the lengths of tuples:
`word` has an entry per word of the banks, `weight` and `activation` one per place of a vector.
Indices are unsigned: numba has nothing to look up for those below zero then, and numbers of vectors
are added up several at a time.
"""

import numpy as np
from numpy.typing import NDArray

from archsim.formats.machine_code import machine_code, written_out
from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.tiling import LARGEST_QUEUE
from archsim.machines.shared.geometry import Ints, Mask

Codes = NDArray[np.int32]
Places = tuple[int, ...]
Added = tuple[Words, int]
U = np.uint64

ONES, HIGH = U(0x0101010101010101), U(0x8080808080808080)
CARRY = U(0x7F7F7F7F7F7F7F7F)
"""Sets the high bit of every byte that is not zero."""
SEVEN, ZERO = U(7), U(0)
WIDEST = 8
"""Places of a vector at most."""
ROUNDS = 6
"""Of raising the bound of a proof; where it exists it is found in two or three."""


@written_out
def _drained(held: U) -> U:
    """One product taken from every bank that has any."""
    return held - (((held + CARRY) & HIGH) >> SEVEN)


@machine_code
def _wait(queue: Words, sums: Words, first: int, room: U, word: Places) -> int:
    """Let the banks drain until what enters them, from `first` on, has room; the cycles that
    takes.
    """
    waited = 0
    while True:
        over = ZERO
        for w in range(len(word)):
            held, more = queue[w], sums[first + U(w)]
            # Nobody waits for a queue that is empty, or that no product enters.
            over |= (held + more + room) & (held + CARRY) & (more + CARRY)
        if over & HIGH == ZERO:
            return waited
        for w in range(len(word)):
            queue[w] = _drained(queue[w])
        waited += 1


@written_out
def _issue(sums: Words, size: U, queue: Words, room: U, word: Places) -> int:
    """Issue operations of which the words are `sums`; the cycles they wait."""
    waited = 0
    for at in range(ZERO, size, U(len(word))):
        over = ZERO
        for w in range(len(word)):
            over |= queue[w] + sums[at + U(w)] + room
        if over & HIGH != ZERO:
            waited += _wait(queue, sums, at, room, word)
        for w in range(len(word)):
            queue[w] = _drained(queue[w] + sums[at + U(w)])
    return waited


@written_out
def _issue_four(sums: Words, size: U, queue: Words, room: U, word: Places) -> int:
    """As `_issue` where there are four words, which stay in registers."""
    waited = 0
    a, b, c, d = queue[0], queue[1], queue[2], queue[3]
    for at in range(ZERO, size, U(4)):
        i, j, k, m = at, at + U(1), at + U(2), at + U(3)
        e, f, g, h = a + sums[i], b + sums[j], c + sums[k], d + sums[m]
        if ((e + room) | (f + room) | (g + room) | (h + room)) & HIGH != ZERO:
            queue[0], queue[1], queue[2], queue[3] = a, b, c, d
            waited += _wait(queue, sums, at, room, word)
            e, f = queue[0] + sums[i], queue[1] + sums[j]
            g, h = queue[2] + sums[k], queue[3] + sums[m]
        a, b, c, d = _drained(e), _drained(f), _drained(g), _drained(h)
    queue[0], queue[1], queue[2], queue[3] = a, b, c, d
    return waited


@written_out
def _line(
    weights: tuple[Codes, int, int], added: tuple[Words, U], table: tuple[Words, U], word: Places,
    weight: Places,
) -> None:  # fmt: skip
    """What one activation adds with each weight vector of a run, into a table from a place on;
    what it adds with each code, (codes, words), begins at another.
    """
    (codes, start, vectors), (single, first), (out, to) = weights, added, table
    words = U(len(word))
    for vector in range(start, start + vectors):
        if len(weight) == 4:
            i, j = first + U(codes[vector, 0]) * words, first + U(codes[vector, 1]) * words
            k, m = first + U(codes[vector, 2]) * words, first + U(codes[vector, 3]) * words
            for w in range(len(word)):
                at = U(w)
                out[to + at] = single[i + at] + single[j + at] + single[k + at] + single[m + at]
        else:
            for w in range(len(word)):
                total = single[first + U(codes[vector, 0]) * words + U(w)]
                for member in range(1, len(weight)):
                    total += single[first + U(codes[vector, member]) * words + U(w)]
                out[to + U(w)] = total
        to += words


@written_out
def _sum(table: Words, of: Words, sums: Words, size: U, activation: Places) -> None:
    """What the activations of a vector, whose lines of a table begin at `of`, add together."""
    if len(activation) == 4:
        i, j, k, m = of[0], of[1], of[2], of[3]
        for at in range(ZERO, size):
            sums[at] = table[i + at] + table[j + at] + table[k + at] + table[m + at]
        return
    for at in range(ZERO, size):
        sums[at] = table[of[0] + at]
    for member in range(1, len(activation)):
        for at in range(ZERO, size):
            sums[at] += table[of[member] + at]


@machine_code
def follow(
    weights: tuple[Codes, Codes], by_kind: tuple[Words, int], met: tuple[Codes, Ints, Ints],
    state: tuple[Words, Ints], array: tuple[int, Places, Places, Places],
) -> None:  # fmt: skip
    """Let elements go through runs of weight vectors (vectors, width), of which there are as many
    as (channels, phases) says, with the activation vectors `met` (vectors, width), which begin at
    (channels, phases, elements) and are so many. `added` is what one product adds, (kinds, codes x
    words). The state, queues (elements, words) and cycles waited (elements,), goes on. The array
    is its depth, and `word`, `weight` and `activation`.
    """
    (codes, lengths), (depth, word, weight, activation) = weights, array
    (classes, first, counts), (queues, waited) = met, state
    room, most = U(LARGEST_QUEUE - depth) * ONES, max(1, lengths.max()) * len(word)
    (added, of_kind), kinds = by_kind, by_kind[0].size // by_kind[1]
    table, made = np.empty(kinds * most, np.uint64), np.full(kinds, -1)
    queue, sums = np.empty(len(word), np.uint64), np.empty(most, np.uint64)
    start, run, of = 0, 0, np.empty(WIDEST, np.uint64)
    for channel in range(lengths.shape[0]):
        for phase in range(lengths.shape[1]):
            vectors, run = lengths[channel, phase], run + 1
            size = U(vectors * len(word))
            for element in range(counts.shape[2]):
                here = first[channel, phase, element]
                for w in range(len(word)):
                    queue[w] = queues[element, w]
                for place in range(here, here + counts[channel, phase, element]):
                    for member in range(len(activation)):
                        kind = U(classes[place, member])
                        of[member] = kind * size
                        # All elements meet the same weights: what a kind adds is found once.
                        if made[kind] != run:
                            made[kind], line = run, (table, of[member])
                            single = added, kind * U(of_kind)
                            _line((codes, start, vectors), single, line, word, weight)
                    _sum(table, of, sums, size, activation)
                    if len(word) == 4:
                        waited[element] += _issue_four(sums, size, queue, room, word)
                    else:
                        waited[element] += _issue(sums, size, queue, room, word)
                for w in range(len(word)):
                    queues[element, w] = queue[w]
            start += vectors


@machine_code
def _raised(runs: tuple[Words, Ints], bound: Words, raised: Words, room: U, word: Places) -> bool:
    """Whether no run, of so many of the operations (operations, words), that begins with queues
    `bound` passes the depth; `raised` to where they end.
    """
    (counts, sizes), queue, at = runs, np.empty(len(word), np.uint64), 0
    for size in sizes:
        queue[:], over = bound, ZERO
        for operation in range(at, at + size):
            for w in range(len(word)):
                full = queue[w] + counts[operation, w]
                over |= full + room
                queue[w] = _drained(full)
        if over & HIGH != ZERO:
            return False
        at += size
        for w in range(len(word)):
            # Of each byte the larger: none has its high bit set, so that none borrows.
            less = (((queue[w] | HIGH) - raised[w]) & HIGH) >> SEVEN
            mask = less * U(0xFF)
            raised[w] = (queue[w] & mask) | (raised[w] & ~mask)
    return True


@machine_code
def prove(
    weights: tuple[Codes, Ints], added: Words, depth: int, word: Places, weight: Places
) -> Mask:
    """For which groups a bound is found that no run begun within it passes, nor ends beyond: runs
    of weight vectors (vectors, width), so many of (groups, channels, phases), each meeting a full
    tile's pixels, which add (phases, codes, words) together. See `certificate`.
    """
    (codes, lengths), room = weights, U(LARGEST_QUEUE - depth) * ONES
    proven, start = np.zeros(len(lengths), np.bool_), 0
    bound, raised = np.zeros(len(word), np.uint64), np.zeros(len(word), np.uint64)
    for group in range(len(lengths)):
        sizes = lengths[group].reshape(-1)
        counts, at = np.zeros((sizes.sum(), len(word)), np.uint64), 0
        for run in range(sizes.size):
            single = added.reshape(-1), U(run % lengths.shape[2] * added[0].size)
            line = counts.reshape(-1), U(at * len(word))
            _line((codes, start + at, sizes[run]), single, line, word, weight)
            at += sizes[run]
        bound[:], raised[:] = ZERO, ZERO
        for _ in range(ROUNDS):
            if not _raised((counts, sizes), bound, raised, room, word):
                break
            if (raised == bound).all():
                proven[group] = True
                break
            bound[:] = raised
        start += len(counts)
    return proven
