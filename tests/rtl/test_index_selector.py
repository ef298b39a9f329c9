"""The index selector in Verilog against the jobs and the scan cycles of the rule, and against a
walk through its window where lines take their time.
"""

import numpy as np
import pytest
import rtl_layers
import rtl_selector
from rtl_selector import WORDS

from archsim.analysis.cosim import layer_cases
from archsim.machines.smartdeal import rule

TILES = 40  # of each kind of layer
SKIPS = dict(zip(rtl_layers.KINDS, ("inputs", "weights", "none", "inputs", "none"), strict=True))


@pytest.fixture(scope="module")
def built():
    """Per kind of layer its layers, with the tiles of each."""
    found = {}
    for place, kind in enumerate(rtl_layers.KINDS):
        made = list(rtl_layers.layers(kind, 70 + place, TILES))
        if kind in {"linear", "pointwise"}:
            made.append(list(rtl_selector.wide_layers(7))[kind == "pointwise"])
        found[kind] = [(*one, list(rtl_selector.tiles_of(*one))) for one in made]
    return found


def content(job):
    """What a job is made of."""
    own = [(engine.codes, engine.raw) for engine in job.engines]
    return job.line, job.need, job.cycles, job.values.tobytes(), own


def chosen_by_the_rule(layer, tensors, skip):
    """Per tile, the jobs that the stimuli of `archsim cosim` have for a machine with this key."""
    machine = rtl_selector.machine(index_selector__skip=skip)
    for case in layer_cases.whole(layer, tensors, machine):
        for tile in range(case.tiles):
            yield [content(job) for job in case.jobs if job.tile == tile]


def scan_of_the_rule(layer, tensors, rows):
    """Cycles of every tile that a run charges the index selector with."""
    machine = rtl_selector.machine(index_selector__rows_per_cycle=rows)
    (table,) = rule.tiles(layer, tensors, machine.arch)
    return np.unique(table.side["index_selector"]).tolist()


@pytest.mark.parametrize("rows", [16, 4])
@pytest.mark.parametrize("kind", rtl_layers.KINDS)
def test_jobs_and_scan_cycles_are_those_of_the_rule(kind, rows, built, tmp_path):
    skips = {"both", SKIPS[kind]} if rows == 16 else {"both"}
    tiles = [tile for *_, own in built[kind] for tile in own]
    assert len(tiles) >= TILES
    for skip in sorted(skips):
        told = rtl_selector.select(tiles, skip, rows, tmp_path / skip)
        wanted = [jobs for one in built[kind] for jobs in chosen_by_the_rule(*one[:2], skip)]
        found = [
            [
                content(tile.jobs[segment][row])
                for _, segment, row in sorted(taken, key=lambda j: j[1:])
            ]
            for tile, taken in zip(tiles, told.taken, strict=True)
        ]
        assert found == wanted
        # Jobs that are taken as they come never hold the scan: word after word, tile after tile.
        scans = [cycle for own in told.scans for cycle in own]
        assert scans == list(range(len(scans)))
        assert told.done == [own[-1] + 1 for own in told.scans]
    took = iter(told.scans)
    for layer, tensors, own in built[kind]:
        assert {len(next(took)) for _ in own} == set(scan_of_the_rule(layer, tensors, rows))


def test_some_rows_are_left_out_and_some_scans_are_long(built):
    tiles = [tile for kind in built.values() for *_, own in kind for tile in own]
    assert any(not tile.index.all() for tile in tiles)
    assert any(tile.zero.any() and not tile.zero.all() for tile in tiles)
    assert any(len(tile.index) > 16 for tile in tiles)
    assert any(len(tile.zero) > 1 for tile in tiles)


@pytest.mark.parametrize("share", [0.1, 0.4])
@pytest.mark.parametrize("kind", ["depthwise", "linear"])
def test_lines_that_take_their_time_hold_the_scan_and_nothing_is_lost(kind, share, built, tmp_path):
    tiles = [tile for *_, own in built[kind] for tile in own]
    segments = max(len(tile.jobs) for tile in tiles)
    rng = np.random.default_rng(5)
    takes = (rng.random((997, WORDS, segments, 4)) < share).astype(np.int64)
    told = rtl_selector.select(tiles, "both", 4, tmp_path, takes=takes)
    scans, taken, done = rtl_selector.walk(tiles, "both", 4, takes)
    assert told.scans == scans
    assert [sorted(own) for own in told.taken] == [sorted(own) for own in taken]
    assert told.done == done
    assert scans[-1][-1] >= sum(map(len, scans))  # the scan has stood still
