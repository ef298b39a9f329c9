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
from archsim.arch.movers import cycles_for
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.machine import buffer_of, name_of, only, share_of, storage_of
from archsim.machines.shared.partial_sums import FLOAT_PSUM_UPDATE_BYTES
from archsim.machines.shared.tiles import Tiles, even_parts
from archsim.machines.shared.traffic import Held
from archsim.machines.training_accelerator import gemm, traffic
from archsim.machines.training_accelerator.components import TrainingPeArray
from archsim.machines.training_accelerator.exponent_codes import coded_size
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

VALUE_BYTES = 2
"""bfloat16."""
Phase = Literal["ff", "bp", "wg"]
PARTS = 96  # even parts that a phase is cut into, each way at most


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


@dataclass(frozen=True)
class _Operands:
    """What a product moves: bytes of the operand that streams, of the one that stands still and of
    the results in DRAM, the number of results, and how they are made."""

    moving: int
    stationary: int
    result_bytes: int
    outputs: int
    results: traffic.Results


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
        weights = decomposed_bytes(coef, mask, tensors.need("basis").shape, state)
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
    reads = _reads(operands, array, arch)
    outputs, moving, stationary = _laid_out(operands, reads, cost, step, arch)
    cycles = _even(cost.cycles, outputs.shape)
    broadcast = cost.cycles * array.arrays * array.rows * VALUE_BYTES
    limit = cycles_for(_even(broadcast, outputs.shape), buffer_of(arch, "input").bytes_per_cycle)
    rebuilt = step.weights.rebuilt * reads.stationary if phase in {"ff", "bp"} else 0
    engine = only(arch, RebuildEngine)
    rebuild = ceil_div(_even(rebuilt, outputs.shape), engine.per_line * array.arrays)
    limited = np.maximum.reduce([cycles, limit, rebuild])
    multipliers = array.arrays * array.rows * array.columns
    psums = _psums(gemms, cost, array) * FLOAT_PSUM_UPDATE_BYTES
    return Tiles(
        phase=phase,
        cycles=cycles,
        limited=limited,
        outputs=outputs,
        moving=moving,
        stationary=stationary,
        result_bytes=None if phase == "ff" else operands.result_bytes,
        macs_done=cost.macs,
        macs_skipped=gemms.macs - cost.macs,
        instances={arch.compute: multipliers},
        busy={arch.compute: cost.busy},
        lost={arch.compute: _lost(cost, limited, limit, multipliers)},
        actions={
            arch.compute: {"mac": cost.macs, "psum_access": psums},
            storage_of(arch, "input"): {"read": broadcast},
            storage_of(arch, "weight"): {"read": cost.waves * multipliers * VALUE_BYTES},
            name_of(arch, RebuildEngine): {
                "basis_read": rebuilt * VALUE_BYTES * step.weights.columns,
                "shift_add": rebuilt * step.weights.columns,
            },
        },
        side={storage_of(arch, "input"): limit, name_of(arch, RebuildEngine): rebuild},
    )


def _cost(phase: Phase, gemms: gemm.Gemms, step: _Step) -> gemm.PhaseCycles:
    """All multiplications or, where dead rows are skipped, those of live ones."""
    array = gemm.TrainingArray(step.array.arrays, step.array.rows, step.array.columns)
    if step.live is None:
        return gemm.gemm_cycles(gemms, array)
    return skipping_cycles(phase, step.live, step.shape.pixels, step.shape.groups, array)


def _operands(phase: str, step: _Step) -> _Operands:
    """The operands of a phase.

    What the forward pass stores is for `stored_bytes` to say: the next layer knows its values.
    """
    layer, shape, samples = step.layer, step.shape, step.shape.batch // step.layer.positions
    inputs, outputs = layer.input_elements * samples, layer.output_elements * samples
    weights = step.weights
    if phase == "ff":
        made = traffic.Results(shape.filters, shape.pixels)
        return _Operands(step.input_bytes, weights.stored, 0, outputs, made)
    if phase == "bp":
        coded = step.error_bytes * inputs // outputs
        made = traffic.Results(shape.in_channels, inputs // layer.in_channels)
        return _Operands(step.error_bytes, weights.stored, coded, inputs, made)
    made = traffic.Results(shape.filters, shape.in_channels, shape.taps)
    return _Operands(
        step.input_bytes, step.error_bytes, weights.gradient, layer.weight_elements, made
    )


def _reads(operands: _Operands, array: TrainingPeArray, arch: Arch) -> traffic.Reads:
    """How often the operands are read, with what the buffers hold."""

    def held(flow: str, nbytes: int) -> Held:
        return Held(nbytes, share_of(arch, storage_of(arch, flow)))

    moving, stationary = held("input", operands.moving), held("weight", operands.stationary)
    if array.held == "operands":
        return traffic.reads_of_operands(moving, stationary)
    room = share_of(arch, storage_of(arch, "output"))
    return traffic.fewest_reads(moving, stationary, operands.results, room)


def _laid_out(
    operands: _Operands, reads: traffic.Reads, cost: gemm.PhaseCycles, step: _Step, arch: Arch
) -> tuple[Ints, dict[str, int], dict[str, Ints]]:
    """Results of each tile, bytes of what moves, and of what stands still by group.

    Where results stay on chip both operands stream, as often as they are read, and a block of
    results is complete at its last tile.
    """
    if reads.blocks is None:
        shape = (min(PARTS, cost.waves), min(PARTS, max(1, operands.outputs // PARTS)))
        groups = _even(operands.stationary, shape).sum(axis=1)
        return _even(operands.outputs, shape), {"input": operands.moving}, {"weight": groups}
    moving = {
        "input": operands.moving * reads.moving,
        "weight": operands.stationary * reads.stationary,
    }
    halves = [-(-2 * n // share_of(arch, storage_of(arch, flow))) for flow, n in moving.items()]
    releases = step.shape.groups * reads.blocks.count
    parts = -(-max(PARTS, *halves) // releases)
    outputs = np.zeros((releases, parts), np.int64)
    # A block of results is complete only when the whole depth has streamed past it.
    outputs[:, -1] = even_parts(operands.outputs, releases)
    return outputs.reshape(1, -1), moving, {}


def _update(step: _Step, arch: Arch) -> Tiles:
    """Weights and momentum, or counters, codes and bases, element by element."""
    array, weights = step.array, step.weights
    shape = (1, min(PARTS, max(1, weights.updated)))
    cycles = _even(-(-weights.updated // array.update_lanes), shape)
    multipliers = array.arrays * array.rows * array.columns
    return Tiles(
        phase="update",
        cycles=cycles,
        limited=cycles,
        outputs=_even(weights.updated, shape),
        moving={"input": weights.update_reads},
        stationary={"weight": np.zeros(1, np.int64)},
        result_bytes=weights.update_writes,
        macs_done=0,
        macs_skipped=0,
        instances={arch.compute: multipliers},
        busy={arch.compute: 0},
        lost={arch.compute: {"unmapped": int(cycles.sum()) * multipliers}},
        actions={
            arch.compute: {weights.update_action: weights.updated, "mac": weights.update_macs}
        },
    )


def _even(total: int, shape: tuple[int, int]) -> Ints:
    """Whole parts that add up to the total, as even as can be."""
    return even_parts(total, shape[0] * shape[1]).reshape(shape)


def _psums(gemms: gemm.Gemms, cost: gemm.PhaseCycles, array: TrainingPeArray) -> int:
    """Additions into partial sums: one for every result and every column of units it passes, in
    proportion to the multiplications that are made.
    """
    whole = gemms.count * gemms.m * gemms.n * -(-gemms.depth // array.columns)
    return whole * cost.macs // max(1, gemms.macs)


def _lost(
    cost: gemm.PhaseCycles, limited: Ints, limit: Ints, multipliers: int
) -> Mapping[str, int]:
    """Unit-cycles that do nothing useful."""
    over = int(limited.sum()) - cost.cycles
    waiting = "wait_input" if int(limit.sum()) >= int(limited.sum()) else "rebuild"
    return {**cost.lost, waiting: cost.lost.get(waiting, 0) + over * multipliers}
