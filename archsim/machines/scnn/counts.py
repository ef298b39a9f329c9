"""What SCNN's cycle rules return, and how lost multiplier-cycles are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.geometry import Ints, Mask

Banks = Literal["proven", "exact", "sampled", "none"]


@dataclass(frozen=True)
class ScnnCycles:
    """Cycles and counts of one layer; `busy + sum(lost.values()) == cycles * multipliers`.

    `group_cycles`: cycles of each filter group, (G,) of one pass and (G, passes) of several;
    `group_operations`: most operations of an element, likewise.
    `vector_ops`: operations of all elements. `macs`: products that reach an output; `busy`: all
    products. `banks` says how bank conflicts were found, `standard_error` is that of `cycles` when
    some filter groups were sampled (`sampled` of them).
    """

    group_cycles: Ints
    group_operations: Ints
    vector_ops: int
    macs: int
    busy: int
    lost: dict[str, int]
    banks: Banks = "exact"
    sampled: int = 0
    standard_error: float = 0.0

    @property
    def cycles(self) -> int:
        """Compute cycles of the layer."""
        return int(self.group_cycles.sum())


def joined(passes: Sequence[ScnnCycles]) -> ScnnCycles:
    """Join several passes over the plane into one layer: group arrays become (G, passes)."""
    return ScnnCycles(
        group_cycles=np.stack([one.group_cycles for one in passes], axis=1),
        group_operations=np.stack([one.group_operations for one in passes], axis=1),
        vector_ops=sum(one.vector_ops for one in passes),
        macs=sum(one.macs for one in passes),
        busy=sum(one.busy for one in passes),
        lost={cause: sum(one.lost[cause] for one in passes) for cause in passes[0].lost},
    )


@dataclass(frozen=True)
class Occupation:
    """Cycles by (filter group, element): issuing operations, and waiting for banks; `products` of
    all; `mapped`: elements that hold a tile.
    """

    operations: Ints
    waits: Ints
    products: int
    mapped: Mask

    def losses(self, cycles: Ints, array: ScnnArray) -> dict[str, int]:
        """Multiplier-cycles lost when the groups last `cycles`: empty places of operations, queues
        that are full, waiting for the slowest element, elements without a tile.
        """
        issued = int(self.operations.sum())
        waiting = (cycles[:, None] - self.operations - self.waits)[:, self.mapped]
        idle = int(cycles.sum()) * int(np.count_nonzero(~self.mapped))
        return {
            "unmapped": idle * array.products,
            "lane_sync": issued * array.products - self.products,
            "line_sync": int(waiting.sum()) * array.products,
            "bank_conflict": int(self.waits.sum()) * array.products,
        }
