"""How far ahead an index selector has to run: whole tiles of ResNet50's widest layers, whose lines
wait for the window of `rtl/index_selector.v`, against lines that get their jobs at once."""

from pathlib import Path

import numpy as np
import pytest

from archsim import load_arch, load_workload
from archsim.machines.smartdeal import rule
from archsim.machines.smartdeal.parts import parts_of
from archsim.machines.smartdeal.streams import stream_times
from archsim.machines.smartdeal.tile_time import Waits

LINES = ROWS = 16
WINDOW = 16  # the default of the Verilog
TILES = 7


def stream_of(name):
    """(need (U,), cycles (U, T), line (U,), waits) of a layer's first stream."""
    parts, network = parts_of(load_arch("smartdeal")), load_workload("resnet50_sd")
    layer = next(layer for layer in network.layers if layer.name == name)
    tensors = network.tensors(layer)
    jobs = rule.jobs_of(layer, tensors.need("input"), parts)
    array = rule.array_of(parts, layer)
    own = slice(0, array.seats_per_stream)
    need = rule.coefficients_of(tensors, parts).rows(own, 1, keep_dead=False).need.max(axis=0)
    return need, np.asarray(jobs.cycles)[:, :TILES], jobs.line, array.waits


@pytest.fixture(scope="module", params=["layer4.1.conv2", "layer4.0.conv1"])
def stream(request):
    return stream_of(request.param)


def cycles_of(need, cycles, line, waits, window):
    """Job by job: a word is scanned per cycle, but not before the word that stands `window` places
    ahead has left; a line takes a job when the one before it starts, and starts it when its row is
    rebuilt. A word leaves when all its jobs are taken, the oldest first."""
    started, ended = np.zeros((2, LINES), np.int64)
    opened, scanned, leaves = 0, -1, []
    for of_tile in cycles.T:
        last = opened + waits.empty
        for first in range(0, len(need), ROWS):
            units = range(first, min(first + ROWS, len(need)))
            own = [unit for unit in units if need[unit] >= 0 and of_tile[unit] > 0]
            scanned = max(scanned + 1, leaves[-window] if len(leaves) >= window else 0)
            left = max(scanned + 1, leaves[-1] + 1 if leaves else 0)
            for unit in own:
                at = line[unit]
                taken = max(scanned + 1, started[at])
                started[at] = max(taken + max(1, need[unit]), ended[at], opened)
                ended[at] = started[at] + of_tile[unit]
                left, last = max(left, taken), max(last, ended[at])
            if own or units[-1] == len(need) - 1:
                leaves.append(left)
        opened = max(last + waits.barrier, opened + waits.drain)
    return opened


def test_sixteen_words_are_as_good_as_all(stream):
    assert cycles_of(*stream, WINDOW) == cycles_of(*stream, 10**6)


def test_a_selector_that_runs_ahead_is_the_rule_but_for_its_first_words(stream):
    """The rule has all rows of a group at once; a circuit scans them, one word per cycle."""
    need, cycles, line, waits = stream
    times = stream_times(need[None], cycles, line, np.zeros(1, np.int64), waits)
    took = times.cycles[0].copy()
    took[0] = times.opening[0]
    of_rule = int(np.maximum(took + waits.barrier, waits.drain).sum())
    first_words = -(-LINES * 3 // ROWS)  # until every line has its first row
    assert of_rule <= cycles_of(*stream, 10**6) <= of_rule + first_words


def test_fewer_words_cost_what_the_documentation_says():
    """Of docs/machines/smartdeal.md, for the widest 3x3 layer of ResNet50."""
    stream = stream_of("layer4.1.conv2")
    of_all = cycles_of(*stream, 10**6)
    found = [f"{100 * cycles_of(*stream, words) / of_all - 100:.0f} %" for words in (4, 8)]
    page = (Path(__file__).parents[2] / "docs" / "machines" / "smartdeal.md").read_text()
    assert " ".join(f"4 words cost {found[0]}, 8 words {found[1]}".split()) in " ".join(
        page.split()
    )


def test_a_short_window_leaves_lines_without_work():
    """Two lines' worth of rows: the first line's fill the window of one word, and the second line
    has nothing to do until the first one has taken them all."""
    waits = Waits(hidden=True, fill=True, empty=1, barrier=1, drain=0, together=True)
    need, line = np.ones(32, np.int64), np.repeat([0, 1], 16)
    cycles = np.full((32, 1), 10)
    assert cycles_of(need, cycles, line, waits, 2) == 3 + 16 * 10 + 1
    # The first line takes its last job when the one before it starts.
    assert cycles_of(need, cycles, line, waits, 1) == (2 + 14 * 10 + 2) + 16 * 10 + 1
