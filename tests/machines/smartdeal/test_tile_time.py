"""Rebuilds under the job before: the smallest cases by hand, and single lines against a clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.machines.smartdeal.streams import stream_times
from archsim.machines.smartdeal.tile_time import Waits

ALONE = np.zeros(1, np.int64)


def waits(**keys):
    usual = {
        "hidden": True, "fill": False, "empty": 1, "barrier": 0, "drain": 0, "together": True,
    }  # fmt: skip
    return Waits(**{**usual, **keys})


def line(jobs, tiles=1, **keys):
    """Cycles of each tile of one line with these (cycles, non-zeros), the same in every tile."""
    cycles = np.repeat(np.array([[job] for job, _ in jobs], np.int32), tiles, axis=1)
    needs = np.array([[need for _, need in jobs]], np.int16)
    found = stream_times(needs, cycles, np.zeros(len(jobs), np.int64), ALONE, waits(**keys))
    return found.cycles[0].tolist(), int(found.opening[0])


@pytest.mark.parametrize(
    ("jobs", "cycles"),
    [
        # With their own rebuilds they would be 10 and 3: that of the next one counts.
        ([(2, 1), (3, 3), (3, 2), (2, 2)], 11),
        ([(2, 3)], 2),
        ([(1, 3), (1, 3), (4, 3)], 3 + 3 + 4),
        ([(4, 3), (1, 3), (1, 3)], 4 + 3 + 1),
        ([(1, 0), (1, 0)], 2),  # raw rows: a cycle each, hidden
    ],
)
def test_a_job_waits_for_the_rebuild_of_the_next_one(jobs, cycles):
    """By hand, as the Verilog does: job j lasts max(job_j, need_j+1), the last one job_j."""
    assert line(jobs) == ([cycles], cycles)


def test_the_first_rebuild_of_a_group_is_waited_for():
    """By hand: a cycle to take the row, three to rebuild it; then the jobs."""
    assert line([(2, 3), (2, 1)], fill=True) == ([4], 4 + 4)
    assert line([(2, 0)], fill=True) == ([2], 2 + 2)


def test_a_rebuild_may_outlast_a_tile():
    """By hand: one job of a cycle per tile and three for its rebuild; a barrier takes one off."""
    assert line([(1, 3)], tiles=3)[0] == [1, 3, 3]
    assert line([(1, 3)], tiles=3, barrier=1)[0] == [1, 2, 2]
    assert line([(1, 3)], tiles=3, barrier=1, drain=8)[0] == [1, 1, 1]


def test_an_engine_without_a_register_starts_when_its_job_is_over():
    """By hand: jobs and rebuilds one after the other."""
    assert line([(2, 1), (3, 3), (3, 2), (2, 2)], hidden=False)[0] == [2 + 3 + 3 + 2 + 3 + 2 + 2]


def clocked(jobs, tiles, keys):
    """One line, cycle by cycle: an engine that rebuilds, and a job that runs."""
    taken, time = [], 0
    row, left, begun = None, 0, False  # the row in the engine, cycles until it is there
    for _ in range(tiles):
        opened, queue = time, list(jobs)
        while queue:
            if not begun:
                row, left, begun = queue[0], 0, True  # nothing is waited for before the first job
            while left > 0:
                time, left = time + 1, left - 1
            run, queue = row[0], queue[1:]
            row = (queue or list(jobs))[0]
            left = max(1, row[1])
            for _ in range(run):
                time, left = time + 1, max(0, left - 1)
        taken.append(max(1, time - opened))
        spent = max(time - opened, 1) + keys["barrier"]
        spent = max(spent, keys["drain"])
        left = max(0, left - (opened + spent - time))
        time = opened + spent
    return taken


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=1, max_size=5),
    st.integers(1, 4),
    st.fixed_dictionaries({"barrier": st.integers(0, 2), "drain": st.sampled_from([0, 4, 8])}),
)
def test_a_line_is_that_of_a_clock(jobs, tiles, keys):
    assert line(jobs, tiles, **keys)[0] == clocked(jobs, tiles, keys)
