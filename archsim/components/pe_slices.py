"""SmartDeal's slices of PE lines."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from archsim.component import Component, Count


class PeSlices(Component):
    """SmartDeal's compute array: slices work on output channels, their lines on input channels
    (paper V-B).

    `streams` input streams feed the slices, slices/streams consecutive ones each, which step
    together. `sync` is who waits for whom: at the end of each `tile`, of an output-channel `group`,
    only the MACs of a line (`lines`), or not even those (`lanes`, a bound). `depthwise_rows` is how
    many output rows of a depthwise layer the lines of a slice share; null takes as many as fit.
    `clusters` is between how many output neurons of a linear layer a line's multipliers are split,
    if each gets three of them.
    """

    slices: Count
    lines: Count
    streams: Count = 4
    sync: Literal["tile", "group", "lines", "lanes"] = "tile"
    depthwise_rows: Annotated[int, Field(ge=1, le=4096)] | None = None
    clusters: Literal[1, 2] = 2

    @model_validator(mode="after")
    def _streams_share_slices(self) -> Self:
        if self.slices % self.streams:
            raise ValueError(f"{self.streams} streams cannot share {self.slices} slices evenly")
        return self
