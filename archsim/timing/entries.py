"""What a network asks of a machine: every stage in every phase, with its tile table and its bytes.

Inference has one phase. Training plays the forward phase of all stages, then the other phases of
each stage from the last to the first. A *row* of the results is one phase of one layer, in the
order of the workload file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsim.arch.arch import Arch
from archsim.arch.records import BatchOrder
from archsim.machines.shared.machine import share_of, storage_of
from archsim.machines.shared.sections import counted_times, repeated_sections
from archsim.machines.shared.tables import Tables
from archsim.machines.shared.tiles import Tiles, check_tiles, even_parts
from archsim.machines.shared.widths import activation_bytes
from archsim.timing.paths import inbound, outbound
from archsim.timing.steps import STEPS_PER_LAYER
from archsim.workload.layer import ROW_OPS, Layer
from archsim.workload.stages import Stage, keep_on_chip, operands, ranks_of, stages_of
from archsim.workload.workload import Workload

FORWARD = ("inference", "ff")
MAX_VISITS = 8192
"""Tiles of all groups and samples of a layer of a batch at most: 64 for each of its steps."""
MAX_PARTS = 8192
"""Parts of an element-wise layer at most; what is larger than the output buffer streams through."""


@dataclass(frozen=True)
class Entry:
    """One phase of one stage. `stored` is what its results take in DRAM, in the machine's format.

    `operands` maps an element-wise layer to the bytes it reads besides what streams in; `elements`
    are the outputs of all its layers that the post-processor handles, windows included; `samples`
    is how many samples one run of the network has.
    """

    stage: Stage
    tiles: Tiles
    stored: int
    operands: Mapping[str, int]
    samples: int

    @property
    def forward(self) -> bool:
        """Whether the stage's element-wise layers run in this phase."""
        return self.tiles.phase in FORWARD

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that have a part in this phase."""
        return self.stage.layers if self.forward else self.stage.layers[:1]


def entries_of(arch: Arch, workload: Workload, tables: Tables) -> list[Entry]:
    """All entries in the order in which the array takes them."""
    stages = stages_of(workload.layers)
    known: dict[tuple[int, Layer], Tiles] = {}
    phases = [_phases(stage, tables, arch, workload, known) for stage in stages]
    if arch.interlayer == "keep_if_fits":
        stages = _kept(stages, [table[0] for table in phases], tables.stored, arch)
    return _in_order(stages, phases, tables.stored, workload, arch)


def _phases(
    stage: Stage,
    tables: Tables,
    arch: Arch,
    workload: Workload,
    known: dict[tuple[int, Layer], Tiles],
) -> tuple[Tiles, ...]:
    """The checked tile tables of a stage for the whole batch, one per phase; `known` holds those of
    layers before it, which may have the same."""
    if stage.anchor is None:
        return (_elementwise(stage.tail, workload.batch, arch),)
    layer = stage.anchor
    training = workload.task == "training"
    checked = []
    for tiles in tables.phases[layer.name]:
        key = id(tiles), layer.shape
        if key not in known:
            check_tiles(layer, tiles, samples=workload.batch if training else tiles.samples)
            whole = training or tiles.samples > 1
            known[key] = tiles if whole else batched(tiles, workload.batch, arch.batch_order)
        checked.append(known[key])
    return tuple(checked)


def _elementwise(layer: Layer, batch: int, arch: Arch) -> Tiles:
    """A stage without weights: nothing for the array, results in even parts, each of at most half
    the output buffer.
    """
    total = layer.output_elements * batch
    half = max(1, share_of(arch, storage_of(arch, outbound(arch)[0])) // 2)
    nbytes = activation_bytes(total, arch)
    parts = min(total, max(STEPS_PER_LAYER, min(MAX_PARTS, -(-nbytes // half))))
    nothing = np.zeros((1, parts), np.int64)
    roles = {flow: arch.flows[flow].role for flow in inbound(arch)}
    return Tiles(
        phase="inference" if arch.task == "inference" else "ff",
        cycles=nothing,
        limited=nothing,
        outputs=even_parts(total, parts).reshape(1, -1),
        moving={flow: 0 for flow, role in roles.items() if role == "moving"},
        stationary={f: np.zeros(1, np.int64) for f, role in roles.items() if role == "stationary"},
        macs_done=0,
        macs_skipped=0,
        instances={},
        busy={},
        lost={},
        actions={},
    )


def batched(tiles: Tiles, batch: int, order: BatchOrder = "weights") -> Tiles:
    """The same phase for several samples: their tiles follow each other under one load of weights,
    or sample follows sample under the `order` of that name, as the heads of a product do, which
    have a second operand for each.

    Where they would be more than `MAX_VISITS`, neighbouring ones become one, so that time and
    memory of a run do not grow with the batch.
    """
    if batch == 1:
        return tiles
    if tiles.sections or order == "samples":
        return repeated_sections(tiles, batch, MAX_VISITS)
    groups, columns = tiles.cycles.shape
    count = min(columns * batch, max(columns, MAX_VISITS // groups))
    samples, rest = np.divmod(np.arange(1, count + 1) * (columns * batch) // count, columns)

    def repeated(table: np.ndarray) -> np.ndarray:
        whole = np.broadcast_to(table, tiles.cycles.shape)
        before = np.concatenate([np.zeros((groups, 1), np.int64), np.cumsum(whole, axis=1)], axis=1)
        return np.diff(samples * before[:, -1:] + before[:, rest], axis=1, prepend=0)

    return replace(
        counted_times(tiles, batch),
        cycles=repeated(tiles.cycles),
        limited=repeated(tiles.limited),
        outputs=repeated(tiles.outputs),
        min_blocks=tiles.min_blocks * batch if tiles.min_blocks > 1 else 1,
        side={name: repeated(one) for name, one in tiles.side.items()},
    )


def _kept(
    stages: Sequence[Stage], tables: Sequence[Tiles], stored: Mapping[str, int], arch: Arch
) -> list[Stage]:
    sizes = [
        (sum(tiles.moving.values()), stored[stage.tail.name])
        for stage, tiles in zip(stages, tables, strict=True)
    ]
    moving = next(iter(tables[0].moving))
    return keep_on_chip(stages, sizes, share_of(arch, storage_of(arch, moving)))


def _in_order(
    stages: Sequence[Stage],
    tables: Sequence[tuple[Tiles, ...]],
    stored: Mapping[str, int],
    workload: Workload,
    arch: Arch,
) -> list[Entry]:
    ranks = ranks_of(stages)
    sizes = {layer.name: layer.result_elements * workload.batch for layer in workload.layers}
    entries = []
    for stage, phases in zip(stages, tables, strict=True):
        reads = {}
        for number, post in enumerate(stage.posts):
            fused = number > 0 or stage.anchor is not None
            again = _reads_of_rows(post, arch)
            reads[post.name] = again * sum(
                # What is fed from outside has no producer, which stored it.
                elements * workload.batch * stored[name] // sizes[name]
                if name
                else activation_bytes(elements, arch) * workload.batch
                for name, elements in operands(post, ranks, fused)
            )
        made = stored[stage.tail.name]
        entries.append(
            Entry(stage, phases[0], _result_bytes(phases[0], made), reads, workload.batch)
        )
    for stage, phases in reversed(list(zip(stages, tables, strict=True))):
        for tiles in phases[1:]:
            alone = Stage(stage.anchor, (), (len(entries) - 1,))
            entries.append(Entry(alone, tiles, _result_bytes(tiles, 0), {}, workload.batch))
    return entries


def _reads_of_rows(layer: Layer, arch: Arch) -> int:
    """How often a normalisation reads its inputs: a row that half the input buffer does not hold
    comes twice, to be looked through and to be worked on [A]."""
    if layer.op not in ROW_OPS:
        return 1
    moving = next(flow for flow in inbound(arch) if arch.flows[flow].role == "moving")
    room = share_of(arch, storage_of(arch, moving)) // 2
    return 1 if activation_bytes(layer.row, arch) <= room else 2


def _result_bytes(tiles: Tiles, stored: int) -> int:
    return stored if tiles.result_bytes is None else tiles.result_bytes


def rows_of(entries: Sequence[Entry], layers: Sequence[Layer]) -> dict[tuple[str, str], int]:
    """(layer, phase) -> place in the results: layers as in the file, phases in the order they
    run.
    """
    position = {layer.name: index for index, layer in enumerate(layers)}
    found = [
        (position[layer.name], number, layer.name, entry.tiles.phase)
        for number, entry in enumerate(entries)
        for layer in entry.layers
    ]
    return {(name, phase): row for row, (_, _, name, phase) in enumerate(sorted(found))}
