"""The DRAM rule that every machine shares, so that differences come from formats and not from
scheduling luck.

With i, w the bytes of a layer's inputs and weights in the machine's own format
(docs/machines/README.md): inputs that fit stay and weights stream once; else weights that fit stay
and inputs stream once; else the cheaper of holding weights block by block (inputs again for each)
and holding inputs block by block (weights again for each, and the overlapping input rows).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """The bytes of one flow, and the capacity of the buffer that holds it."""

    nbytes: int
    capacity: int

    @property
    def blocks(self) -> int:
        """How often the buffer must be filled, at least once."""
        return max(1, -(-self.nbytes // self.capacity))


@dataclass(frozen=True)
class Order:
    """Which operand stays while the other streams, in how many blocks."""

    hold_inputs: bool
    blocks: int

    @property
    def input_reads(self) -> int:
        """How often every input is read from DRAM, halo apart."""
        return 1 if self.hold_inputs else self.blocks

    @property
    def weight_reads(self) -> int:
        """How often every weight is read from DRAM."""
        return self.blocks if self.hold_inputs else 1


def choose_order(
    moving: Mapping[str, Held], stationary: Mapping[str, Held], halo_bytes: int, min_blocks: int = 1
) -> Order:
    """The common rule; a tie between the last two goes to holding weights. Inputs come in
    `min_blocks` at least."""
    input_blocks = max([min_blocks, *(held.blocks for held in moving.values())])
    weight_blocks = max((held.blocks for held in stationary.values()), default=1)
    if input_blocks == 1:
        return Order(hold_inputs=True, blocks=1)
    if weight_blocks == 1:
        return Order(hold_inputs=False, blocks=1)
    inputs = sum(held.nbytes for held in moving.values())
    weights = sum(held.nbytes for held in stationary.values())
    by_weights = weights + inputs * weight_blocks
    by_inputs = inputs + weights * input_blocks + halo_bytes * (input_blocks - 1)
    if by_inputs < by_weights:
        return Order(hold_inputs=True, blocks=input_blocks)
    return Order(hold_inputs=False, blocks=weight_blocks)


def passes_over_inputs(group_bytes: int, capacity: int) -> int:
    """Passes over the input channels that a group takes whose weights exceed the buffer."""
    return Held(group_bytes, capacity).blocks
