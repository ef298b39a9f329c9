"""What a stage moves: its visits in the order that the DRAM rule chose, and the bytes of each.

Bytes are derived here and nowhere else. A `Stream` is a column of cumulative bytes along the
visits: its last entry is what results and checks count, its differences are what the queue loads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints, differences
from archsim.machines.shared.machine import post_steps, share_of, storage_of
from archsim.machines.shared.partial_sums import psum_bytes
from archsim.machines.shared.sections import copies_of, sections_of
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.traffic import Held, Order, choose_order, passes_over_inputs
from archsim.timing.entries import Entry
from archsim.timing.paths import outbound
from archsim.timing.runs import (
    Span,
    input_runs,
    operand_runs,
    psum_runs,
    result_runs,
    weight_runs,
)
from archsim.timing.steps import Visits, visit_tiles
from archsim.timing.strips import Strips, strips_of

MOST_INT64 = 2**63


@dataclass(frozen=True)
class Stream:
    """DRAM bytes that one layer brings in: needed by each visit and given up after it (N,), both
    cumulative.

    `flow` is the name that results count them under. `way` is the flow whose path they take:
    partial sums and operands come the way of the inputs. `runs` are the stretches of consecutive
    bytes in which it comes.
    """

    layer: str
    flow: str
    way: str
    need: Ints
    free: Ints
    runs: int

    @property
    def nbytes(self) -> int:
        """All of them."""
        return int(self.need[-1])


@dataclass(frozen=True)
class Traffic:
    """Bytes of one stage: `reads` and `writes` map a layer's name to flows to DRAM bytes and the
    runs they come in; `kept` is output that stays on chip, `spilled` partial sums that go through
    the input buffer and back.
    """

    reads: Mapping[str, Mapping[str, Span]]
    writes: Mapping[str, Mapping[str, Span]]
    kept: int
    spilled: int


@dataclass(frozen=True)
class Planned:
    """An entry before it is cut: its visits with everything that moves in them.

    `elements` (N,) are what the post-processor handles in each visit; `strips` is how the plane is
    cut where its rows exceed their buffer; `spans` are the DRAM bytes that come or go the way of
    each flow, with their runs.
    """

    entry: Entry
    order: Order
    visits: Visits
    elements: Ints
    traffic: Traffic
    strips: Strips
    spans: Mapping[str, Sequence[Span]]


def plan_all(entries: Sequence[Entry], arch: Arch) -> list[Planned]:
    """Every entry's plan; entries that differ in the names of their layers alone share one."""
    known: dict[tuple[object, ...], Planned] = {}
    planned = []
    for entry in entries:
        key = _likeness(entry)
        if key not in known:
            known[key] = plan_entry(entry, arch)
        planned.append(_renamed(known[key], entry))
    return planned


def _likeness(entry: Entry) -> tuple[object, ...]:
    """What a plan depends on, the names of layers apart."""
    stage = entry.stage
    order = [layer.name for layer in entry.layers]
    return (
        id(entry.tiles),
        entry.stored,
        entry.samples,
        (stage.anchor is None, stage.keeps_input, stage.keeps_output),
        tuple((order.index(name), nbytes) for name, nbytes in entry.operands.items() if nbytes),
        tuple((layer.shape, len(layer.inputs)) for layer in entry.layers),
    )


def _renamed(planned: Planned, entry: Entry) -> Planned:
    """The plan of an entry that is alike."""
    if planned.entry is entry:
        return planned
    names = [layer.name for layer in entry.layers]
    traffic = replace(
        planned.traffic,
        reads=dict(zip(names, planned.traffic.reads.values(), strict=True)),
        writes=dict(zip(names, planned.traffic.writes.values(), strict=True)),
    )
    return replace(planned, entry=entry, traffic=traffic)


def plan_entry(entry: Entry, arch: Arch) -> Planned:
    """Order of visits, passes, operands and partial sums. InputError if a tile has no room."""
    stage = entry.stage
    least = _passes_over_weights(entry.tiles, arch)
    strips = _strips(entry, arch, least)
    tiles = strips.of(entry.tiles)
    order = _order(tiles, arch)
    passes = np.maximum(least, strips.passes)
    visits = visit_tiles(tiles, order, passes, psum_bytes(arch))
    made = int(visits.outputs.sum())
    posts = stage.posts if entry.forward else ()
    work = sum(post_steps(post, arch) for post in posts) * entry.samples
    elements = _scaled(visits.outputs, (made if stage.anchor else 0) + work, made)
    stored = _scaled(visits.outputs, entry.stored, made)
    to_dram = _psums_leave(tiles, visits, arch)
    streams = [*_streams(entry, visits, elements, _Runs(order, strips, passes, psums=to_dram))]
    psums = psum_runs(passes, copies_of(tiles)) if to_dram else 0
    traffic = Traffic(
        reads=_reads(entry, streams),
        writes=_writes(
            entry, int(stored.sum()), Span(int(visits.psum_writes.sum()), psums), outbound(arch)[0]
        ),
        kept=int(stored.sum()) if stage.keeps_output else 0,
        spilled=0 if to_dram else int(visits.psum_writes.sum()),
    )
    moved = replace(
        visits,
        outputs=stored + visits.psum_writes if to_dram else stored,
        need=_by_way(visits.need, [(one.way, one.need) for one in streams]),
        free=_by_way(visits.free, [(one.way, one.free) for one in streams]),
    )
    spans: dict[str, list[Span]] = {outbound(arch)[0]: _all_of(traffic.writes)}
    for one in streams:
        spans.setdefault(one.way, []).append(Span(one.nbytes, one.runs))
    return Planned(entry, order, moved, elements, traffic, strips, spans)


def _passes_over_weights(tiles: Tiles, arch: Arch) -> Ints:
    """(G,) passes over the input channels after which the weights of a group fit their buffers."""
    passes, copies = np.ones(len(tiles.cycles), np.int64), copies_of(tiles)
    for flow, by_group in tiles.stationary.items():
        capacity = share_of(arch, storage_of(arch, flow))
        each = (by_group // copies).tolist()
        passes = np.maximum(passes, [passes_over_inputs(n, capacity) for n in each])
    return passes


def _strips(entry: Entry, arch: Arch, passes: Ints) -> Strips:
    """How the plane is cut where the rows under a window do not fit; partial sums leave and come
    back, for `passes` (G,) that weights ask for in any case."""
    outputs = entry.tiles.outputs.sum(axis=1)

    def psums(of_rows: int) -> int:
        return 2 * psum_bytes(arch) * int((np.maximum(passes, of_rows) - 1) @ outputs)

    return strips_of(entry, arch, _order(entry.tiles, arch).input_reads, psums)


def _order(tiles: Tiles, arch: Arch) -> Order:
    """The rule's choice for a section; all take that of the largest bytes there are."""

    sections = sections_of(tiles)
    firsts = np.cumsum([0, *(section.groups for section in sections[:-1])])

    def held(flow: str, nbytes: Iterable[int]) -> Held:
        pairs = zip(nbytes, sections, strict=True)
        largest = max(each // section.copies for each, section in pairs)
        return Held(largest, share_of(arch, storage_of(arch, flow)))

    return choose_order(
        {flow: held(flow, [section.moving[flow] for section in sections]) for flow in tiles.moving},
        {
            flow: held(flow, np.add.reduceat(by_group, firsts).tolist())
            for flow, by_group in tiles.stationary.items()
        },
        tiles.halo_bytes,
        tiles.min_blocks,
    )


def _scaled(parts: Ints, total: int, whole: int) -> Ints:
    """The parts in proportion, adding up to `total` instead of `whole`."""
    ends = parts.cumsum()
    if total * whole < MOST_INT64:
        scaled = ends * total // max(1, whole)
    else:
        scaled = np.array([end * total // whole for end in ends.tolist()], np.int64)
    return differences(scaled)


def _psums_leave(tiles: Tiles, visits: Visits, arch: Arch) -> bool:
    """Whether the partial sums of the largest group find no room beside the inputs."""
    moving = next(iter(tiles.moving))
    # Sections share nothing, so the inputs of one of them lie there.
    inputs = max(part.moving[moving] // part.copies for part in sections_of(tiles))
    room = share_of(arch, storage_of(arch, moving)) - inputs
    footprint = psum_bytes(arch) * int((tiles.outputs.sum(axis=1) // copies_of(tiles)).max())
    return bool(visits.psum_reads.any()) and footprint > room


@dataclass(frozen=True)
class _Runs:
    """What the runs of streams follow from: the order, strips of the plane, passes of each group
    (G,), and whether partial sums go through DRAM."""

    order: Order
    strips: Strips
    passes: Ints
    psums: bool


def _streams(entry: Entry, visits: Visits, elements: Ints, runs: _Runs) -> Iterator[Stream]:
    """All that comes from DRAM: of the layer with weights, its partial sums, and operands of
    element-wise layers in step with the elements that they handle.
    """
    tiles, stage = entry.tiles, entry.stage
    moving = next(iter(tiles.moving))
    if (layer := stage.anchor) is not None:
        for flow, need in visits.need.items():
            if flow in tiles.moving:
                count = input_runs(entry, runs.order, runs.strips)
            else:
                turns = runs.passes * copies_of(tiles)
                count = weight_runs(tiles.stationary[flow], turns, runs.order)
            kept = stage.keeps_input and flow in tiles.moving
            never = np.zeros_like(need)
            columns = (never, never) if kept else (need, visits.free[flow])
            yield Stream(layer.name, flow, flow, *columns, 0 if kept else count)
    if runs.psums:
        come = np.cumsum(visits.psum_reads)
        psums = psum_runs(runs.passes, copies_of(tiles))
        yield Stream(entry.layers[0].name, "psum", moving, come, come, psums)
    for post in stage.posts:
        if nbytes := entry.operands.get(post.name, 0):
            come = np.cumsum(_scaled(elements, nbytes, int(elements.sum())))
            count = operand_runs(post, entry.samples, fused=post is not entry.layers[0])
            yield Stream(post.name, moving, moving, come, come, count)


def _by_way(flows: Mapping[str, Ints], columns: Sequence[tuple[str, Ints]]) -> dict[str, Ints]:
    """The columns (N,) summed over each flow; zero where nothing comes."""
    ways: dict[str, Ints] = {}
    for way, column in columns:
        ways[way] = ways[way] + column if way in ways else column
    return {flow: ways[flow] if flow in ways else np.zeros_like(n) for flow, n in flows.items()}


def _reads(entry: Entry, streams: Sequence[Stream]) -> dict[str, dict[str, Span]]:
    reads: dict[str, dict[str, Span]] = {layer.name: {} for layer in entry.layers}
    for stream in streams:
        reads[stream.layer][stream.flow] = Span(stream.nbytes, stream.runs)
    return reads


def _writes(entry: Entry, made: int, psums: Span, result: str) -> dict[str, dict[str, Span]]:
    writes: dict[str, dict[str, Span]] = {layer.name: {} for layer in entry.layers}
    if psums.runs:
        writes[entry.layers[0].name]["psum"] = psums
    if not entry.stage.keeps_output:
        writes[entry.layers[-1].name][result] = Span(made, result_runs(entry))
    return writes


def _all_of(flows: Mapping[str, Mapping[str, Span]]) -> list[Span]:
    """The spans of all layers and flows."""
    return [span for of_layer in flows.values() for span in of_layer.values()]
