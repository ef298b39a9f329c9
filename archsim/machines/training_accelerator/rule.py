"""The training accelerator (Kim et al., ISSCC'19 7.4; paper appendix F): rules and sources in
docs/machines/training_accelerator.md.

Each phase of a layer is a matrix product on small transposable arrays: forward (`ff`), backward
(`bp`), weight gradient (`wg`); then the weights are updated (`update`). On `weights: dense` that is
vanilla training; on `weights: smartdeal` the weights are codes and bases that rebuild engines
expand, and what is updated are the codes' counters and the bases (paper IV).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.arch.arch import Arch
from archsim.arch.components.rebuild_engine import RebuildEngine
from archsim.machines.shared.geometry import ceil_div
from archsim.machines.shared.machine import buffer_of, name_of, only, storage_of
from archsim.machines.shared.partial_sums import FLOAT_PSUM_UPDATE_BYTES
from archsim.machines.shared.tiles import Tiles, even_parts
from archsim.machines.training_accelerator import gemm, traffic
from archsim.machines.training_accelerator.components import TrainingPeArray
from archsim.machines.training_accelerator.exponent_codes import coded_size
from archsim.machines.training_accelerator.layout import (
    VALUE_BYTES,
    Operands,
    in_step,
    product_layout,
    reads_of,
    update_layout,
)
from archsim.machines.training_accelerator.skip import live_weights, skipping_cycles
from archsim.machines.training_accelerator.weights import (
    FloatState,
    WeightBytes,
    decomposed_bytes,
    dense_bytes,
)
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "weight", "output")

Phase = Literal["ff", "bp", "wg"]


@dataclass(frozen=True)
class _Step:
    """A layer's training step: coded sizes in DRAM; `live` weights if dead rows are skipped."""

    layer: Layer
    shape: gemm.TrainingLayer
    array: TrainingPeArray
    weights: WeightBytes
    input_bytes: int
    error_bytes: int
    live: NDArray[np.bool_] | None


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """`ff`, `bp` (not of a layer that is fed from outside), `wg`, `update`, for the whole batch."""
    step = _step(layer, tensors, arch)
    notes = _missing(tensors, step.array)
    phases = [replace(_product("ff", gemm.forward(step.shape), step, arch), notes=notes)]
    if layer.inputs:
        phases.append(_product("bp", gemm.backward(step.shape), step, arch))
    phases.append(_product("wg", gemm.weight_gradient(step.shape), step, arch))
    phases.append(_update(step, arch))
    return phases


def _missing(tensors: LayerTensors, array: TrainingPeArray) -> tuple[str, ...]:
    """That tensors are taken raw, where the workload has no values to code."""
    if array.code_tile is None:
        return ()
    missing = [what for what in ("input", "error") if tensors.get(what) is None]
    return tuple(
        f"some layers have no {what} tensor, whose exponents are then not coded: 16 bits a value"
        for what in missing
    )


def stored_bytes(layer: Layer, values: NDArray[np.generic] | None, arch: Arch) -> int:
    """Results of the forward pass in DRAM, one sample: bfloat16 with coded exponents."""
    array = only(arch, TrainingPeArray)
    return -(-coded_bits(values, layer.output_elements, array.code_tile) // 8)


def coded_bits(values: NDArray[np.generic] | None, elements: int, tile: int | None) -> int:
    """Bits of so many bfloat16 values at the rate at which these values code; raw without
    values.
    """
    if values is None or tile is None or not values.size:
        return elements * VALUE_BYTES * 8
    # bfloat16 is the upper half of a float32; cutting off the rest keeps the exponent.
    patterns = values.astype(np.float32).reshape(-1).view(np.uint32) >> np.uint32(16)
    size = coded_size(patterns.astype(np.uint16), tile)
    return (size.bits + size.table_bits) * elements // size.values


def _step(layer: Layer, tensors: LayerTensors, arch: Arch) -> _Step:
    array, batch = only(arch, TrainingPeArray), tensors.batch
    coef = tensors.get("coef") if arch.weights == "smartdeal" else None
    state = FloatState(array.momentum_bytes, array.master_bytes)
    live = None
    if coef is None:
        weights = dense_bytes(layer.weight_elements, state)
    else:
        mask = tensors.get("mask")
        bases = tensors.need("basis").shape
        weights = decomposed_bytes(coef, mask, bases, state, array.signal)
        if array.skip == "rows":
            live = live_weights(coef if mask is None else mask, _kernels(layer))
    inputs, outputs = layer.read_elements * batch, layer.output_elements * batch
    out = layer.out_size if layer.op == "conv" else (1, 1)
    return _Step(
        layer=layer,
        shape=gemm.TrainingLayer(
            layer.out_channels,
            layer.group_channels,
            layer.kernel,
            out,
            batch * layer.positions,
            layer.groups,
        ),
        array=array,
        weights=weights,
        input_bytes=-(-coded_bits(tensors.get("input"), inputs, array.code_tile) // 8),
        error_bytes=-(-coded_bits(tensors.get("error"), outputs, array.code_tile) // 8),
        live=live,
    )


def _kernels(layer: Layer) -> tuple[int, int, int, int]:
    return layer.out_channels, layer.group_channels, *layer.kernel


def _product(phase: Phase, gemms: gemm.Gemms, step: _Step, arch: Arch) -> Tiles:
    """One matrix product: cycles, accesses, and the bytes of its operands and results."""
    array = step.array
    cost = _cost(phase, gemms, step)
    operands = _operands(phase, step)
    reads = reads_of(operands, array.held, arch)
    layout = product_layout(operands, reads, cost.waves, step.shape.groups, arch)
    rebuilt = step.weights.rebuilt * reads.stationary if phase in {"ff", "bp"} else 0
    read = {
        flow: values * VALUE_BYTES
        for flow, values in (("input", cost.reads.streamed), ("weight", cost.reads.held))
    }
    beside = _beside(read, rebuilt, array, arch)
    longest = max(cost.cycles, *(cycles for _, cycles in beside.values()))
    limited = even_parts(longest, layout.outputs.size).reshape(layout.outputs.shape)
    multipliers = array.arrays * array.rows * array.columns
    psums = _psums(gemms, cost, array) * FLOAT_PSUM_UPDATE_BYTES
    return Tiles(
        phase=phase,
        cycles=in_step(limited, cost.cycles),
        limited=limited,
        outputs=layout.outputs,
        moving=layout.moving,
        stationary=layout.stationary,
        result_bytes=None if phase == "ff" else operands.result_bytes,
        macs_done=cost.macs,
        macs_skipped=gemms.macs - cost.macs,
        instances={arch.compute: multipliers},
        busy={arch.compute: cost.busy},
        lost={arch.compute: _lost(cost, longest, beside, multipliers)},
        actions={
            arch.compute: {"mac": cost.macs, "psum_access": psums},
            **{storage_of(arch, flow): {"read": nbytes} for flow, nbytes in read.items()},
            **_rebuilds(rebuilt, step.weights.columns, arch),
        },
        side={name: in_step(limited, cycles) for name, (_, cycles) in beside.items()},
        coarse=layout.coarse,
    )


def _beside(
    read: Mapping[str, int], rebuilt: int, array: TrainingPeArray, arch: Arch
) -> dict[str, tuple[str, int]]:
    """What the array waits for, by component: cycles in which the buffers are read and the rows of
    coefficients added, and the name of the wait.
    """
    waits = {"input": "wait_input", "weight": "wait_weight"}
    engines = {name: only(arch, RebuildEngine) for name in _engine(arch)}
    return {
        **{
            storage_of(arch, flow): (
                waits[flow],
                int(buffer_of(arch, flow).move_cycles(np.array([nbytes]))[0]),
            )
            for flow, nbytes in read.items()
        },
        **{
            name: ("rebuild", ceil_div(rebuilt, engine.per_line * array.arrays))
            for name, engine in engines.items()
        },
    }


def _rebuilds(rebuilt: int, columns: int, arch: Arch) -> dict[str, dict[str, int]]:
    """What the rebuild engine does for so many rows of coefficients."""
    counts = {"basis_read": rebuilt * VALUE_BYTES * columns, "shift_add": rebuilt * columns}
    return dict.fromkeys(_engine(arch), counts)


def _engine(arch: Arch) -> tuple[str, ...]:
    """The rebuild engine's name; none where the machine has none and its weights are dense."""
    there = any(isinstance(part, RebuildEngine) for part in arch.components.values())
    return (name_of(arch, RebuildEngine),) if there or arch.weights != "dense" else ()


def _cost(phase: Phase, gemms: gemm.Gemms, step: _Step) -> gemm.PhaseCycles:
    """All multiplications or, where dead rows are skipped, those of live ones."""
    own = step.array
    array = gemm.TrainingArray(own.arrays, own.rows, own.columns, own.multicast)
    if step.live is None:
        return gemm.gemm_cycles(gemms, array)
    return skipping_cycles(phase, step.live, step.shape.pixels, step.shape.groups, array)


def _operands(phase: str, step: _Step) -> Operands:
    """The operands of a phase.

    What the forward pass stores is for `stored_bytes` to say: the next layer knows its values.
    """
    layer, shape, samples = step.layer, step.shape, step.shape.batch // step.layer.positions
    inputs, outputs = layer.input_elements * samples, layer.output_elements * samples
    weights = step.weights
    if phase == "ff":
        made = traffic.Results(shape.filters, shape.pixels)
        return Operands(step.input_bytes, weights.stored, 0, outputs, made)
    if phase == "bp":
        coded = step.error_bytes * inputs // outputs
        made = traffic.Results(shape.in_channels, inputs // layer.in_channels)
        return Operands(step.error_bytes, weights.stored, coded, inputs, made)
    made = traffic.Results(shape.filters, shape.in_channels, shape.taps)
    return Operands(
        step.input_bytes, step.error_bytes, weights.gradient, layer.weight_elements, made
    )


def _update(step: _Step, arch: Arch) -> Tiles:
    """Weights and momentum, or counters, codes and bases, element by element."""
    array, weights = step.array, step.weights
    layout = update_layout(weights.updated, weights.update_reads, weights.update_writes, arch)
    total = ceil_div(weights.updated, array.update_lanes)
    cycles = even_parts(total, layout.outputs.size).reshape(layout.outputs.shape)
    multipliers = array.arrays * array.rows * array.columns
    return Tiles(
        phase="update",
        cycles=cycles,
        limited=cycles,
        outputs=layout.outputs,
        moving=layout.moving,
        stationary=layout.stationary,
        result_bytes=weights.update_writes,
        macs_done=0,
        macs_skipped=0,
        instances={arch.compute: multipliers},
        busy={arch.compute: 0},
        lost={arch.compute: {"unmapped": total * multipliers}},
        actions={
            arch.compute: {weights.update_action: weights.updated, "mac": weights.update_macs}
        },
        coarse=layout.coarse,
    )


def _psums(gemms: gemm.Gemms, cost: gemm.PhaseCycles, array: TrainingPeArray) -> int:
    """Additions into partial sums: one for every result and every column of units it passes, in
    proportion to the multiplications that are made.
    """
    whole = gemms.count * gemms.m * gemms.n * -(-gemms.depth // array.columns)
    return whole * cost.macs // max(1, gemms.macs)


def _lost(
    cost: gemm.PhaseCycles, longest: int, beside: Mapping[str, tuple[str, int]], multipliers: int
) -> Mapping[str, int]:
    """Unit-cycles that do nothing useful; the array waits for what takes longest."""
    waiting, _ = max(beside.values(), key=lambda wait: wait[1])
    over = longest - cost.cycles
    return {**cost.lost, waiting: cost.lost.get(waiting, 0) + over * multipliers}
