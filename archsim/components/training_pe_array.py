"""The training accelerator's processing elements."""

from __future__ import annotations

from archsim.component import Component, Count


class TrainingPeArray(Component):
    """Arrays of transposable bfloat16 multiply-accumulate units (Kim et al., ISSCC'19 7.4).

    Each of `arrays` arrays has `rows` x `columns` units and may hold either operand still.
    `code_tile` is how many values share one table of the exponent coder, null for no coding;
    `update_lanes` is how many weights, or codes and counters, one cycle of an update handles.
    """

    arrays: Count
    rows: Count
    columns: Count
    code_tile: Count | None = 1024
    update_lanes: Count = 16
