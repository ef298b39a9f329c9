"""When tiles open by the rule that a run uses, for the tiles of a case alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.analysis.cosim.case import Ints
from archsim.analysis.cosim.stimuli import Pass, Plan
from archsim.machines.smartdeal import pe_array, rule
from archsim.machines.smartdeal.coefficients import Coefficients
from archsim.machines.smartdeal.jobs import Jobs
from archsim.machines.smartdeal.streams import by_stream, stream_times
from archsim.machines.smartdeal.tile_time import LineWork, Times, line_work, times

ALONE = np.zeros(1, np.int64)
"""The first stream of the only group."""


@dataclass(frozen=True)
class RuleTimes:
    """One convolution group by the rule; `first` is the first of its filters in the layer."""

    plan: Plan
    jobs: Jobs
    rows: Coefficients
    first: int

    def opens(self, passes: Sequence[Pass]) -> Ints:
        """(tiles + 1,) cycles at which tiles open, the last one that behind the last tile."""
        array = rule.array_of(self.plan.machine, self.plan.layer)
        waits, spans = array.waits, []
        for one in passes:
            found = self._times(one, array)
            took = found.cycles[0].copy()
            took[0] = found.opening[0]
            spans += np.maximum(took + waits.barrier, waits.drain).tolist()
        return np.cumsum([0, *spans])

    def _times(self, one: Pass, array: pe_array.Array) -> Times:
        selector, layer = self.plan.machine.selector, self.plan.layer
        lasting = self.jobs.cycles if selector.skips_inputs else self.jobs.with_zero_inputs()
        stream = slice(self.first + one.stream[0], self.first + one.stream[-1] + 1)
        per_cycle = self.plan.machine.engine.basis_rows_per_cycle
        need = self.rows.rows(stream, per_cycle, keep_dead=not selector.skips_weights).need
        tiles = list(one.tiles)
        if layer.kind != "depthwise":
            shared = by_stream(need, len(need))
            return stream_times(shared, lasting[:, tiles], self.jobs.line, ALONE, array.waits)
        by_row = lasting.reshape(layer.in_channels, layer.kernel[0], -1, self.jobs.columns)
        own = by_row[one.own[0] : one.own[0] + 1].astype(np.int64)
        steps = pe_array.rows_in_turn(need, own, array.lines, self.plan.block)
        work = line_work(steps, array.waits)
        picked = (part[:, :, tiles] for part in (work.jobs, work.last, work.first, work.stalls))
        return times(LineWork(*picked), ALONE, array.waits)
