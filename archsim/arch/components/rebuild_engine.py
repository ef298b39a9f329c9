"""Rebuilds weight rows from coefficients and basis."""

from archsim.arch.component import Component, Count


class RebuildEngine(Component):
    """Shift-and-add of basis rows into weight rows (paper V-B).

    `per_line` engines serve one PE line in turns, each with one basis in its registers; an engine
    adds `basis_rows_per_cycle` shifted basis rows per cycle.
    """

    per_line: Count = 2
    basis_rows_per_cycle: Count = 1
