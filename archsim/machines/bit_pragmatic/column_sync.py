"""Columns that run ahead of each other by a bounded number of steps. A column starts step i when
it has ended step i - 1 and when every column has ended step i - 1 - R, R being its spare
registers. The steps are a chain, so it is cut into blocks that run side by side, each from a
common start; a block is then repaired with the state in which the one before really ended, and
only until it falls in with what it did at first.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.formats.compiled import worth
from archsim.machines.shared.geometry import Ints, differences

Durations = npt.NDArray[np.integer]
State = npt.NDArray[np.integer]
"""(columns + R, ...): how long before the newest end each column can start its next step, and the
last R steps had ended, none being below 0: times count from the newest end."""

LOOPS = "archsim.machines.bit_pragmatic.loops"
SAVED = 1.2e-7
"""Seconds per step that compiled loops save."""
STEPS = 1 << 18
"""Steps of a chain that are run together: its memory is theirs, whatever the chain's length."""
LOOK = 32
"""Steps after which a block that runs again is held against what it did at first."""
LONGEST = 16 * LOOK
"""Steps of a block at most, else about as many as there are blocks: the vectors and the loop over
steps are equally long."""


def pass_cycles(
    tables: Iterable[Durations], shape: tuple[int, int], rounds: int, registers: int
) -> Ints:
    """(passes,) cycles of passes whose steps are gone through `rounds` times before those of the
    next one; their durations come in tables (some passes, columns, steps). `shape` is (passes,
    steps) in all.
    """
    passes, steps = shape
    if loops := worth(LOOPS, SAVED * passes * steps * rounds):
        return _followed(loops, tables, rounds, registers)
    chain = (
        np.repeat(table.transpose(0, 2, 1)[:, None], rounds, axis=1).reshape(-1, table.shape[1])
        for table in tables
    )
    return differences(ends_after(np.arange(1, passes + 1) * rounds * steps, chain, registers))


def _followed(loops: Any, tables: Iterable[Durations], rounds: int, registers: int) -> Ints:
    """`pass_cycles` by compiled loops."""
    newest = np.zeros(registers + 1, np.int64)
    starts: Ints | None = None
    found = []
    for table in tables:
        if starts is None:
            starts = np.zeros(table.shape[1], np.int64)
        found.append(loops.follow(table, rounds, starts, newest))
    return np.concatenate(found)


def end_times(durations: Durations, registers: int) -> Ints:
    """When the last column has ended each step of durations (steps, columns): (steps,), never
    decreasing.
    """
    return ends_after(np.arange(1, len(durations) + 1), [durations], registers)


def ends_after(counts: Ints, durations: Iterable[Durations], registers: int) -> Ints:
    """When the last column has ended so many steps, for each of the rising `counts`, of a chain
    that comes in parts (steps, columns)."""
    ends = np.zeros(len(counts), np.int64)
    chain: _Chain | None = None
    done = found = now = 0
    for part in _even(durations, STEPS):
        chain = _Chain(part, chain.state if chain else np.zeros(part.shape[1] + registers, int))
        upto = int(np.searchsorted(counts, done + len(part), side="right"))
        times = chain.times
        ends[found:upto] = now + times[counts[found:upto] - done - 1]
        done, found, now = done + len(part), upto, now + int(times[-1])
    return ends


def _even(durations: Iterable[Durations], steps: int) -> Iterator[Durations]:
    """The same chain in parts of `steps`, the last one shorter."""
    waiting: list[Durations] = []
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


class _Chain:
    """Some steps of a chain (steps, columns), at least one, after the state `start`.

    They are cut into blocks that lie side by side, (length, columns, blocks), the last one filled
    up with steps of no cycles. `states` are those after each LOOK steps of the blocks; `ends`
    (length, blocks) count from the start of the block.
    """

    def __init__(self, durations: Durations, start: State) -> None:
        self.steps, columns = durations.shape
        length = min(max(1, int(self.steps**0.5) // LOOK) * LOOK, LONGEST)
        blocks = -(-self.steps // length)
        padded = np.zeros((blocks * length, columns), durations.dtype)
        padded[: self.steps] = durations
        self.durations = padded.reshape(blocks, length, columns).transpose(1, 2, 0).copy()
        # No column falls further behind than R steps, so that all times are in this type.
        most = (length + len(start) - columns) * int(durations.max())
        kind = np.min_scalar_type(int(start.min()) - most - 1)
        self.states: State = np.zeros((length // LOOK, len(start), blocks), kind)
        self.ends: State = np.zeros((length, blocks), kind)
        self.entered: State = np.zeros((len(start), blocks), kind)
        self.entered[:, 0] = start
        self._run_all()
        # Every turn settles one more block at least: there are at most as many turns as blocks.
        while self._repair():
            pass

    @property
    def times(self) -> Ints:
        """(steps,) when the last column has ended each step."""
        ends: Ints = self.ends.T.astype(np.int64)
        ends[1:] += ends[:-1, -1].cumsum()[:, None]
        return ends.reshape(-1)[: self.steps]

    @property
    def state(self) -> State:
        """The state after the last step."""
        rest = self.steps - self.ends.shape[0] * (self.ends.shape[1] - 1)
        return _follow(self.durations[:rest, :, -1:], self.entered[:, -1:])[1][:, 0]

    def _run_all(self) -> None:
        """Run every block from a common start of its columns."""
        state, end = self.entered, np.zeros_like(self.ends[0])
        for number, first in enumerate(range(0, len(self.ends), LOOK)):
            part = slice(first, first + LOOK)
            ends, state = _follow(self.durations[part], state)
            np.add(ends, end, out=self.ends[part])
            self.states[number], end = state, self.ends[first + LOOK - 1]

    def _repair(self) -> bool:
        """Re-run each block whose predecessor ended otherwise than assumed; false when there is
        none.
        """
        entries = self.entered.copy()
        entries[:, 1:] = self.states[-1][:, :-1]
        which = np.flatnonzero((entries != self.entered).any(axis=0))
        self.entered = entries
        state, end = entries[:, which], np.zeros(which.size, entries.dtype)
        found = which.size > 0
        for number, first in enumerate(range(0, len(self.ends), LOOK)):
            if which.size == 0:
                break
            part = slice(first, first + LOOK)
            ends, state = _follow(self.durations[part][:, :, which], state)
            ends += end
            later = ends[-1] - self.ends[first + LOOK - 1, which]
            self.ends[part, which] = ends
            same = (state == self.states[number][:, which]).all(axis=0)
            self.ends[first + LOOK :, which[same]] += later[same]
            self.states[number][:, which] = state
            which, state, end = which[~same], state[:, ~same], ends[-1][~same]
        return found


def _follow(durations: Durations, state: State) -> tuple[State, State]:
    """Newest ends of steps (steps, columns, blocks) after a state (columns + R, blocks), and the
    state after them."""
    steps, columns, blocks = durations.shape
    registers = len(state) - columns
    newest = np.empty((registers + steps, blocks), state.dtype)
    newest[:registers] = state[columns:]
    starts, ends = state[:columns].copy(), np.empty_like(state[:columns])
    for step, lasting in enumerate(durations):
        np.add(starts, lasting, out=ends, casting="unsafe")
        np.maximum.reduce(ends, axis=0, out=newest[registers + step])
        # A column starts the next step when every column has ended the one R steps before this.
        np.maximum(ends, newest[step], out=starts)
    after = np.concatenate([starts, newest[steps:]])
    after -= newest[-1]
    return newest[registers:], after
