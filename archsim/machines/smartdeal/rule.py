"""SmartDeal's inference array (paper V-B, Table IX): its rules are docs/machines/smartdeal.md.

Slices hold output channels, lines input channels, a tile is `macs` neighbouring output pixels whose
partial sums stay in the multipliers (output stationary). A tile lasts as long as its slowest
stream, and at least as long as the input buffer, the index selector and the weight buffers need to
feed it.
"""

from collections.abc import Sequence

import numpy as np

from archsim.arch.arch import Arch
from archsim.formats.digits import Values
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.groups import group_sizes, part_sizes, share_bytes
from archsim.machines.shared.machine import (
    halo_bytes,
    input_blocks,
    name_of,
    storage_of,
)
from archsim.machines.shared.partial_sums import psum_update_bytes
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes, read_bytes
from archsim.machines.smartdeal import coefficients, pe_array
from archsim.machines.smartdeal.components import IndexSelector, PeSlices, RebuildEngine
from archsim.machines.smartdeal.jobs import (
    TRIPLE,
    Jobs,
    block_inputs,
    linear_jobs,
    pointwise_jobs,
    spatial_jobs,
)
from archsim.machines.smartdeal.layer_run import Run
from archsim.machines.smartdeal.limits import limits_of, losses_of
from archsim.machines.smartdeal.parts import Parts, parts_of
from archsim.machines.smartdeal.tile_time import Waits
from archsim.machines.smartdeal.weight_reads import weight_reads
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "index", "weight", "output")
WIDTHS = (4, 8, 16)


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference."""
    machine = parts_of(arch)
    run = _run(layer, tensors, machine)
    limits = limits_of(run, machine)
    limited = np.maximum.reduce([run.array_cycles, *limits.values()])
    rebuild = np.concatenate([one.rebuild for one in run.work])
    return (
        Tiles(
            phase="inference",
            cycles=run.cycles,
            limited=limited,
            outputs=run.outputs,
            moving={"input": read_bytes(layer, arch)},
            stationary={
                "weight": share_bytes(run.rows.weight_bytes, run.rows.filter_bits, run.sizes),
                "index": share_bytes(
                    run.rows.index_bytes, np.ones(layer.out_channels, np.int64), run.sizes
                ),
            },
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=sum(one.macs_done for one in run.work),
            macs_skipped=sum(one.macs_skipped for one in run.work),
            instances=_instances(machine),
            busy=_busy(run, machine),
            lost={arch.compute: losses_of(run, limits, limited)},
            actions=_actions(run, machine),
            side={
                storage_of(arch, "input"): limits["input"],
                name_of(arch, IndexSelector): limits["scan"],
                storage_of(arch, "index"): limits["index"],
                storage_of(arch, "weight"): limits["weight"],
                name_of(arch, RebuildEngine): np.minimum(rebuild, limited),
                name_of(arch, PeSlices): limits["drain"],
            },
        ),
    )


def _run(layer: Layer, tensors: LayerTensors, machine: Parts) -> Run:
    array = array_of(machine, layer)
    rows = coefficients_of(tensors, machine)
    jobs, work = _work(layer, tensors, machine, rows)
    groups = 1 if layer.kind == "depthwise" else layer.groups
    sizes = group_sizes(layer.out_channels, groups, array.seats)
    outputs = np.outer(sizes, _pixels(layer, jobs, machine))
    line = jobs.line[: rows.nonzeros.shape[1]]
    if layer.kind == "depthwise":
        line = np.arange(layer.kernel[0]) % array.lines
    streams = ceil_div(sizes, array.seats_per_stream)
    return Run(
        layer=layer,
        array=array,
        jobs=jobs,
        rows=rows,
        work=work,
        sizes=sizes,
        cycles=pe_array.synchronised(work, array),
        outputs=outputs,
        input_bytes=activation_bytes(
            _inputs_read(layer, work, machine, outputs.shape), machine.arch
        ),
        reads=weight_reads(rows, line, machine.engine.per_line),
        scanned=streams * int(rows.nonzeros.shape[1]),
    )


def array_of(machine: Parts, layer: Layer) -> pe_array.Array:
    slices, macs, engine = machine.slices, machine.array.macs, machine.engine
    clusters = 1
    if layer.kind == "linear" and min(macs // TRIPLE, engine.per_line) >= slices.clusters:
        clusters = slices.clusters
    positions = clusters if layer.kind == "linear" else macs
    return pe_array.Array(
        seats=slices.slices * clusters,
        lines=slices.lines,
        seat_macs=macs // clusters,
        multipliers=slices.slices * slices.lines * macs,
        streams=slices.slices if layer.kind == "depthwise" else slices.streams,
        sync=slices.sync,
        waits=Waits(
            hidden=engine.works_ahead(clusters),
            fill=engine.fill == "group",
            empty=int(slices.empty_tiles == "cycle"),
            barrier=slices.barrier_cycles,
            drain=ceil_div(positions, slices.tree_positions_per_cycle),
            together=slices.sync == "tile",
        ),
    )


def coefficients_of(tensors: LayerTensors, machine: Parts) -> coefficients.Coefficients:
    """The rows of the decomposed form, or of the weights of a layer that was left as it was.

    The latter take the raw path of the rebuild engine's multiplexer (paper V-B).
    """
    form = machine.arch.weights
    if form == "smartdeal" and (coef := tensors.get("coef")) is not None:
        shape = tensors.basis_shape() or tensors.need("basis").shape
        found = coefficients.decomposed(coef, shape, machine.selector.index_granularity)
        tensors.forget("coef")  # the largest array of a linear layer
        return found
    weights = tensors.need("pruned" if form == "pruned" else "weight")
    return coefficients.raw(weights, machine.arch.weight_bits)


def _work(
    layer: Layer, tensors: LayerTensors, machine: Parts, rows: coefficients.Coefficients
) -> tuple[Jobs, list[pe_array.ArrayWork]]:
    """Jobs and array work of each convolution group; one for ungrouped and depthwise layers."""
    array = array_of(machine, layer)
    groups = 1 if layer.kind == "depthwise" else layer.groups
    filters = layer.out_channels // groups
    # Nothing but the jobs needs the inputs, which go with the last group's.
    inputs = [*np.split(tensors.need("input"), groups)] if groups > 1 else [tensors.need("input")]
    tensors.forget("input")
    work = []
    for group in range(groups):
        jobs = jobs_of(layer, inputs.pop(0), machine)
        lasting = jobs.cycles if machine.selector.skips_inputs else jobs.with_zero_inputs()
        picked = rows.rows(
            slice(group * filters, (group + 1) * filters),
            machine.engine.basis_rows_per_cycle,
            keep_dead=not machine.selector.skips_weights,
        )
        if layer.kind == "depthwise":
            work.append(
                pe_array.depthwise_work(jobs, picked, array, lasting, block_of(machine, layer))
            )
        else:
            work.append(pe_array.shared_work(jobs, picked, array, lasting))
    return jobs, work


def jobs_of(layer: Layer, inputs: Values, machine: Parts) -> Jobs:
    serial, macs, lines = machine.array.serial, machine.array.macs, machine.slices.lines
    if layer.kind == "linear":
        return linear_jobs(inputs.reshape(-1, layer.in_channels), serial, lines)
    if layer.kernel == (1, 1) and layer.kind != "depthwise":
        return pointwise_jobs(inputs, layer.geometry, macs, serial, lines)
    return spatial_jobs(inputs, layer.geometry, macs, serial, lines)


def block_of(machine: Parts, layer: Layer) -> int:
    """Output rows of a depthwise tile: as many as have lines for all their kernel rows, or
    fewer.
    """
    fitting = max(1, machine.slices.lines // layer.kernel[0])
    return min(machine.slices.depthwise_rows or fitting, fitting)


def _pixels(layer: Layer, jobs: Jobs, machine: Parts) -> Ints:
    """(T,) output pixels of each tile."""
    if layer.kind != "depthwise":
        return jobs.pixels
    block = block_of(machine, layer)
    height = part_sizes(layer.out_size[0], block)
    return np.outer(height, jobs.pixels[: jobs.columns]).reshape(-1)


def _inputs_read(
    layer: Layer, work: list[pe_array.ArrayWork], machine: Parts, shape: tuple[int, ...]
) -> Ints:
    """(G, T) inputs that the streams of a group read from the input buffer for a tile."""
    if layer.kind == "linear":
        return np.full(shape, layer.in_channels, np.int64)
    if layer.kind != "depthwise":
        return np.concatenate([one.inputs_read for one in work])
    own = block_inputs(layer.geometry, layer.in_size, machine.array.macs, block_of(machine, layer))
    return np.outer(work[0].seats_used, own)


def _instances(machine: Parts) -> dict[str, int]:
    """Copies of each part of the array."""
    lines = machine.slices.slices * machine.slices.lines
    return {
        machine.arch.compute: lines * machine.array.macs,
        name_of(machine.arch, RebuildEngine): lines * machine.engine.per_line,
        name_of(machine.arch, PeSlices): machine.slices.slices,
    }


def _busy(run: Run, machine: Parts) -> dict[str, int]:
    """Instance-cycles of useful work inside the array: digits, and basis rows added."""
    rebuilt = sum(one.rebuilt_rows for one in run.work)
    return {
        machine.arch.compute: sum(one.digits for one in run.work),
        name_of(machine.arch, RebuildEngine): rebuilt // machine.engine.basis_rows_per_cycle,
    }


def _actions(run: Run, machine: Parts) -> dict[str, dict[str, int]]:
    """Counts to be priced; the fills of buffers and DRAM are counted with the traffic."""
    arch, work = machine.arch, run.work
    tiles_of_group = run.cycles.shape[1]
    rebuilt = sum(one.rebuilt_rows for one in work) * run.rows.basis_columns
    step = "booth_step" if machine.array.serial == "booth" else "bit_step"
    scanned = int(run.scanned.sum()) * tiles_of_group
    digits = sum(one.digits for one in work)
    return {
        storage_of(arch, "input"): {"read": int(run.input_bytes.sum())},
        storage_of(arch, "index"): {"read": -(-scanned * run.index_bits // 8)},
        name_of(arch, IndexSelector): {"scan": scanned},
        storage_of(arch, "weight"): {"read": run.reads.total_bytes(tiles_of_group)},
        name_of(arch, RebuildEngine): {"basis_read": rebuilt, "shift_add": rebuilt},
        arch.compute: {
            "fifo": activation_bytes(sum(one.fifo_inputs for one in work), arch),
            step: digits,
            # A serial multiplier adds to its partial sum in each of its steps.
            "psum_access": digits * psum_update_bytes(arch),
        },
        name_of(arch, PeSlices): {"tree_add": run.layer.output_elements * (_lines(run) - 1)},
    }


def _lines(run: Run) -> int:
    """Lines of a slice that hold a part of an output, and that the adder tree adds up."""
    if run.layer.kind == "depthwise":  # the other lines in use work on other output rows
        return min(run.layer.kernel[0], run.array.lines)
    return run.work[0].lines_used
