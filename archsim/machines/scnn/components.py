"""SCNN's processing elements."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from archsim.arch.component import Component, Count, Operands
from archsim.machines.scnn.tiling import BANK_COUNTS, LARGEST_QUEUE


class ScnnPeArray(Component):
    """SCNN's grid of elements: each multiplies `weights` x `activations` non-zeros per cycle and
    scatters the products (ISCA'17).

    An element has `banks` accumulator banks of `bank_entries`, with a queue of `queue_depth`
    products before each. Filters of a convolution that are worked on together are as many as the
    accumulators hold, and `group_filters` (Kc) at most. `rule` is the paper's (`queued`) or that of
    the simulator DNNsim. `banks_model` says how bank conflicts are found: `exact`; `none` leaves
    them out; `auto` is exact up to a second of work per layer, else it follows a sample of filter
    groups.
    """

    operands: ClassVar[Operands] = {"mac": ("activation", "weight")}

    rows: Annotated[int, Field(ge=1, le=64)]
    columns: Annotated[int, Field(ge=1, le=64)]
    weights: Annotated[int, Field(ge=1, le=8)]
    activations: Annotated[int, Field(ge=1, le=8)]
    banks: Annotated[int, Field(ge=1, le=64)]
    bank_entries: Count = 32
    group_filters: Count | None = None
    queue_depth: Annotated[int, Field(ge=1, le=LARGEST_QUEUE)] = 8
    rule: Literal["queued", "dnnsim"] = "queued"
    banks_model: Literal["auto", "exact", "none"] = "auto"

    @model_validator(mode="after")
    def _banks_can_be_followed(self) -> Self:
        if self.banks not in BANK_COUNTS:
            raise ValueError(f"{self.banks} banks cannot be hashed; take a power of two up to 64")
        products = self.weights * self.activations
        if max(self.queue_depth, products) + products > LARGEST_QUEUE:
            raise ValueError(
                f"queues of {self.queue_depth} beside {products} products per cycle are too deep; "
                f"take at most {LARGEST_QUEUE} together"
            )
        return self
