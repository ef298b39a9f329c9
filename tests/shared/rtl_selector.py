"""Seeded layers for the index selector in Verilog: words of flags by definition, what it does with
them, and a walk that says what it has to do.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import rtl_layers
from small_layers import Arrays, conv, linear

from archsim.analysis.cosim import icarus, layer_cases
from archsim.analysis.cosim.testbench import packed
from archsim.machines.smartdeal import rule

WORDS = 4  # of the window


@dataclass(frozen=True)
class Tile:
    """A tile of a layer: `jobs` (segments, rows) are all pairs of an output row and a coefficient
    row, dead and zero ones too; `index` (rows,) and `zero` (segments, rows) are their flags.
    """

    jobs: list
    index: np.ndarray
    zero: np.ndarray


@dataclass(frozen=True)
class Told:
    """What the Verilog did: per tile the cycles of its scan, the jobs (cycle, segment, row) that
    were taken, and when it was done.
    """

    scans: list
    taken: list
    done: list


def machine(**keys):
    """One slice of sixteen lines, as many as rows are scanned."""
    return rtl_layers.machine(pe_slices__lines=16, **keys)


def wide_layers(seed):
    """A linear and a 1x1 layer of many words, some of which have no job."""
    rng = np.random.default_rng(seed)
    for layer in (linear(300, 4, 3), conv(130, 1, (2, 9), (1, 1))):
        yield layer, Arrays(layer, **rtl_layers.arrays(layer, rng, raw=False, signed=True))


def tiles_of(layer, tensors):
    """All tiles of a layer, in the order in which a slice does them: those of a machine that skips
    nothing, whose jobs are all pairs. Flags are read off inputs and codes.
    """
    parts = machine(index_selector__skip="none")
    units = rule.coefficients_of(tensors, parts).nonzeros.shape[1]
    for case in layer_cases.whole(layer, tensors, parts):
        for tile in range(case.tiles):
            jobs = [job for job in case.jobs if job.tile == tile]
            rows = [jobs[first : first + units] for first in range(0, len(jobs), units)]
            index = [
                any(any(e.raw if job.raw else e.codes) for e in job.engines) for job in rows[0]
            ]
            zero = [[not job.values.any() for job in row] for row in rows]
            yield Tile(rows, np.array(index), np.array(zero))


def words_of(tile, rows, segments):
    """The words of a tile, `rows` coefficient rows each. Rows and segments that are not there look
    as if they had a job.
    """
    high, units = tile.zero.shape
    flags = np.ones((2, rows * -(-units // rows)), np.int64)  # rows that there are, index
    flags[0, units:], flags[1, :units] = 0, tile.index
    zero = np.zeros((segments, flags.shape[1]), np.int64)
    zero[:high, :units] = tile.zero
    for first in range(0, flags.shape[1], rows):
        own = slice(first, first + rows)
        fields = [(first + rows >= units, 1), (_bits(flags[0, own]), rows)]
        fields += [(_bits(flags[1, own]), rows), ((1 << high) - 1, segments)]
        yield packed([*fields, (_bits(zero[:, own].reshape(-1)), segments * rows)])


def _bits(flags):
    return sum(int(flag) << place for place, flag in enumerate(flags))


def select(tiles, skip, rows, folder, *, takes=None, sources=None):
    """What the Verilog does with tiles, `rows` per cycle; `takes` are patterns of the window
    (cycles, words, segments, rows), or None where all jobs are taken as they come.
    """
    segments = max(len(tile.jobs) for tile in tiles)
    words = [list(words_of(tile, rows, segments)) for tile in tiles]
    if takes is None:
        takes = np.ones((1, WORDS, segments, rows), np.int64)
    folder.mkdir(exist_ok=True)
    (folder / "words.hex").write_text("\n".join(word for own in words for word in own) + "\n")
    patterns = [packed([(_bits(take.reshape(-1)), take.size)]) for take in takes]
    (folder / "takes.hex").write_text("\n".join(patterns) + "\n")
    count = sum(map(len, words))
    sizes = {
        "COUNT": count, "TAKES": len(takes), "ROWS": rows, "SEGMENTS": segments, "WORDS": WORDS,
        "SKIP_WEIGHTS": int(skip in {"weights", "both"}),
        "SKIP_INPUTS": int(skip in {"inputs", "both"}), "LIMIT": 1000 + 50 * count,
    }  # fmt: skip
    files = [folder / "words.hex", folder / "takes.hex"]
    log = icarus.run("tb_index_selector", ["index_selector"], sizes, files, sources)
    return _told(log, [len(own) for own in words], rows)


def _told(log, words, rows):
    """The log of the testbench, tile by tile; `words` are how many each has."""
    told, scans = Told([], [[] for _ in words], []), []
    for line in log.read_text().splitlines():
        kind, cycle, *rest = line.split()
        if kind == "S":
            scans.append(int(cycle))
        elif kind == "T":
            told.done.append(int(cycle))
        else:
            tile, word, segment, row = map(int, rest)
            told.taken[tile].append((int(cycle), segment, rows * word + row))
    ends = np.cumsum([0, *words])
    told.scans.extend(scans[a:b] for a, b in pairwise(ends))
    return told


def _chosen(tiles, skip, rows):
    """Per word its tile, whether it is the last of it, and its jobs (segment, row)."""
    for number, tile in enumerate(tiles):
        high, units = tile.zero.shape
        for first in range(0, units, rows):
            own = [
                (segment, row)
                for segment in range(high)
                for row in range(first, min(first + rows, units))
                if (tile.index[row] or skip not in {"weights", "both"})
                and not (tile.zero[segment, row] and skip in {"inputs", "both"})
            ]
            yield number, first + rows >= units, own


def walk(tiles, skip, rows, takes):
    """(scans, taken, done) by a walk: a list of words, each a list of its jobs, that is never
    longer than the window, and whose oldest word goes in the cycle that leaves it empty.
    """
    words = list(_chosen(tiles, skip, rows))
    scans, taken, done = ([[] for _ in tiles] for _ in range(3))
    window, place, cycle = [], 0, 0
    while place < len(words) or window:
        pattern = takes[cycle % len(takes)]
        for at, (number, _, jobs) in enumerate(window):
            for job in [job for job in jobs if pattern[at, job[0], job[1] % rows]]:
                taken[number].append((cycle, *job))
                jobs.remove(job)
        if window and not window[0][2]:
            number, last, _ = window.pop(0)
            if last:
                done[number].append(cycle)
        if place < len(words) and len(window) < WORDS:
            number, last, jobs = words[place]
            scans[number].append(cycle)
            if jobs or last:
                window.append((number, last, list(jobs)))
            place += 1
        cycle += 1
    return scans, taken, [cycle for own in done for cycle in own]


def is_wrong(tiles, skip, folder, sources=None):
    """Whether the Verilog differs from the walk, where jobs are taken as they come or by chance."""
    segments, rows = max(len(tile.jobs) for tile in tiles), 4
    by_chance = np.random.default_rng(5).random((499, WORDS, segments, rows)) < 0.3
    for takes in (np.ones((1, WORDS, segments, rows), np.int64), by_chance.astype(np.int64)):
        told = select(tiles, skip, rows, folder, takes=takes, sources=sources)
        scans, taken, done = walk(tiles, skip, rows, takes)
        found = [sorted(own) for own in told.taken]
        if (told.scans, found, told.done) != (scans, [sorted(own) for own in taken], done):
            return True
    return False
