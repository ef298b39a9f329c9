"""SCNN's accumulator queues, exactly. An operation's products enter the queues of their banks
together; it waits while a bank it targets has a queue that is not empty and would overflow; every
bank drains one product per cycle.

The queues of a stream of operations are a chain, so streams are cut into blocks that run side by
side from empty queues; a block is then repaired with the queues its predecessor really left, and
only until they are what they were at one of the block's checkpoints. A queue is a byte; eight
share a word and all bank arithmetic is bit arithmetic.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archsim.machines.scnn.tiling import LARGEST_QUEUE
from archsim.machines.shared.geometry import Ints

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

BLOCK = (
    192  # operations; long enough for repairs to be rare, short enough for thousands side by side
)
CHECK = 16  # operations between checkpoints

ONES = np.uint64(0x0101010101010101)
HIGH = np.uint64(0x8080808080808080)


@dataclass(frozen=True)
class Segments:
    """Stretches of `counts` (operations, words), a byte per bank: `size` operations from `start` on
    belong to `stream`.

    Segments of a stream stand together and in order; streams are numbered from 0.
    """

    counts: Words
    start: Ints
    size: Ints
    stream: Ints


def run_queues(segments: Segments, queues: Words, depth: int) -> tuple[Ints, Words]:
    """Cycles each stream waits, (streams,), and its queues in the end, from `queues` (streams,
    words) on.
    """
    blocks = -(-segments.size // BLOCK)
    segment = np.repeat(np.arange(blocks.size), blocks)
    if segment.size == 0:
        return np.zeros(len(queues), np.int64), queues
    begun = (np.arange(segment.size) - np.repeat(np.cumsum(blocks) - blocks, blocks)) * BLOCK
    stream = segments.stream[segment]
    length = np.minimum(BLOCK, segments.size[segment] - begun)
    run = _Run(segments.counts, depth, segments.start[segment] + begun, length)
    heads = np.concatenate([[True], stream[1:] != stream[:-1]])
    run.begin(heads, queues[stream[heads]])
    while run.repair():
        pass
    final = queues.copy()
    final[stream] = run.final  # the last of a stream's blocks stays
    waited = np.bincount(stream, weights=run.waited, minlength=len(queues))
    return waited.astype(np.int64), final


class _Run:
    """Blocks of `length` operations from `start` on, and what each did when it last ran: queues it
    began and ended with, cycles waited, and both at its checkpoints. `order` has the longest
    first: those still running are a prefix.
    """

    def __init__(self, counts: Words, depth: int, start: Ints, length: Ints) -> None:
        blocks, words = len(start), counts.shape[1]
        checks = int(length.max()) // CHECK
        self.counts, self.depth = counts, depth
        self.start, self.length = start, length
        self.order = np.argsort(-length, kind="stable")
        self.final = np.zeros((blocks, words), np.uint64)
        self.waited = np.zeros(blocks, np.int64)
        self.check_queues = np.zeros((checks, blocks, words), np.uint64)
        self.check_waited = np.zeros((checks, blocks), np.int64)

    def begin(self, heads: npt.NDArray[np.bool_], queues: Words) -> None:
        """Run every block: those at the head of a stream from given queues, the others from empty
        ones.
        """
        self.follows = np.flatnonzero(~heads)
        self.entered = np.zeros_like(self.final)
        self.entered[heads] = queues
        block, queues = self.order, self.entered[self.order]
        waited = np.zeros_like(self.waited)
        for check in range(-(-int(self.length.max()) // CHECK)):
            whole = self._advance(block, queues, waited, check)
            if whole:
                self.check_queues[check, block[:whole]] = queues[:whole]
                self.check_waited[check, block[:whole]] = waited[:whole]
        self.final[block], self.waited[block] = queues, waited

    def repair(self) -> bool:
        """Re-run each block that was run from other queues than its predecessor left; false when
        there is none.
        """
        # Blocks of a stream stand together, so a block's predecessor is the one before it.
        left = self.final[self.follows - 1]
        wrong = (left != self.entered[self.follows]).any(axis=1)
        self.entered[self.follows] = left
        redo = np.zeros(len(self.start), bool)
        redo[self.follows[wrong]] = True
        block = self.order[redo[self.order]]
        queues, waited = self.entered[block], np.zeros(block.size, np.int64)
        check = 0
        while block.size and self.length[block[0]] > check * CHECK:
            whole = self._advance(block, queues, waited, check)
            # Blocks that end before the checkpoint have no state there: they just run to their end.
            going = self._compare(block[:whole], queues[:whole], waited[:whole], check)
            going = np.concatenate([going, np.ones(block.size - whole, bool)])
            block, queues, waited = block[going], queues[going], waited[going]
            check += 1
        self.final[block], self.waited[block] = queues, waited
        return bool(wrong.any())

    def _compare(
        self, block: Ints, queues: Words, waited: Ints, check: int
    ) -> npt.NDArray[np.bool_]:
        """Note the blocks' state at a checkpoint; where it is the one noted before, the rest of
        the block stands.
        """
        if block.size == 0:
            return np.zeros(0, bool)
        same = (queues == self.check_queues[check, block]).all(axis=1)
        later = (waited - self.check_waited[check, block])[same]
        self.waited[block[same]] += later
        # The rest of the block did the same as before, but later: its checkpoints move along.
        self.check_waited[check:, block[same]] += later
        self.check_queues[check, block[~same]] = queues[~same]
        self.check_waited[check, block[~same]] = waited[~same]
        going: npt.NDArray[np.bool_] = ~same
        return going

    def _advance(self, block: Ints, queues: Words, waited: Ints, check: int) -> int:
        """Issue the operations of some blocks, longest first, up to the next checkpoint: change
        their queues and cycles waited in place. Returns how many of the blocks got there.
        """
        steps = check * CHECK + np.arange(CHECK)
        active = np.searchsorted(-self.length[block], -steps, side="left")
        place, rows = self.start[block] + steps[0], 0
        entering, full = np.empty_like(queues), np.empty_like(queues)
        for blocks in active[active > 0].tolist():
            if blocks != rows:  # those still running
                rows, at, more = blocks, place[:blocks], entering[:blocks]
                held, added, together = (_bytes(each[:rows]) for each in (queues, entering, full))
                flags = np.empty(held.size, bool)
            # mode="clip" lets numpy write into `more` without a buffer; no index is out of range.
            self.counts.take(at, axis=0, out=more, mode="clip")
            np.add(held, added, out=together)
            np.greater(together, self.depth, out=flags)
            late = _rows(flags, rows)
            if late.size:
                entered = entering[late]
                left, need = _drain_for(queues[late], entered, self.depth)
                waited[late] += need
                full[late] = left + entered
            # Not np.minimum(together, 1): with a number for all bytes it takes them one by one.
            np.not_equal(together, 0, out=flags)
            np.subtract(together, flags.view(np.uint8), out=held)
            place += 1
        return int(active[-1])


def _bytes(rows: Words) -> Bytes:
    """The bytes of rows that stand together, flat; they are the rows' own."""
    return rows.reshape(-1).view(np.uint8)


def _rows(flags: npt.NDArray[np.bool_], rows: int) -> Ints:
    """Which of so many rows has a flag; a row's words are 1, 2, 4 or 8."""
    words = flags.view(np.uint64).astype(bool)
    return words.view(f"u{words.size // rows}").astype(bool).nonzero()[0]


def overfull(full: Words, depth: int) -> Ints:
    """Rows of `full` (rows, words) where a byte is more than `depth`."""
    # Adding 127 - depth to every byte sets its high bit where it was more than the depth, and
    # carries into no neighbour: queue and operation together have at most 127 products.
    words = full + np.uint64(LARGEST_QUEUE - depth) * ONES
    words &= HIGH
    together = words.astype(bool).view(f"u{full.shape[1]}")  # a row's words are 1, 2, 4 or 8
    return np.flatnonzero(together.astype(bool))


def drain(full: Words, out: Words) -> None:
    """Write every byte of `full`, less one where it is not zero."""
    held = full.view(np.uint8)
    np.subtract(held, (held != 0).view(np.uint8), out=out.view(np.uint8))


def _drain_for(queues: Words, entering: Words, depth: int) -> tuple[Words, Bytes]:
    """Let every bank drain until the entering products have room: the queues then, and the cycles
    it took.

    A bank that products enter drains min(q, max(0, q + n - depth)); the slowest decides.
    """
    held, more = queues.view(np.uint8), entering.view(np.uint8)
    # All in uint8 and in place: this runs for every operation that waits. Banks that no product
    # enters may stay full, hence the product with `more != 0`.
    excess = held + more
    excess -= np.minimum(excess, depth)
    excess *= more != 0
    need = np.minimum(excess, held, out=excess).max(axis=1)
    return (held - np.minimum(held, need[:, None])).view(np.uint64), need


def largest_byte(rows: Words) -> Words:
    """Largest byte of each row of (rows, words)."""
    columns = [np.ascontiguousarray(word).view(np.uint8) for word in rows.T]
    most = np.maximum.reduce(columns).view(np.uint64)
    # Fold halves of a word onto each other; byte 0 holds the maximum of all eight in the end.
    for shift in (32, 16, 8):
        other = (most >> np.uint64(shift)).view(np.uint8)
        most = np.maximum(most.view(np.uint8), other).view(np.uint64)
    largest: Words = most & np.uint64(0xFF)
    return largest
