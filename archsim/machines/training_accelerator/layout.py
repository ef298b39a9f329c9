"""How a phase is cut into tiles: by what its buffers hold.

A tile moves at most half a buffer of each flow, so that the other half can be filled or emptied
meanwhile. A phase has at least `LEAST` tiles each way where it has as many results, so that loads,
products and stores overlap however large the buffers are, and at most `MOST` in all: those of a
huge batch stand for several.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.machine import share_of, storage_of
from archsim.machines.shared.tiles import even_parts
from archsim.machines.shared.traffic import Held
from archsim.machines.training_accelerator import traffic

VALUE_BYTES = 2
"""bfloat16."""
LEAST = 96
MOST = 16_384


@dataclass(frozen=True)
class Operands:
    """What a product moves: bytes of the operand that streams, of the one that stands still and of
    the results in DRAM, the number of results, and how they are made."""

    moving: int
    stationary: int
    result_bytes: int
    outputs: int
    results: traffic.Results


@dataclass(frozen=True)
class Layout:
    """Results of each tile (groups, tiles), bytes of what moves, and by group of what stays; how
    many half buffers a tile moves at most, at least 1.
    """

    outputs: Ints
    moving: Mapping[str, int]
    stationary: Mapping[str, Ints]
    coarse: float


def reads_of(operands: Operands, held: str, arch: Arch) -> traffic.Reads:
    """How often the operands are read, with what the buffers hold; `held` as in the arch file."""
    moving = Held(operands.moving, share_of(arch, storage_of(arch, "input")))
    stationary = Held(operands.stationary, share_of(arch, storage_of(arch, "weight")))
    if held == "operands":
        return traffic.reads_of_operands(moving, stationary)
    room = share_of(arch, storage_of(arch, "output"))
    return traffic.fewest_reads(moving, stationary, operands.results, room)


def product_layout(
    operands: Operands, reads: traffic.Reads, waves: int, products: int, arch: Arch
) -> Layout:
    """An operand that fits its buffer stays there whole, and the tiles go over it: `waves` is in
    how many parts the arrays take one of them. Else both stream, as often as they are read, past
    blocks of results that stay (of each of `products`), or past results that leave as they are
    made.
    """
    moving = {
        "input": operands.moving * reads.moving,
        "weight": operands.stationary * reads.stationary,
    }
    outputs = operands.outputs
    if reads.blocks is not None:
        releases = products * reads.blocks.count
        parts, coarse = _parts(moving, LEAST, arch)
        table = np.zeros((releases, ceil_div(parts, releases)), np.int64)
        # A block of results is complete only when the whole depth has streamed past it.
        table[:, -1] = even_parts(outputs, releases)
        return Layout(table.reshape(1, -1), moving, {}, coarse)
    if reads.moving > 1 or reads.stationary > 1:
        nbytes = {**moving, "output": outputs * VALUE_BYTES}
        parts, coarse = _parts(nbytes, min(LEAST, outputs), arch)
        return Layout(even_parts(outputs, parts).reshape(1, -1), moving, {}, coarse)
    groups, tiles, coarse = _both_ways(operands, waves, arch)
    table = even_parts(outputs, groups * tiles).reshape(groups, tiles)
    weights = even_parts(operands.stationary, groups)
    return Layout(table, {"input": operands.moving}, {"weight": weights}, coarse)


def update_layout(updated: int, reads: int, writes: int, arch: Arch) -> Layout:
    """So many weights, or codes and bases, one after the other."""
    parts, coarse = _parts({"input": reads, "output": writes}, min(LEAST, updated), arch)
    outputs = even_parts(updated, parts).reshape(1, -1)
    return Layout(outputs, {"input": reads}, {"weight": np.zeros(1, np.int64)}, coarse)


def in_step(limited: Ints, total: int) -> Ints:
    """Parts that add up to `total`, in proportion to whole parts that add up to at least as much:
    none is larger than its counterpart.
    """
    whole = int(limited.sum())
    if total == whole:
        return limited
    ends = np.cumsum(limited)
    if whole * total > np.iinfo(np.int64).max:
        ends = ends.astype(object)
    parts = np.diff(ends * total // max(1, whole), prepend=0)
    return parts.astype(np.int64).reshape(limited.shape)


def _parts(nbytes: Mapping[str, int], least: int, arch: Arch) -> tuple[int, float]:
    """Parts of flows that stream together, and how many half buffers one of them moves."""
    halves = max(_halves(arch, flow, amount) for flow, amount in nbytes.items())
    parts = max(1, min(MOST, max(least, halves)))
    return parts, max(1.0, halves / parts)


def _both_ways(operands: Operands, waves: int, arch: Arch) -> tuple[int, int, float]:
    """Groups of the stationary operand, tiles of each, and how many half buffers a tile moves."""
    weights = max(1, _halves(arch, "weight", operands.stationary))
    inputs = _halves(arch, "input", operands.moving)
    results = _halves(arch, "output", operands.outputs * VALUE_BYTES)
    # Where both fit, one group: all inputs need not be there before the second one.
    groups = max(weights, min(LEAST, waves)) if weights > 2 or inputs > 2 else 1
    tiles = max(1, min(LEAST, operands.outputs // LEAST), inputs, ceil_div(results, groups))
    groups = min(groups, max(weights, MOST // tiles))
    tiles = max(1, min(max(tiles, ceil_div(results, groups)), MOST // groups))
    return groups, tiles, max(1.0, inputs / tiles, results / (groups * tiles))


def _halves(arch: Arch, flow: str, nbytes: int) -> int:
    """Half buffers of a flow that so many bytes fill."""
    return -(-2 * nbytes // share_of(arch, storage_of(arch, flow)))
