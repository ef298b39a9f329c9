"""Where the Verilog and the model differ in a case, as sentences; none if they are equal."""

from collections.abc import Iterator

import numpy as np

from archsim.analysis.cosim.case import Case
from archsim.analysis.cosim.testbench import Log
from archsim.analysis.cosim.timeline import Timeline


def differences(case: Case, log: Log, model: Timeline) -> list[str]:
    """Every difference in starts and ends of jobs, openings of tiles and bits of outputs."""
    found = [*_of_tiles(case, log, model), *_of_jobs(case, log, model), *_of_outputs(case, log)]
    return [f"{case.title}: {text}" for text in found]


def _of_tiles(case: Case, log: Log, model: Timeline) -> Iterator[str]:
    if log.opens != model.opens:
        yield f"tiles open in cycles {log.opens} of the Verilog, {model.opens} of the timeline"
    if case.opens.tolist() != model.opens:
        of_rule = case.opens.tolist()
        yield f"tiles open in cycles {of_rule} of the rule, {model.opens} of the timeline"


def _of_jobs(case: Case, log: Log, model: Timeline) -> Iterator[str]:
    for line, (starts, ends) in enumerate(zip(log.starts, log.ends, strict=True)):
        own = [place for place, job in enumerate(case.jobs) if job.line == line]
        for what, found, wanted in (
            ("starts", starts, [model.starts[place] for place in own]),
            ("ends", ends, [model.ends[place] for place in own]),
        ):
            if found != wanted:
                yield f"line {line}: jobs' {what} {found} in the Verilog, {wanted} in the model"


def _of_outputs(case: Case, log: Log) -> Iterator[str]:
    tiles, segments, positions = case.outputs.shape
    if len(log.sums) != tiles * positions:
        yield f"{len(log.sums)} positions left the adder tree, not {tiles * positions}"
        return
    found = np.array(log.sums).reshape(tiles, positions, -1)
    if found.shape[2] != segments:
        yield f"{found.shape[2]} segments of the adder tree, not {segments}"
        return
    there = np.arange(positions) < case.pixels[:, None]
    wrong = (found.transpose(0, 2, 1) != case.outputs) & there[:, None, :]
    for tile, segment, position in np.argwhere(wrong)[:5]:
        yield (
            f"tile {tile}, output {position} of segment {segment}: "
            f"{found[tile, position, segment]} in the Verilog, "
            f"{case.outputs[tile, segment, position]} by definition"
        )
