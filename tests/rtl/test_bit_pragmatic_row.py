"""Bit-Pragmatic's row in Verilog against archsim's kernels and the definition of a convolution:
when each column ends each step, the cycles of every pass, and the bits of every output."""

import numpy as np
import pytest
from seeded_layers import KINDS, outputs_of, seeded_case, windows_of
from verilog import compiled, played, word

from archsim.machines.bit_pragmatic.column_sync import end_times
from archsim.machines.bit_pragmatic.cycles import BitPragmaticArray, layer_cycles
from archsim.machines.bit_pragmatic.terms import brick_cycles, term_masks

LANES, COLUMNS = 16, 8
ARRAY = BitPragmaticArray(filters=1, columns=COLUMNS, lanes=LANES)
SEEDS = 21  # of each kind of layer: 105 layers


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    return compiled("tb_bit_pragmatic_row", tmp_path_factory.mktemp("pragmatic"))


def steps_of(case):
    """Every step in the rule's order: (weights, bricks of its windows, first, last, (filter, first
    window))."""
    windows, (R, S) = windows_of(case), case.kernel
    P, Q, C = windows.shape[:3]
    flat = windows.transpose(1, 0, 2, 3, 4).reshape(Q * P, C, R, S)
    K, each = case.weights.shape[:2]
    groups = case.geometry.groups
    depthwise = groups == C == K and groups > 1
    if depthwise:  # a lane takes a channel and its filter
        plans = [(range(b, min(b + LANES, C)), [b]) for b in range(0, C, LANES)]
    else:
        per = K // groups
        plans = [
            (range(g * each, (g + 1) * each), range(g * per, (g + 1) * per)) for g in range(groups)
        ]
    for channels, filters in plans:
        taps = [
            (s, r, b) for s in range(S) for r in range(R) for b in range(0, len(channels), LANES)
        ]
        for window in range(0, P * Q, COLUMNS):
            for k in filters:
                for n, (s, r, b) in enumerate(taps):
                    lanes = channels[b : b + LANES]
                    weights = (
                        case.weights[lanes, 0, r, s]
                        if depthwise
                        else case.weights[k, b : b + LANES, r, s]
                    )
                    bricks = flat[window : window + COLUMNS, lanes, r, s]
                    yield weights, bricks, n == 0, n == len(taps) - 1, (k, window)


def tile(steps):
    """The lines that the testbench reads of a layer."""
    yield f"{len(steps)}"
    for weights, bricks, first, last, _ in steps:
        present = f"{(1 << len(bricks)) - 1:0{COLUMNS}b}"
        yield f"{word(weights, 8)} {present} {first:d} {last:d}"
    for column in range(COLUMNS):
        mine = [bricks[column] for _, bricks, *_ in steps if column < len(bricks)]
        yield f"{len(mine)}"
        yield from (word(brick, 9) for brick in mine)


def durations_of(steps):
    """(steps, columns) cycles by the kernel, zero without a window."""
    full = np.zeros((LANES, len(steps), COLUMNS), np.int64)
    there = np.zeros((len(steps), COLUMNS), bool)
    for i, (_, bricks, *_) in enumerate(steps):
        full[: bricks.shape[1], i, : len(bricks)] = bricks.T
        there[i, : len(bricks)] = True
    cycles = brick_cycles(term_masks(full, False)[None], ARRAY.first_stage_bits)[0]
    return cycles * there


def column_ends(durations):
    """(steps, columns): a column starts a step after its last one, and after all columns' one
    before that; by a loop."""
    ends, newest = np.zeros(COLUMNS, np.int64), [0, 0]
    found = []
    for step in durations:
        ends = np.maximum(ends, newest[-2]) + step
        newest.append(max(newest[-1], int(ends.max())))
        found.append(ends)
    return np.array(found)


def read_tile(printed):
    """Of the lines up to the next `tile`: the cycles in which each column ends a step, and its
    sums."""
    ends, sums = ([[] for _ in range(COLUMNS)] for _ in range(2))
    for cycle, ended, valid, values in iter(lambda: next(printed, ["tile"]), ["tile"]):
        for c in range(COLUMNS):
            if ended[COLUMNS - 1 - c] == "1":
                ends[c].append(int(cycle))
            if valid[COLUMNS - 1 - c] == "1":
                place = 6 * (COLUMNS - 1 - c)  # 24 bits, the first column last
                sums[c].append(values[place : place + 6])
    return ends, sums


def wrongs(case, steps, ends, sums):
    """What of a layer is not as the rule says: `steps`, `passes` or `bits`."""
    durations = durations_of(steps)
    expected = column_ends(durations)
    mine = [expected[durations[:, c] > 0, c].tolist() for c in range(COLUMNS)]
    if mine != ends:
        yield "steps"
    newest = np.maximum.accumulate(expected.max(axis=1))
    if not np.array_equal(newest, end_times(durations, ARRAY.registers)):
        yield "kernel"
    result = layer_cycles(case.activations, len(case.weights), case.geometry, ARRAY)
    if result.cycles != max((column[-1] for column in ends if column), default=0):
        yield "passes"
    depthwise = result.additions == result.terms and case.geometry.groups == len(case.activations)
    if depthwise and case.geometry.groups == len(case.weights) > 1:
        return  # its lanes have sums of their own, which the row does not make
    P, Q = case.out_size
    outputs = outputs_of(case).transpose(0, 2, 1).reshape(-1, P * Q)
    whole = [(k, window) for *_, last, (k, window) in steps if last]
    right = [
        [f"{outputs[k, window + c] & 0xFFFFFF:06x}" for k, window in whole if window + c < P * Q]
        for c in range(COLUMNS)
    ]
    if right != sums:
        yield "bits"


def differences(program, cases):
    """Layers of (kind, seed) that differ from the rule, and in what."""
    built = [seeded_case(*which) for which in cases]
    steps = [list(steps_of(case)) for case in built]
    printed = iter(played(program, [line for each in steps for line in tile(each)]))
    found = {
        which: list(wrongs(case, each, *read_tile(printed)))
        for which, case, each in zip(cases, built, steps, strict=True)
    }
    return {which: what for which, what in found.items() if what}


def test_steps_passes_and_bits_are_those_of_the_rule(row):
    assert not differences(row, [(kind, seed) for kind in KINDS for seed in range(SEEDS)])


FAULTS = {
    "columns run two steps ahead": ("bit_pragmatic_row.v", "offered && behind == 0", "offered"),
    "a column never runs ahead": ("bit_pragmatic_row.v", "found == 2", "found != 0"),
    "columns without a window wait": (
        "bit_pragmatic_row.v",
        "done == 1 && moved && !newer_present[c] ? 0 : done",
        "done",
    ),
    "lanes reach one position less": (
        "bit_pragmatic_column.v",
        "|distance ? mine ^ lowest",
        "|distance[REACH-2:0] ? mine ^ lowest",
    ),
    "negative activations count as positive": (
        "bit_pragmatic_column.v",
        "negative[i] ? -shifted[REACH] : shifted[REACH]",
        "shifted[REACH]",
    ),
    "the first lane is not waited for": (
        "bit_pragmatic_column.v",
        "working && after == 0",
        "working && after[LANES*8-1:8] == 0",
    ),
    "the base is shifted once too often": (
        "bit_pragmatic_column.v",
        "8'b11001100",
        "8'b11011100",
    ),
    "sums run on": ("bit_pragmatic_column.v", "first && !begun ? 0 : sum", "sum"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.slow
def test_planted_faults_are_found(fault, tmp_path):
    name, old, new = FAULTS[fault]
    program = compiled("tb_bit_pragmatic_row", tmp_path, {name: (old, new)})
    assert differences(program, [(kind, seed) for kind in ("spatial", "1x1") for seed in range(4)])
