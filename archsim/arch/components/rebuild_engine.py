"""Rebuilds weight rows from coefficients and basis."""

from typing import ClassVar

from archsim.arch.component import Component, Count, Units


class RebuildEngine(Component):
    """Shift-and-add of basis rows into weight rows (paper V-B).

    `per_line` engines serve one PE line in turns, each with one basis in its registers; an engine
    adds `basis_rows_per_cycle` shifted basis rows per cycle.
    """

    # A line of the training accelerator, which has no class of its own, is one of its arrays.
    units: ClassVar[Units] = {"engine": ("per_line", "TrainingPeArray.arrays")}

    per_line: Count = 2
    basis_rows_per_cycle: Count = 1
