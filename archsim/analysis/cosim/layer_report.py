"""One layer of a workload on the Verilog and on the model: how much was compared, what differs."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archsim.analysis.cosim import compare, icarus, layer_cases, testbench
from archsim.analysis.cosim.case import Case
from archsim.analysis.cosim.timeline import timeline
from archsim.formats.progress import Progress
from archsim.machines.smartdeal import rule
from archsim.machines.smartdeal.parts import Parts
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

TILES_AT_ONCE = 48
"""Tiles that one process of the simulator runs, so that progress can be told."""


@dataclass(frozen=True)
class Report:
    """What was compared of a layer: `tiles`, their `jobs` and `cycles`, and the `outputs` whose
    bits were compared; `differences` are sentences, none if Verilog and model are equal.
    """

    layer: str
    kind: str
    tiles: int
    jobs: int
    cycles: int
    outputs: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """How many tiles of a layer, None for all of them, and the seed of the sample."""

    tiles: int | None
    seed: int


def report(
    layer: Layer, tensors: LayerTensors, machine: Parts, wanted: Wanted, progress: Progress
) -> Report:
    """Compare a layer.

    Raises:
        InputError: Icarus Verilog is missing, or the Verilog has not what the machine asks for.
    """
    icarus.tool("iverilog")
    if wanted.tiles is None:
        cases = layer_cases.whole(layer, tensors, machine)
    else:
        cases = layer_cases.sample(layer, tensors, machine, wanted.tiles, wanted.seed)
    waits, found, done = rule.array_of(machine, layer).waits, [], 0
    tiles = sum(case.tiles for case in cases)
    with tempfile.TemporaryDirectory(prefix="archsim-cosim-") as folder:
        for batch in _batches(cases):
            progress(done, tiles, layer.name)
            logs = testbench.run_slice(batch, machine, Path(folder))
            for case, log in zip(batch, logs, strict=True):
                found += compare.differences(case, log, timeline(case, waits))
            done += sum(case.tiles for case in batch)
    return Report(
        layer=layer.name,
        kind=layer.kind,
        tiles=tiles,
        jobs=sum(len(case.jobs) for case in cases),
        cycles=sum(int(case.opens[-1]) for case in cases),
        outputs=sum(int(case.pixels.sum()) * case.outputs.shape[1] for case in cases),
        differences=tuple(found),
    )


def _batches(cases: list[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    for case in cases:
        batch.append(case)
        if sum(one.tiles for one in batch) >= TILES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
