"""What one slice of the Verilog is given to do: jobs of its lines, tile after tile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What the rebuild engine of one cluster is given for a job: `codes` of the row, the `basis`
    (r, n) and `offset` of its slice of rows, or `raw` weights, which need none of them.
    """

    codes: tuple[int, ...]
    raw: tuple[int, ...]
    basis: Ints | None
    offset: int


@dataclass(frozen=True, kw_only=True)
class Job:
    """One coefficient row against one segment of inputs.

    `gate` is the tile that must be open before the job is offered, the first one of its
    output-channel group. `need` is the rebuild of the slowest slice in step, `digits` the cycles
    of the job. `values` (weights, multipliers) are the inputs that each weight meets; in a linear
    layer (1, inputs of the triple). `basis` names the slice of rows, `engines` has one entry per
    cluster.
    """

    line: int
    tile: int
    gate: int
    raw: bool
    need: int
    cycles: int
    values: Ints
    basis: int
    engines: tuple[Engine, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run of tiles on one slice. `steps` is how inputs stand in the FIFO: the distance between
    the multipliers' inputs and that between two weights', or None where each weight has inputs of
    its own. `begins` are the lines at which a segment of the adder tree begins; `outputs`
    (tiles, segments, positions) is what the tree must give, and `pixels` (tiles,) how many of the
    positions there are. `opens` (tiles + 1,) is when the rule says that tiles open.
    """

    title: str
    linear: bool
    steps: tuple[int, int] | None
    begins: tuple[int, ...]
    jobs: tuple[Job, ...]
    outputs: Ints
    pixels: Ints
    opens: Ints

    @property
    def tiles(self) -> int:
        return len(self.pixels)
