"""How a phase is cut into tiles: by what its buffers hold.

A tile moves at most half a buffer of each flow, so that the other half can be filled or emptied
meanwhile. A phase has at least `LEAST` tiles each way where it has as many results, so that loads,
products and stores overlap however large the buffers are, and at most `MOST` in all: those of a
huge batch are larger than half a buffer and stream through it.
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
    """Results of each tile (groups, tiles), bytes of what moves, and by group of what stays."""

    outputs: Ints
    moving: Mapping[str, int]
    stationary: Mapping[str, Ints]


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
    made = {"output": operands.outputs * VALUE_BYTES}
    if reads.blocks is not None:
        releases = products * reads.blocks.count
        parts = ceil_div(_parts(moving, MOST, arch), releases)
        outputs = np.zeros((releases, parts), np.int64)
        # A block of results is complete only when the whole depth has streamed past it.
        outputs[:, -1] = even_parts(operands.outputs, releases)
        return Layout(outputs.reshape(1, -1), moving, {})
    if reads.moving > 1 or reads.stationary > 1:
        parts = _parts({**moving, **made}, operands.outputs, arch)
        return Layout(even_parts(operands.outputs, parts).reshape(1, -1), moving, {})
    groups, tiles = _both_ways(operands, waves, arch)
    outputs = even_parts(operands.outputs, groups * tiles).reshape(groups, tiles)
    weights = even_parts(operands.stationary, groups)
    return Layout(outputs, {"input": operands.moving}, {"weight": weights})


def update_layout(updated: int, reads: int, writes: int, arch: Arch) -> Layout:
    """So many weights, or codes and bases, one after the other."""
    parts = _parts({"input": reads, "output": writes}, updated, arch)
    outputs = even_parts(updated, parts).reshape(1, -1)
    return Layout(outputs, {"input": reads}, {"weight": np.zeros(1, np.int64)})


def in_step(limited: Ints, total: int) -> Ints:
    """Parts that add up to `total`, in proportion to whole parts that add up to at least as much:
    none is larger than its counterpart.
    """
    whole = int(limited.sum())
    if total == whole:
        return limited
    # Products of two sums may exceed 64 bits.
    ends = [end * total // max(1, whole) for end in np.cumsum(limited).tolist()]
    return np.diff(np.array(ends, np.int64), prepend=0).reshape(limited.shape)


def too_large(layout: Layout) -> bool:
    """Whether there are as many tiles as are allowed."""
    return layout.outputs.size >= MOST


def _parts(nbytes: Mapping[str, int], most: int, arch: Arch) -> int:
    """Parts of flows that stream together, `most` at most."""
    halves = [_halves(arch, flow, amount) for flow, amount in nbytes.items()]
    return max(1, min(most, MOST, max(LEAST, *halves)))


def _both_ways(operands: Operands, waves: int, arch: Arch) -> tuple[int, int]:
    """Groups of the stationary operand, and tiles of each."""
    least = max(1, _halves(arch, "weight", operands.stationary))
    groups = max(least, min(LEAST, waves))
    tiles = max(
        min(LEAST, operands.outputs // LEAST),
        _halves(arch, "input", operands.moving),
        ceil_div(_halves(arch, "output", operands.outputs * VALUE_BYTES), groups),
        1,
    )
    groups = min(groups, max(least, MOST // tiles))
    return groups, max(1, min(tiles, MOST // groups))


def _halves(arch: Arch, flow: str, nbytes: int) -> int:
    """Half buffers of a flow that so many bytes fill."""
    return -(-2 * nbytes // share_of(arch, storage_of(arch, flow)))
