"""SmartDeal's inference array (paper V-B, Table IX): rules and sources in docs/machines/smartdeal.md.

Slices hold output channels, lines input channels, a tile is `macs` neighbouring output pixels whose partial
sums stay in the multipliers (output stationary). A tile lasts as long as its slowest stream, and at least as
long as the input buffer, the index selector and the weight buffers need to feed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archsim.components.index_selector import IndexSelector
from archsim.components.mac_array import BitSerialMacArray
from archsim.components.pe_slices import PeSlices
from archsim.components.rebuild_engine import RebuildEngine
from archsim.errors import InputError
from archsim.kernels import coefficients
from archsim.kernels.coefficients import Coefficients
from archsim.kernels.jobs import (
    Ints,
    Jobs,
    Small,
    Window,
    input_rows,
    linear_jobs,
    pointwise_jobs,
    spatial_jobs,
    tile_columns,
)
from archsim.kernels.pe_array import (
    Array,
    ArrayWork,
    depthwise_work,
    lane_losses,
    shared_work,
    synchronised,
)
from archsim.machine import buffer_of, name_of, only, storage_of
from archsim.tiles import Tiles, ceil_div

if TYPE_CHECKING:
    from archsim.arch import Arch
    from archsim.layer import Layer
    from archsim.tensors import LayerTensors

FLOWS = ("input", "index", "weight", "output")

PSUM_BYTES = 6
"""A 24-bit partial sum, read and written."""
CLUSTERS = 2
"""Linear layers split a line's multipliers between two output neurons (paper V-B)."""


@dataclass(frozen=True)
class _Machine:
    """The components of this machine, whatever the arch calls them."""

    slices: PeSlices
    array: BitSerialMacArray
    selector: IndexSelector
    engine: RebuildEngine

    @property
    def skips_inputs(self) -> bool:
        return self.selector.skip in {"inputs", "both"}

    @property
    def skips_weights(self) -> bool:
        return self.selector.skip in {"weights", "both"}


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference. InputError if slices cannot be shared out evenly over streams."""
    machine = _Machine(
        only(arch, PeSlices), only(arch, BitSerialMacArray), only(arch, IndexSelector), only(arch, RebuildEngine)
    )
    array = _array(machine, layer, arch)
    rows = _coefficients(layer, tensors, machine)
    jobs, work = _work(layer, tensors, machine, array, rows)
    cycles = synchronised(work, array)
    block = _block(machine, layer)
    outputs = _outputs(layer, jobs, array, block)
    input_bytes = _input_bytes(layer, work, machine, outputs.shape)
    scanned = _scanned(layer, rows, array)
    weight_bits, basis_bits = _weight_reads(rows, layer, machine, array)
    limits = {
        "input": ceil_div(input_bytes, buffer_of(arch, "input").bytes_per_cycle),
        "scan": np.broadcast_to(ceil_div(_rows_in_scan(layer, rows), machine.selector.rows_per_cycle), cycles.shape),
        "weight": _weight_cycles(weight_bits, basis_bits, layer, arch, array, cycles.shape),
    }
    limited = np.maximum.reduce([cycles, *limits.values()])
    reads = _reads(weight_bits, basis_bits, layer, array, cycles.shape[1])
    group_of_filter = _filter_groups(layer, array)
    groups = len(cycles)
    rebuild = np.concatenate([one.rebuild for one in work])
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=limited,
            outputs=outputs,
            moving={"input": layer.input_elements},
            stationary={
                "weight": _share(rows.weight_bytes, rows.filter_bits, group_of_filter, groups),
                "index": _share(rows.index_bytes, np.ones(len(rows.nonzeros), np.int64), group_of_filter, groups),
            },
            halo_bytes=_halo(layer),
            macs_done=sum(one.macs_done for one in work),
            macs_skipped=sum(one.macs_skipped for one in work),
            instances=_instances(machine, arch),
            busy=_busy(work, machine, arch, layer),
            lost={arch.compute: _losses(work, array, cycles, limits, limited)},
            actions=_actions(work, machine, arch, layer, (input_bytes, scanned, reads, rows)),
            side={
                storage_of(arch, "input"): limits["input"],
                name_of(arch, IndexSelector): limits["scan"],
                storage_of(arch, "weight"): limits["weight"],
                name_of(arch, RebuildEngine): np.minimum(rebuild, limited),
                name_of(arch, PeSlices): np.minimum(limited, machine.array.macs),
            },
        ),
    )


def _array(machine: _Machine, layer: Layer, arch: Arch) -> Array:
    slices, macs = machine.slices, machine.array.macs
    if slices.slices % slices.streams:
        place = arch.place(f"components.{name_of(arch, PeSlices)}.streams")
        raise InputError.at(place, f"{slices.streams} streams cannot share {slices.slices} slices evenly")
    clusters = CLUSTERS if layer.kind == "linear" and macs >= CLUSTERS * 3 else 1
    return Array(
        seats=slices.slices * clusters,
        lines=slices.lines,
        seat_macs=macs // clusters,
        streams=slices.slices if layer.kind == "depthwise" else slices.streams,
        sync=slices.sync,
    )


def _coefficients(layer: Layer, tensors: LayerTensors, machine: _Machine) -> Coefficients:
    """The rows of the decomposed form, or of the 8-bit weights where a layer was left as it was (MUX1's raw path)."""
    coef, basis = tensors.get("coef"), tensors.get("basis")
    if coef is not None and basis is not None:
        return coefficients.decomposed(coef, basis.shape, machine.selector.index_granularity)
    return coefficients.raw(tensors.need("weight"))


def _work(
    layer: Layer, tensors: LayerTensors, machine: _Machine, array: Array, rows: Coefficients
) -> tuple[Jobs, list[ArrayWork]]:
    """Jobs and array work of each convolution group; one for ungrouped and depthwise layers."""
    inputs = tensors.need("input")
    serial, per_cycle = machine.array.serial, machine.engine.basis_rows_per_cycle
    macs = machine.array.macs
    window = Window(layer.kernel, layer.stride, layer.padding, layer.dilation, layer.out_size)
    groups = 1 if layer.kind == "depthwise" else layer.groups
    channels, filters = layer.in_channels // groups, layer.out_channels // groups
    work = []
    for group in range(groups):
        own = inputs[group * channels : (group + 1) * channels] if groups > 1 else inputs
        if layer.kind == "linear":
            jobs = linear_jobs(own.reshape(-1, channels), serial, array.lines)
        elif layer.kernel == (1, 1) and layer.kind != "depthwise":
            jobs = pointwise_jobs(own, window, macs, serial, array.lines)
        else:
            jobs = spatial_jobs(own, window, macs, serial, array.lines)
        lasting = _kept(jobs, machine)
        members = slice(group * filters, (group + 1) * filters)
        picked = rows.rows(members, per_cycle, keep_dead=not machine.skips_weights)
        if layer.kind == "depthwise":
            work.append(depthwise_work(jobs, picked, array, lasting, _block(machine, layer)))
        else:
            work.append(shared_work(jobs, picked, array, lasting))
    return jobs, work


def _kept(jobs: Jobs, machine: _Machine) -> Small:
    """The job cycles of every unit and tile; an all-zero input has one only if inputs are not skipped."""
    if machine.skips_inputs:
        return jobs.cycles
    return np.where(jobs.cycles > 0, jobs.cycles, jobs.zero_cycles)


def _block(machine: _Machine, layer: Layer) -> int:
    """Output rows of a depthwise tile: as many as have lines for all their kernel rows, unless the arch says."""
    fitting = max(1, machine.slices.lines // layer.kernel[0])
    return min(machine.slices.depthwise_rows or fitting, fitting)


def _outputs(layer: Layer, jobs: Jobs, array: Array, block: int) -> Ints:
    """(G, T) bytes of results a tile completes: 8-bit outputs of its pixels for the filters of its group."""
    if layer.kind == "depthwise":
        height = np.minimum(block, layer.out_size[0] - np.arange(0, layer.out_size[0], block))
        pixels = np.outer(height, jobs.pixels[: jobs.columns]).reshape(-1)
        filters = [layer.out_channels]
    else:
        pixels = jobs.pixels
        filters = [layer.out_channels // layer.groups] * layer.groups
    seats = np.concatenate([np.minimum(array.seats, k - np.arange(0, k, array.seats)) for k in filters])
    return np.outer(seats, pixels)


def _filter_groups(layer: Layer, array: Array) -> Ints:
    """(K,) the output-channel group of each filter."""
    groups = 1 if layer.kind == "depthwise" else layer.groups
    filters = layer.out_channels // groups
    own = np.arange(filters) // array.seats
    return np.concatenate([own + group * (int(own[-1]) + 1) for group in range(groups)])


def _share(total: int, weights: Ints, group_of_filter: Ints, groups: int) -> Ints:
    """(G,) whole bytes that add up to the total, in proportion to what the filters of a group hold."""
    by_group = np.bincount(group_of_filter, weights=weights, minlength=groups)
    if not by_group.sum():
        return np.concatenate([[total], np.zeros(groups - 1, np.int64)]).astype(np.int64)
    ends = np.floor(np.cumsum(by_group) * (total / by_group.sum()) + 0.5).astype(np.int64)
    ends[-1] = total
    return np.diff(ends, prepend=0)


def _halo(layer: Layer) -> int:
    """Input bytes that a second spatial pass reads again: the rows by which the kernel overlaps itself."""
    return max(0, layer.kernel[0] - layer.stride[0]) * layer.in_size[1] * layer.in_channels


def _input_bytes(layer: Layer, work: list[ArrayWork], machine: _Machine, shape: tuple[int, ...]) -> Ints:
    """(G, T) bytes that the streams of a group read from the input buffer for a tile."""
    if layer.kind == "linear":
        return np.full(shape, layer.in_channels, np.int64)
    if layer.kind != "depthwise":
        return np.concatenate([one.input_bytes for one in work])
    window = Window(layer.kernel, layer.stride, layer.padding, layer.dilation, layer.out_size)
    used, exists = input_rows(window, layer.in_size[0])
    block = _block(machine, layer)
    firsts = range(0, layer.out_size[0], block)
    heights = [len(np.unique(used[:, e : e + block][exists[:, e : e + block]])) for e in firsts]
    _, widths = tile_columns(window, layer.in_size[1], machine.array.macs)
    seats = work[0].seats_used
    return np.outer(seats, np.outer(heights, widths).reshape(-1))


def _rows_in_scan(layer: Layer, rows: Coefficients) -> int:
    """Coefficient rows that a stream's selector scans for a tile: all of them."""
    return int(rows.nonzeros.shape[1])


def _scanned(layer: Layer, rows: Coefficients, array: Array) -> int:
    """Rows scanned in one tile of every group, over all streams that have filters."""
    group = np.bincount(_filter_groups(layer, array))
    return int(ceil_div(group, array.seats_per_stream).sum()) * _rows_in_scan(layer, rows)


def _weight_reads(rows: Coefficients, layer: Layer, machine: _Machine, array: Array) -> tuple[Ints, Ints]:
    """(K,) bits a filter reads every tile, and bits it reads in the first tile of its group besides."""
    codes = rows.live_bits()
    basis = rows.bits.basis if rows.bits else np.zeros_like(codes)
    if rows.bits and _bases_per_line(rows, layer, array.lines) > machine.engine.per_line:
        return codes + basis, np.zeros_like(basis)
    return codes, basis


def _bases_per_line(rows: Coefficients, layer: Layer, lines: int) -> int:
    """The most slices of rows that one line works on; each has a basis of its own."""
    units = rows.nonzeros.shape[1]
    if layer.kind == "depthwise":
        line = np.arange(units) % lines
    else:
        rows_per_channel = layer.kernel[0] if layer.kind == "spatial" and layer.kernel != (1, 1) else 1
        line = np.arange(units) // rows_per_channel % lines
    slices = np.arange(units) // rows.slice_rows
    pairs = np.unique(line * units + slices)
    return int(np.bincount(pairs // units).max())


def _weight_cycles(
    every: Ints, first: Ints, layer: Layer, arch: Arch, array: Array, shape: tuple[int, ...]
) -> Ints:
    """(G, T) cycles of the slowest slice's weight buffer, all slices reading side by side."""
    group = _filter_groups(layer, array)
    width = 8 * buffer_of(arch, "weight").bytes_per_cycle
    clusters = array.seats // only(arch, PeSlices).slices
    starts = np.searchsorted(group, np.arange(shape[0]))
    place = np.arange(len(group)) - starts[group]
    slice_of = group * array.seats + place // clusters
    every_slice, first_slice = np.bincount(slice_of, every), np.bincount(slice_of, every + first)
    owner = np.arange(len(every_slice)) // array.seats
    cycles = np.zeros(shape, np.int64)
    steady, opening = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64)
    np.maximum.at(steady, owner, ceil_div(every_slice.astype(np.int64), width))
    np.maximum.at(opening, owner, ceil_div(first_slice.astype(np.int64), width))
    cycles[:] = steady[:, None]
    cycles[:, 0] = opening
    return cycles


def _reads(every: Ints, first: Ints, layer: Layer, array: Array, tiles_of_group: int) -> int:
    """Bytes read from all weight buffers over the whole layer."""
    return -(-int(every.sum() * tiles_of_group + first.sum()) // 8)


def _instances(machine: _Machine, arch: Arch) -> dict[str, int]:
    lines = machine.slices.slices * machine.slices.lines
    return {
        arch.compute: lines * machine.array.macs,
        name_of(arch, RebuildEngine): lines * machine.engine.per_line,
        name_of(arch, PeSlices): machine.slices.slices,
    }


def _busy(work: list[ArrayWork], machine: _Machine, arch: Arch, layer: Layer) -> dict[str, int]:
    """Instance-cycles of useful work inside the array."""
    rebuilt = sum(one.rebuilt_rows for one in work)
    return {
        arch.compute: sum(one.digits for one in work),
        name_of(arch, RebuildEngine): rebuilt // machine.engine.basis_rows_per_cycle,
    }


def _losses(
    work: list[ArrayWork], array: Array, cycles: Ints, limits: dict[str, Ints], limited: Ints
) -> dict[str, int]:
    """Where the multipliers' time goes inside the tiles."""
    lost = lane_losses(work, array, cycles)
    over = limited - cycles
    by_weight = limits["weight"] >= np.maximum(limits["input"], limits["scan"])
    lost["wait_weight"] = int(over[by_weight].sum()) * array.lanes
    lost["wait_input"] = int(over[~by_weight].sum()) * array.lanes
    return lost


def _actions(
    work: list[ArrayWork],
    machine: _Machine,
    arch: Arch,
    layer: Layer,
    reads: tuple[Ints, int, int, Coefficients],
) -> dict[str, dict[str, int]]:
    """Counts to be priced; the fills of buffers and DRAM are counted with the traffic."""
    input_bytes, scanned, weight_bytes, rows = reads
    tiles_of_group = input_bytes.shape[1]
    rebuilt = sum(one.rebuilt_rows for one in work) * rows.basis_columns
    done = sum(one.macs_done for one in work)
    index_bits = 0 if rows.bits is None else rows.bits.index[0] // rows.nonzeros.shape[1]
    step = "booth_step" if machine.array.serial == "booth" else "bit_step"
    return {
        storage_of(arch, "input"): {"read": int(input_bytes.sum())},
        storage_of(arch, "index"): {"read": -(-scanned * tiles_of_group * int(index_bits) // 8)},
        name_of(arch, IndexSelector): {"scan": scanned * tiles_of_group},
        storage_of(arch, "weight"): {"read": weight_bytes},
        name_of(arch, RebuildEngine): {"basis_read": rebuilt, "shift_add": rebuilt},
        arch.compute: {
            "fifo": sum(one.fifo_bytes for one in work),
            step: sum(one.digits for one in work),
            "psum_access": done * PSUM_BYTES,
        },
        name_of(arch, PeSlices): {"tree_add": layer.output_elements * (machine.slices.lines - 1)},
    }
