"""Tile tables whose groups come in sections: parts of a layer that share nothing, one after the
other.

The heads of a product are sections, for each has a second operand of its own; so are the samples of
a batch under `batch_order: samples`, each of which brings all weights again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from archsim.arch.records import BatchOrder
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.tiles import Section, Tiles, even_parts


def stacked(parts: Sequence[Tiles]) -> Tiles:
    """One table of tables that share nothing, in the order in which they run. Tables with fewer
    tiles end with empty ones."""
    columns = max(part.cycles.shape[1] for part in parts)
    first = parts[0]

    def rows(tables: Iterable[Ints]) -> Ints:
        return np.concatenate(
            [_widened(*pair, columns) for pair in zip(tables, parts, strict=True)]
        )

    return replace(
        _added(parts),
        cycles=rows(part.cycles for part in parts),
        limited=rows(part.limited for part in parts),
        outputs=rows(part.outputs for part in parts),
        side={name: rows([part.side[name] for part in parts]) for name in first.side},
        stationary={
            flow: np.concatenate([part.stationary[flow] for part in parts])
            for flow in first.stationary
        },
        sections=tuple(section for part in parts for section in sections_of(part)),
    )


def _added(parts: Sequence[Tiles]) -> Tiles:
    """The first table with the counts of all."""
    first = parts[0]
    return replace(
        first,
        moving=_summed([part.moving for part in parts]),
        halo_bytes=max(part.halo_bytes for part in parts),
        min_blocks=max(part.min_blocks for part in parts),
        macs_done=sum(part.macs_done for part in parts),
        macs_skipped=sum(part.macs_skipped for part in parts),
        busy=_summed([part.busy for part in parts]),
        lost={name: _summed([part.lost.get(name, {}) for part in parts]) for name in first.lost},
        actions={
            name: _summed([part.actions.get(name, {}) for part in parts]) for name in first.actions
        },
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def sections_of(tiles: Tiles) -> tuple[Section, ...]:
    """The sections of a table; one of all groups where it says none."""
    return tiles.sections or (Section(len(tiles.cycles), tiles.moving),)


def copies_of(tiles: Tiles) -> Ints:
    """(G,) how many equal groups each group stands for."""
    if not tiles.sections:
        return np.ones(len(tiles.cycles), np.int64)
    return np.repeat(
        [section.copies for section in tiles.sections],
        [section.groups for section in tiles.sections],
    )


def split(tiles: Tiles) -> list[Tiles]:
    """The tables of the sections, each with its own groups and moving bytes alone."""
    if not tiles.sections:
        return [tiles]
    ends = np.cumsum([section.groups for section in tiles.sections]).tolist()
    firsts = [0, *ends[:-1]]
    return [
        replace(
            tiles,
            cycles=tiles.cycles[first:end],
            limited=tiles.limited[first:end],
            outputs=tiles.outputs[first:end],
            side={name: table[first:end] for name, table in tiles.side.items()},
            moving=section.moving,
            stationary={flow: of[first:end] for flow, of in tiles.stationary.items()},
            sections=(section,),
        )
        for first, end, section in zip(firsts, ends, tiles.sections, strict=True)
    ]


def repeated_sections(tiles: Tiles, samples: int, most: int) -> Tiles:
    """The table of a batch whose samples share nothing, in at most `most` tiles where that can be:
    sections stand for several equal samples, and neighbouring tiles become one."""
    groups, columns = tiles.cycles.shape
    sets = max(1, min(samples, most // groups))
    narrow = _narrowed(tiles, max(1, min(columns, most // (groups * sets))))
    # Samples are alike, so a table of as many as each set has is one of them, multiplied.
    return stacked([_multiplied(narrow, int(count)) for count in even_parts(samples, sets)])


def joined(samples: Sequence[Tiles], order: BatchOrder) -> Tiles:
    """The table of a batch whose samples have values of their own: their tiles follow each other
    under one load of weights where `order` and the layer let them."""
    first = samples[0]
    if first.sections or order == "samples" or not _alike(samples):
        return replace(stacked(samples), samples=len(samples))

    def columns(tables: Iterable[Ints]) -> Ints:
        pairs = zip(tables, samples, strict=True)
        return np.concatenate(
            [np.broadcast_to(table, one.cycles.shape) for table, one in pairs], axis=1
        )

    return replace(
        _added(samples),
        cycles=columns(one.cycles for one in samples),
        limited=columns(one.limited for one in samples),
        outputs=columns(one.outputs for one in samples),
        side={name: columns([one.side[name] for one in samples]) for name in first.side},
        stationary=first.stationary,
        min_blocks=sum(one.min_blocks for one in samples) if first.min_blocks > 1 else 1,
        samples=len(samples),
    )


def _alike(samples: Sequence[Tiles]) -> bool:
    """Whether the weights of all samples come in the same groups, with the same bytes."""
    first = samples[0]
    return all(
        np.array_equal(one.stationary[flow], of)
        for one in samples
        for flow, of in first.stationary.items()
    )


def counted_times(tiles: Tiles, copies: int) -> Tiles:
    """A table with the counts of so many like it; its arrays are left as they are."""
    return replace(
        tiles,
        moving=_scaled(tiles.moving, copies),
        macs_done=tiles.macs_done * copies,
        macs_skipped=tiles.macs_skipped * copies,
        busy=_scaled(tiles.busy, copies),
        lost={name: _scaled(causes, copies) for name, causes in tiles.lost.items()},
        actions={name: _scaled(counts, copies) for name, counts in tiles.actions.items()},
    )


def _multiplied(tiles: Tiles, copies: int) -> Tiles:
    return replace(
        counted_times(tiles, copies),
        cycles=tiles.cycles * copies,
        limited=tiles.limited * copies,
        outputs=tiles.outputs * copies,
        side={name: table * copies for name, table in tiles.side.items()},
        stationary={flow: of * copies for flow, of in tiles.stationary.items()},
        sections=tuple(
            Section(section.groups, _scaled(section.moving, copies), section.copies * copies)
            for section in sections_of(tiles)
        ),
    )


def _narrowed(tiles: Tiles, columns: int) -> Tiles:
    """The same table with neighbouring tiles made one."""
    if columns >= tiles.cycles.shape[1]:
        return tiles
    starts = np.arange(columns) * tiles.cycles.shape[1] // columns

    def merged(table: Ints) -> Ints:
        return np.add.reduceat(np.broadcast_to(table, tiles.cycles.shape), starts, axis=1)

    return replace(
        tiles,
        cycles=merged(tiles.cycles),
        limited=merged(tiles.limited),
        outputs=merged(tiles.outputs),
        side={name: merged(table) for name, table in tiles.side.items()},
    )


def _widened(table: Ints, part: Tiles, columns: int) -> Ints:
    whole = np.broadcast_to(table, part.cycles.shape)
    return np.pad(whole, ((0, 0), (0, columns - whole.shape[1])))


def _scaled(counts: Mapping[str, int], copies: int) -> dict[str, int]:
    return {name: count * copies for name, count in counts.items()}


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for each in counts for name in each)
    return {name: sum(each.get(name, 0) for each in counts) for name in names}
