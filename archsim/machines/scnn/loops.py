"""The loops over SCNN's vector operations, compiled by numba: what `operations.issue`, `queues` and
the proof of `certificate` do with numpy for many operations at once, one operation after the other.

A queue is a byte, eight share a word. Sizes that a compiler has to know are the lengths of tuples:
`word` has an entry per word of the banks, `weight` and `activation` one per place of a vector.
Indices are unsigned: numba has nothing to look up for those below zero then, and numbers of vectors
are added up several at a time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite.ir import Constant, IntType, Undefined, VectorType
from numba.extending import intrinsic
from numpy.typing import NDArray

from archsim.formats.machine_code import called, machine_code, written_out
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


@called
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


def _everywhere(builder: Any, value: Any, banks: Any) -> Any:
    """A vector of the same byte for each bank."""
    word, nothing = IntType(32), Constant(banks, Undefined)
    one = builder.insert_element(nothing, value, Constant(word, 0))
    return builder.shuffle_vector(one, nothing, Constant(VectorType(word, banks.count), None))


def _vector(builder: Any, words: Any, place: Any, banks: Any) -> Any:
    """Where the bytes of all banks stand, from a place of an array of words on."""
    return builder.bitcast(builder.gep(words, [place]), banks.as_pointer())


def _loop(builder: Any, lines: Sequence[Any], held: Any, span: Sequence[Any]) -> tuple[Any, Any]:
    """Code that issues operations while they have room: the place of the first that has not, and
    the queues then. What an operation adds is the sum of what stands at its place of the lines."""
    banks, (begin, end, depth) = held.type, span
    before, (head, issue, drain, stop) = (
        builder.block,
        (builder.append_basic_block() for _ in range(4)),
    )
    builder.branch(head)
    builder.position_at_end(head)
    at, queue = builder.phi(begin.type), builder.phi(banks)
    builder.cbranch(builder.icmp_unsigned("<", at, end), issue, stop)
    builder.position_at_end(issue)
    full = queue
    for line in lines:
        more = builder.load(_vector(builder, line, at, banks), align=8)
        full = builder.add(full, more)
    over = builder.icmp_unsigned(">", full, depth)
    over = builder.bitcast(over, IntType(banks.count))
    builder.cbranch(builder.icmp_unsigned("==", over, Constant(over.type, 0)), drain, stop)
    builder.position_at_end(drain)
    some = builder.icmp_unsigned("!=", full, Constant(banks, None))
    left = builder.sub(full, builder.zext(some, banks))
    following = builder.add(at, Constant(at.type, banks.count // 8))
    builder.branch(head)
    for phi, first, again in ((at, begin, following), (queue, held, left)):
        phi.add_incoming(first, before)
        phi.add_incoming(again, drain)
    builder.position_at_end(stop)
    return at, queue


@intrinsic
def _found_full(_typing: Any, table: Any, of: Any, queue: Any, span: Any, array: Any) -> Any:
    """Issue operations, what they add being the sum of lines of a table, each from a place `of`
    it on, until one finds a bank too full: its place. All banks of an operation are one vector.
    The span is where to begin, the end, and the depth; the array `word` and `activation`.
    """
    banks = VectorType(IntType(8), 8 * array[0].count)

    def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        rows, places, state = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:3], given[:3], strict=True)
        )
        numbers = [Constant(IntType(64), line) for line in range(array[1].count)]
        begins = [builder.load(builder.gep(places, [number])) for number in numbers]
        begin, end, depth = (builder.extract_value(given[3], i) for i in range(3))
        deep = _everywhere(builder, builder.trunc(depth, IntType(8)), banks)
        held = _vector(builder, state, Constant(IntType(64), 0), banks)
        lines = [builder.gep(rows, [begun]) for begun in begins]
        at, left = _loop(builder, lines, builder.load(held, align=8), (begin, end, deep))
        builder.store(left, held, align=8)
        return at

    return span[0](table, of, queue, span, array), written


_passed: Any = _found_full


@written_out
def _issue(
    table: Words, of: Words, size: U, state: tuple[Words, Words], array: tuple[U, U, Places, Places]
) -> int:
    """Issue operations of so many words in all, that add the sums of lines of a table, which begin
    at the places `of`; the cycles they wait. The state is the queue, and room for a sum.
    """
    (queue, sums), (depth, room, word, activation) = state, array
    waited, at = 0, ZERO
    while True:
        at = _passed(table, of, queue, (at, size, depth), (word, activation))
        if at == size:
            return waited
        for w in range(len(word)):
            sums[w] = ZERO
            for member in range(len(activation)):
                sums[w] += table[of[member] + at + U(w)]
        waited += _wait(queue, sums, 0, room, word)
        for w in range(len(word)):
            queue[w] = _drained(queue[w] + sums[w])
        at += U(len(word))


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
    queue, sums = np.empty(len(word), np.uint64), np.empty(len(word), np.uint64)
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
                    limits = U(depth), room, word, activation
                    waited[element] += _issue(table, of, size, (queue, sums), limits)
                for w in range(len(word)):
                    queues[element, w] = queue[w]
            start += vectors


@called
def _raised(runs: tuple[Words, Ints], bound: Words, raised: Words, depth: U, word: Places) -> bool:
    """Whether no run, of so many of the operations (operations x words), that begins with queues
    `bound` passes the depth; `raised` to where they end.
    """
    (counts, sizes), queue, of = runs, np.empty(len(word), np.uint64), np.zeros(1, np.uint64)
    for size in sizes:
        queue[:], words = bound, U(size * len(word))
        at = _passed(counts, of, queue, (ZERO, words, depth), (word, (0,)))
        if at != words:
            return False
        of[0] += words
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
    codes, lengths = weights
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
            if not _raised((counts.reshape(-1), sizes), bound, raised, U(depth), word):
                break
            if (raised == bound).all():
                proven[group] = True
                break
            bound[:] = raised
        start += len(counts)
    return proven
