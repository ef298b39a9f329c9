"""What a machine's rule says about one phase of one layer, before time starts: the tile table.

Axes are always (groups, tiles): a *group* is what shares one load of the stationary operand (64
output channels of SmartDeal, one filter group of SCNN), a *tile* is a part of the output plane. A
machine whose groups each do the whole plane at once has one tile. All arrays are whole cycles or
bytes; copies of hardware are inside the numbers, never an object each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from archsim.formats.errors import CheckFailed
from archsim.machines.shared.geometry import Ints, differences, portion
from archsim.workload.layer import Layer


@dataclass(frozen=True)
class Section:
    """Groups that follow each other and share nothing with others: how many they are, the bytes
    that each moving flow brings them, and for how many equal sections the one stands."""

    groups: int
    moving: Mapping[str, int]
    copies: int = 1


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """One phase of one layer on one compute array.

    `cycles` is what the array needs with all bandwidths infinite and `limited` with those inside
    the machine; `side` gives the cycles of components that work beside the array, at most
    `limited` each. `outputs` are the results that a tile completes, and `result_bytes` what all of
    them take in DRAM where that is not for the run to say (8 bits per element, or what
    `stored_bytes` of the machine says). `moving` maps a flow to its bytes for the whole layer,
    `stationary` to its bytes for each group; `halo_bytes` are inputs that each cut of the plane
    into blocks brings again, and `min_blocks` the parts in which inputs come at least, where more
    than the sum of their bytes decides. `coarse` is how many half buffers a tile moves where tiles
    stand for several, so that there are not too many of them. `sections` cuts the groups into parts
    that share nothing, each with inputs of its own; without any, all groups read the same.
    `samples` is of how many samples of a batch the table is, each with its own values. `busy`
    and `lost` are instance-cycles, and add up to `limited` times `instances`; `actions` are counts
    to be priced, without what DRAM and the filling of buffers cost: traffic is counted from the
    bytes.
    """

    phase: str
    cycles: Ints
    limited: Ints
    outputs: Ints
    moving: Mapping[str, int]
    stationary: Mapping[str, Ints]
    macs_done: int
    macs_skipped: int
    instances: Mapping[str, int]
    busy: Mapping[str, int]
    lost: Mapping[str, Mapping[str, int]]
    actions: Mapping[str, Mapping[str, int]]
    side: Mapping[str, Ints] = field(default_factory=dict)
    halo_bytes: int = 0
    min_blocks: int = 1
    result_bytes: int | None = None
    coarse: float = 1.0
    sections: tuple[Section, ...] = ()
    samples: int = 1
    notes: tuple[str, ...] = ()

    @property
    def compute_cycles(self) -> int:
        """Cycles of the array with no fill and all bandwidths infinite."""
        return int(self.cycles.sum())


def even_parts(total: int, count: int) -> Ints:
    """(count,) whole parts that add up to the total, as even as can be."""
    return differences(portion(np.arange(1, count + 1, dtype=np.int64), total, count))


def whole_parts(totals: Ints, counts: Ints) -> Ints:
    """The `even_parts` of each total in turn, (sum of counts,); none where a count is 0."""
    total, count = np.repeat(totals, counts), np.repeat(counts, counts)
    place = np.arange(len(total)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The whole count to a part and the rest apart: a product of both may be beyond a word.
    each, over = np.divmod(total, count)
    return each + ((place + 1) * over // count - place * over // count)


def check_tiles(layer: Layer, tiles: Tiles, samples: int) -> None:
    """Raise CheckFailed unless all work is done or skipped, every output is made once, and the
    instance-cycles add up.
    """
    macs = 0 if tiles.phase == "update" else layer.macs * samples
    if tiles.macs_done + tiles.macs_skipped != macs:
        raise CheckFailed(
            f"layer {layer.name!r}: {tiles.macs_done} multiplications done and "
            f"{tiles.macs_skipped} skipped are not its {macs}"
        )
    made = int(tiles.outputs.sum())
    whole = layer.output_elements * samples
    if tiles.phase in {"inference", "ff"} and made != whole:
        raise CheckFailed(f"layer {layer.name!r}: {made} outputs written, it has {whole}")
    least = {
        "cycles": tiles.cycles.min(),
        "limited": tiles.limited.min(),
        "outputs": tiles.outputs.min(),
        "multiplications": min(tiles.macs_done, tiles.macs_skipped),
        "busy cycles": min(tiles.busy.values(), default=0),
        "bytes": min([tiles.halo_bytes, *tiles.moving.values()]),
        **{name: values.min() for name, values in {**tiles.stationary, **tiles.side}.items()},
    }
    for name, value in least.items():
        if value < 0:
            raise CheckFailed(f"layer {layer.name!r}: negative {name}")
    inputs = next(iter(tiles.moving.values()), 0)
    if tiles.halo_bytes > inputs:
        raise CheckFailed(
            f"layer {layer.name!r}: a cut brings {tiles.halo_bytes} bytes again, and its inputs "
            f"are {inputs}"
        )
    if (tiles.limited < tiles.cycles).any():
        raise CheckFailed(
            f"layer {layer.name!r}: a tile is shorter with bandwidth limits than without"
        )
    for name, causes in tiles.lost.items():
        spent = tiles.busy.get(name, 0) + sum(causes.values())
        there = int(tiles.limited.sum()) * tiles.instances[name]
        if spent != there or min(causes.values()) < 0:
            raise CheckFailed(
                f"layer {layer.name!r}, {name}: busy and lost make {spent} instance-cycles "
                f"of {there}: {causes}"
            )
