"""Finds the pairs of coefficient rows and input rows that are worth a job."""

from __future__ import annotations

from typing import Literal

from archsim.component import Component, Count


class IndexSelector(Component):
    """Pairs live coefficient rows with input segments that are not all zero (paper V-B).

    `skip` says what it leaves out: dead coefficient rows (`weights`), all-zero inputs (`inputs`),
    `both`, or `none`, an ablation. `index_granularity` is what one index bit stands for: a
    coefficient row, or an element.
    """

    rows_per_cycle: Count
    skip: Literal["none", "weights", "inputs", "both"] = "both"
    index_granularity: Literal["row", "element"] = "row"

    @property
    def skips_inputs(self) -> bool:
        """Whether an all-zero input makes no job."""
        return self.skip in {"inputs", "both"}

    @property
    def skips_weights(self) -> bool:
        """Whether a dead coefficient row makes no job."""
        return self.skip in {"weights", "both"}
