"""SmartDeal's own components: slices of PE lines, the index selector, bit-serial multipliers."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from archsim.arch.component import Component, Count, Kind, Operands
from archsim.arch.components.rebuild_engine import RebuildEngine as SharedRebuildEngine


class PeSlices(Component):
    """SmartDeal's compute array: slices work on output channels, their lines on input channels
    (paper V-B).

    `streams` input streams feed the slices, slices/streams consecutive ones each, which step
    together. `sync` is who waits for whom: at the end of each `tile`, of an output-channel `group`,
    only the MACs of a line (`lines`), or not even those (`lanes`, a bound). `depthwise_rows` is how
    many output rows of a depthwise layer the lines of a slice share; null takes as many as fit.
    `clusters` is between how many output neurons of a linear layer a line's multipliers are split,
    if each gets three of them and each a rebuild engine.

    A tile ends when all its lines are done; the next one begins `barrier_cycles` later. A tile
    without a job lasts a `cycle`, or is `free`. The adder tree takes `tree_positions_per_cycle`
    multipliers of each line per cycle, and holds up a tile that is shorter than it needs for the
    one before.
    """

    operands: ClassVar[Operands] = {"tree_add": ("activation", "weight")}

    slices: Count
    lines: Count
    streams: Count = 4
    sync: Literal["tile", "group", "lines", "lanes"] = "tile"
    depthwise_rows: Annotated[int, Field(ge=1, le=4096)] | None = None
    clusters: Literal[1, 2] = 2
    barrier_cycles: Annotated[int, Field(ge=0, le=4096)] = 1
    empty_tiles: Literal["cycle", "free"] = "cycle"
    tree_positions_per_cycle: Count = 1

    @model_validator(mode="after")
    def _streams_share_slices(self) -> Self:
        if self.slices % self.streams:
            raise ValueError(f"{self.streams} streams cannot share {self.slices} slices evenly")
        return self


class IndexSelector(Component):
    """Pairs live coefficient rows with input segments that are not all zero (paper V-B).

    `skip` says what it leaves out: dead coefficient rows (`weights`), all-zero inputs (`inputs`),
    `both`, or `none`, an ablation. `index_granularity` is what one index bit stands for: a
    coefficient row, or an element.
    """

    kind: ClassVar[Kind] = "index"

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


class RebuildEngine(SharedRebuildEngine):
    """SmartDeal's rebuild engines, whose time shows.

    With an `output_register` a row leaves its engine when its job starts, and the engine is free
    for the next row; without one only an engine that takes turns with another works ahead. `fill`
    says whether the first row of an output-channel group is waited for.

    `weight_bits` is the width of a rebuilt weight, `largest_shift` the most places to the left that
    a basis entry moves; `rounding` is of entries that move to the right, and `saturation` what a
    sum beyond the width becomes (archsim.formats.rebuilt).
    """

    output_register: bool = True
    fill: Literal["group", "none"] = "group"
    weight_bits: Annotated[int, Field(ge=9, le=32)] = 17
    largest_shift: Annotated[int, Field(ge=0, le=15)] = 7
    rounding: Literal["nearest", "down"] = "nearest"
    saturation: Literal["clip", "wrap"] = "clip"

    def works_ahead(self, clusters: int) -> bool:
        """Whether a row is rebuilt while the job before it runs, each of the clusters having
        engines of its own.
        """
        return self.output_register or self.per_line >= 2 * clusters


class BitSerialMacArray(Component):
    """The bit-serial multipliers of one PE line (paper V-B); dim_F of them share one weight.

    `serial` is what a multiplier spends a cycle on: a non-zero radix-4 Booth digit of the
    activation (`booth`), or a set bit of its magnitude (`bits`). There are at least three, for
    linear layers put a triple side by side.
    """

    operands: ClassVar[Operands] = {"booth_step": ("weight",), "bit_step": ("weight",)}

    macs: Annotated[int, Field(ge=3, le=1024)]
    serial: Literal["booth", "bits"] = "booth"
