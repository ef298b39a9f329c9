"""The loop over Bit-Pragmatic's steps, compiled by numba: what `column_sync` does with numpy for
many blocks of a chain side by side, one step after the other.
"""

import numpy as np
import numpy.typing as npt

from archsim.formats.machine_code import machine_code
from archsim.machines.shared.geometry import Ints


@machine_code
def follow(table: npt.NDArray[np.uint8], rounds: int, starts: Ints, newest: Ints) -> Ints:
    """Cycles of each pass of a table (passes, columns, steps), each gone through `rounds` times.

    The state goes on: when each column can start its next step, `starts`, and the `newest` R + 1
    ends, oldest first.
    """
    passes, columns, steps = table.shape
    cycles = np.zeros(passes, np.int64)
    ends = np.empty(columns, np.int64)
    oldest = 0
    for one in range(passes):
        before = newest[oldest - 1]
        for _ in range(rounds):
            for step in range(steps):
                latest = 0
                for column in range(columns):
                    end = starts[column] + table[one, column, step]
                    ends[column] = end
                    latest = max(latest, end)
                newest[oldest] = latest
                oldest += 1
                if oldest == newest.size:
                    oldest = 0
                # Every column must have ended the step R before the next one but one.
                gate = newest[oldest]
                for column in range(columns):
                    starts[column] = max(ends[column], gate)
        cycles[one] = newest[oldest - 1] - before
    ring = newest.copy()
    for place in range(ring.size):  # np.roll takes six seconds more to compile
        newest[place] = ring[(oldest + place) % ring.size]
    return cycles
