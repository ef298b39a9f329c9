"""The training accelerator's processing elements."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archsim.arch.component import Component, Count, Units
from archsim.machines.training_accelerator.weights import Signal

StateBytes = Annotated[int, Field(ge=0, le=4)]


class TrainingPeArray(Component):
    """Arrays of transposable bfloat16 multiply-accumulate units (Kim et al., ISSCC'19 7.4).

    Each of `arrays` arrays has `rows` x `columns` units and may hold either operand still.
    `code_tile` is how many values share one table of the exponent coder, null for no coding;
    `update_lanes` is how many weights, or codes and counters, one cycle of an update handles.
    `held` says what may stay on chip while the rest of a product streams by: an operand alone, or
    the results, too. `momentum_bytes` and `master_bytes` are kept beside each float number that is
    trained: its momentum, and a copy of it in higher precision; 0 for none. `skip` leaves out
    coefficient rows that are fixed at zero, of decomposed weights alone. With `multicast` one read
    of a buffer serves all arrays that take the same value in the same cycle; without it each array
    reads for itself. `signal` is what an update knows of a code's gradient: its `direction`, which
    a counter counts (paper IV), or its size in parts of the way to the next power, which are added
    up (`accumulate` of SD-T).
    """

    units: ClassVar[Units] = {"unit": ("arrays", "rows", "columns")}

    arrays: Count
    rows: Count
    columns: Count
    code_tile: Count | None = 1024
    update_lanes: Count = 16
    held: Literal["operands", "any"] = "any"
    momentum_bytes: StateBytes = 2
    master_bytes: StateBytes = 0
    skip: Literal["none", "rows"] = "none"
    multicast: bool = True
    signal: Signal = "direction"
