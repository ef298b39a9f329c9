"""Columns that run ahead of each other by a bounded number of steps. A column starts step i when
it has ended step i - 1 and when every column has ended step i - 1 - R, R being its spare
registers. The steps are a chain, so it is cut into blocks that run side by side, each from a
common start; a block is then repaired with the state in which the one before really ended, and
only until it falls in with what it did at first.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from archsim.machines.shared.geometry import Ints

Block = npt.NDArray[np.int32]

STEPS = 1 << 18
"""Steps of a chain that are run together: its memory is theirs, whatever the chain's length."""


def end_times(durations: npt.NDArray[np.integer], registers: int) -> Ints:
    """When the last column has ended each step of durations (steps, columns): (steps,), never
    decreasing.
    """
    return ends_after(np.arange(1, len(durations) + 1), [durations], registers)


def ends_after(counts: Ints, durations: Iterable[npt.NDArray[np.integer]], registers: int) -> Ints:
    """When the last column has ended so many steps, for each of the rising `counts`, of a chain
    that comes in parts (steps, columns)."""
    ends = np.zeros(len(counts), np.int64)
    state: Block | None = None
    done = found = now = 0
    for part in _even(durations, STEPS):
        if state is None:
            state = np.zeros(part.shape[1] + registers, np.int32)
        times, state = _run(part, state)
        upto = int(np.searchsorted(counts, done + len(part), side="right"))
        ends[found:upto] = now + times[counts[found:upto] - done - 1]
        done, found, now = done + len(part), upto, now + int(times[-1])
    return ends


def _even(
    durations: Iterable[npt.NDArray[np.integer]], steps: int
) -> Iterator[npt.NDArray[np.integer]]:
    """The same chain in parts of `steps`, the last one shorter."""
    waiting: list[npt.NDArray[np.integer]] = []
    size = 0
    for part in durations:
        for first in range(0, len(part), steps):
            waiting.append(part[first : first + steps])
            size += len(waiting[-1])
            if size >= steps:
                whole = np.concatenate(waiting)
                yield whole[:steps]
                waiting, size = [whole[steps:]], size - steps
    if size:
        yield np.concatenate(waiting)


def _run(durations: npt.NDArray[np.integer], state: Block) -> tuple[Ints, Block]:
    """Ends of each of the steps (steps, columns), at least one, after a `state`; the state at their
    end comes second."""
    steps, columns = durations.shape
    # As many blocks as steps in a block: the vectors and the loop over steps are equally long.
    length = max(32, int(steps**0.5))
    blocks = -(-steps // length)
    padded = np.zeros((blocks * length, columns), np.int32)
    padded[:steps] = durations
    chain = _Chain(padded.reshape(blocks, length, columns).transpose(1, 2, 0).copy(), state)
    chain.run_all()
    # Every turn settles one more block at least, so there are at most as many turns as blocks.
    while chain.repair():
        pass
    starts = np.cumsum(chain.ends[-1], dtype=np.int64) - chain.ends[-1]
    ends: Ints = (chain.ends + starts).T.reshape(-1)
    block, step = divmod(steps - 1, length)
    return ends[:steps], chain.states[step, :, block].copy()


class _Chain:
    """Blocks of a chain (length, columns, blocks) side by side, and what each did, step by step.

    A state is (columns + R, blocks): how far each column's end, and the ends of the last R steps
    before the newest, lie before the newest end. `ends` is (length, blocks), counted from the
    block's start; the first block has the state `start`.
    """

    def __init__(self, durations: Block, start: Block) -> None:
        length, columns, blocks = durations.shape
        self.durations = durations
        self.columns = columns
        self.states = np.zeros((length, len(start), blocks), np.int32)
        self.ends = np.zeros((length, blocks), np.int32)
        self.entered = np.zeros((len(start), blocks), np.int32)
        self.entered[:, 0] = start

    def _step(self, state: Block, step: int, which: npt.NDArray[np.intp]) -> tuple[Block, Block]:
        """One step of some blocks: the state after it, and how much later the newest end is."""
        own, history = state[: self.columns], state[self.columns :]
        # The oldest end kept is that of step i - 1 - R, which every column must have reached.
        gate = history[-1] if len(history) else np.zeros(len(which), np.int32)
        ends = np.maximum(own, gate) + self.durations[step][:, which]
        newest = ends.max(axis=0)
        after = np.empty_like(state)
        after[: self.columns] = ends - newest
        if len(history):
            after[self.columns] = -newest
            after[self.columns + 1 :] = history[:-1] - newest
        return after, newest

    def run_all(self) -> None:
        """Run every block from a common start of its columns."""
        state, end = self.entered, np.zeros(self.ends.shape[1], np.int32)
        everyone = np.arange(self.ends.shape[1])
        for step in range(len(self.ends)):
            state, later = self._step(state, step, everyone)
            end = end + later
            self.states[step], self.ends[step] = state, end

    def repair(self) -> bool:
        """Re-run each block whose predecessor ended otherwise than assumed; false when there is
        none.
        """
        entries = self.entered.copy()
        entries[:, 1:] = self.states[-1][:, :-1]
        which = np.flatnonzero((entries != self.entered).any(axis=0))
        self.entered = entries
        if which.size == 0:
            return False
        state, end = entries[:, which], np.zeros(which.size, np.int32)
        for step in range(len(self.ends)):
            state, later = self._step(state, step, which)
            end = end + later
            same = (state == self.states[step][:, which]).all(axis=0)
            self.ends[step:, which[same]] += (end - self.ends[step, which])[same]
            going = ~same
            which, state, end = which[going], state[:, going], end[going]
            if which.size == 0:
                break
            self.states[step][:, which], self.ends[step, which] = state, end
        return True
