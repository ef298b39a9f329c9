"""Lines of many or few units, taken together or one by one, against a loop over units."""

import numpy as np

from archsim.machines.smartdeal import streams


def looped(needs, cycles, line, lines):
    """The definition: the jobs of a line whose rows are live, one after the other."""
    total = np.zeros((lines, len(needs), cycles.shape[1]), int)
    for s, row in enumerate(needs):
        for unit, need in enumerate(row):
            if need >= 0:
                total[line[unit], s] += cycles[unit]
    return total


def test_lines_of_unequal_units_take_what_a_loop_over_units_adds_up(monkeypatch):
    draw = np.random.default_rng(0)
    for chunk in (1, 40, 1 << 20):
        monkeypatch.setattr(streams, "CHUNK", chunk)
        for channels, height, lines in ((1, 1, 4), (5, 3, 3), (7, 1, 8), (12, 2, 4)):
            line = np.repeat(np.arange(channels) % lines, height)
            needs = draw.integers(-1, 5, (6, len(line))).astype(np.int16)
            cycles = draw.integers(0, 9, (len(line), 11)).astype(np.int32)
            found = streams.line_cycles(needs, cycles, line, lines)
            np.testing.assert_array_equal(found, looped(needs, cycles, line, lines))
