"""When each job starts and ends by the rules of docs/machines/smartdeal.md, job by job: what the
Verilog must do to the cycle. No code is shared with the rule, which adds up whole layers at once.
"""

from dataclasses import dataclass

from archsim.analysis.cosim.case import Case
from archsim.machines.smartdeal.tile_time import Waits


@dataclass(frozen=True)
class Timeline:
    """First cycle of each job and the one after its last, in the order of the case's jobs; when
    each tile opens, and when one after the last would.
    """

    starts: list[int]
    ends: list[int]
    opens: list[int]


def timeline(case: Case, waits: Waits) -> Timeline:
    """Walk through the tiles of a case as a clock would."""
    starts, ends = [0] * len(case.jobs), [0] * len(case.jobs)
    by_tile: list[list[int]] = [[] for _ in range(case.tiles)]
    for place, job in enumerate(case.jobs):
        by_tile[job.tile].append(place)
    opens, gates = [0], {job.gate for job in case.jobs}
    free: dict[int, int] = {}
    for tile in range(case.tiles):
        opened = opens[-1]
        if tile in gates:
            # The rows of a new group reach the engines a cycle after its first tile opens.
            free = {job.line: opened + (1 if waits.fill else -(10**9)) for job in case.jobs}
        clock = dict.fromkeys(free, opened)
        for place in by_tile[tile]:
            job = case.jobs[place]
            begin = max(clock[job.line], free[job.line] + max(1, job.need))
            starts[place], ends[place] = begin, begin + job.cycles
            clock[job.line] = ends[place]
            free[job.line] = begin if waits.hidden else ends[place]
        through = max([opened + waits.empty, *clock.values()])
        opens.append(max(through + waits.barrier, opened + waits.drain))
    return Timeline(starts, ends, opens)
