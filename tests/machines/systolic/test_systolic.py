"""The systolic array against SCALE-Sim's closed form, and against registers that shift cycle by
cycle."""

from collections import Counter
from functools import cache
from itertools import product
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv, linear

import archsim
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

OUTPUT, WEIGHT = "output_stationary", "weight_stationary"
NAME = "systolic"


def table(layer, **keys):
    changes = {key.replace("__", "."): value for key, value in keys.items()}
    loaded = archsim.load_arch(NAME, changes)
    (found,) = load_machine(loaded).tiles(layer, Arrays(layer), loaded)
    check_tiles(layer, found, 1)
    return found


def sizes(layer):
    """(pixels, depth, filters) of the matrix product of each convolution group."""
    pixels = layer.positions * layer.out_size[0] * layer.out_size[1]
    depth = layer.in_channels // layer.groups * layer.kernel[0] * layer.kernel[1]
    return pixels, depth, layer.out_channels // layer.groups


def closed_form(layer, rows, columns, dataflow):
    """SCALE-Sim (ISPASS'20), equation 4 with the mapping of its Table III, for each group."""
    pixels, depth, filters = sizes(layer)
    s_r, s_c, t = (pixels, filters, depth) if dataflow == OUTPUT else (depth, filters, pixels)
    folds = ceil(s_r / rows) * ceil(s_c / columns)
    return layer.groups * (2 * rows + columns + t - 2) * folds


def shifted(registers, entering, axis):
    """Every register takes its neighbour's value, those at the edge what enters."""
    moved = np.roll(registers, 1, axis)
    moved[(slice(None), 0) if axis else 0] = entering
    return moved


def skewed(rows, step):
    """What enters an edge in a cycle: line i begins i cycles after line 0, with zeros around."""
    return [line[step - i] if 0 <= step - i < len(line) else 0 for i, line in enumerate(rows)]


def output_stationary(left, right):
    """Register by register: the product of left (R, T) and right (T, C), and its cycles."""
    (rows, time), columns = left.shape, right.shape[1]
    a = b = sums = np.zeros((rows, columns), int)
    cycles = done = 0
    while done < rows * columns * time:
        a = shifted(a, skewed(left, cycles), axis=1)
        b = shifted(b, skewed(right.T, cycles), axis=0)
        done += np.count_nonzero(a * b)
        sums, cycles = sums + a * b, cycles + 1
    out = []
    for _ in range(rows):
        out.insert(0, sums[-1])
        sums, cycles = shifted(sums, 0, axis=0), cycles + 1
    return np.array(out), cycles


def weight_stationary(left, right):
    """Register by register: the product of left (T, R) and right (R, C), and its cycles."""
    (time, rows), columns = left.shape, right.shape[1]
    a = sums = weights = np.zeros((rows, columns), int)
    cycles = 0
    for line in right[::-1]:
        weights, cycles = shifted(weights, line, axis=0), cycles + 1
    out = np.zeros((time, columns), int)
    step = done = 0
    while done < time * columns:
        a = shifted(a, skewed(left.T, step), axis=1)
        sums = shifted(sums, 0, axis=0) + a * weights
        for column in range(columns):
            pixel = step - (rows - 1) - column
            if 0 <= pixel < time:
                out[pixel, column] = sums[-1, column]
                done += 1
        step, cycles = step + 1, cycles + 1
    return out, cycles


@cache
def fold_cycles(rows, columns, time, dataflow):
    """Cycles of a fold that fills the array, whose product is checked."""
    rng = np.random.default_rng(time)
    shapes = (
        [(rows, time), (time, columns)] if dataflow == OUTPUT else [(time, rows), (rows, columns)]
    )
    left, right = (rng.integers(1, 9, shape) for shape in shapes)
    made, cycles = (output_stationary if dataflow == OUTPUT else weight_stationary)(left, right)
    assert (made == left @ right).all()
    return cycles


def accesses(used, time, dataflow, *, first):
    """What a fold of `used` rows and columns reads and writes, one loop per thing that happens."""
    counts = Counter()
    for row, _column in product(range(used[0]), range(used[1])):
        if dataflow == WEIGHT:
            counts["weight_read"] += 1
            counts["operand_access"] += 1 + 2 * row  # written here; before, written and passed on
        for _ in range(time):
            counts["mac"] += 1
            counts["psum_access"] += 3 + 3
            # An input and a weight are written and read; a weight that stays is read.
            counts["operand_access"] += 2 + (2 if dataflow == OUTPUT else 1)
        if dataflow == OUTPUT:
            counts["psum_access"] += 3 + 6 * row  # read here, then written and read on its way out
    for _, _column in product(range(time), range(used[1])):
        counts["weight_read"] += dataflow == OUTPUT
        if dataflow == WEIGHT:
            counts["accumulator_access"] += 3 if first else 3 + 3
    counts["input_read"] += used[0] * time
    return counts


def walk(layer, rows, columns, dataflow):
    """(cycles, accesses) of all folds of a layer, edge folds at full cost, one convolution group
    after the other."""
    cycles, counts = 0, Counter()
    pixels, depth, filters = sizes(layer)
    along, time = (pixels, depth) if dataflow == OUTPUT else (depth, pixels)
    for _, column, row in product(
        range(layer.groups), range(0, filters, columns), range(0, along, rows)
    ):
        used = min(rows, along - row), min(columns, filters - column)
        cycles += fold_cycles(rows, columns, time, dataflow)
        counts += accesses(used, time, dataflow, first=row == 0)
    return cycles, counts


@st.composite
def layers(draw):
    kind = draw(st.sampled_from(["conv", "grouped", "depthwise", "linear"]))
    if kind == "linear":
        positions = draw(st.sampled_from([1, 4]))
        return linear(draw(st.integers(1, 90)), draw(st.integers(1, 90)), positions)
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    size = (draw(st.integers(3, 6)), draw(st.integers(3, 9)))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    groups = {"conv": 1, "grouped": 3}.get(kind, draw(st.integers(2, 20)))
    each = (1, 1)
    if kind != "depthwise":
        each = (draw(st.integers(1, 12)), draw(st.integers(1, 40)))
    return conv(each[0] * groups, each[1] * groups, size, kernel, stride=stride, groups=groups)


@settings(max_examples=80)
@given(
    layers(), st.sampled_from([(8, 4), (4, 8), (5, 3), (32, 32)]), st.sampled_from([OUTPUT, WEIGHT])
)
def test_cycles_and_accesses_are_those_of_the_walk_and_of_scale_sim(layer, array, dataflow):
    rows, columns = array
    found = table(layer, array__rows=rows, array__columns=columns, array__dataflow=dataflow)
    cycles, counts = walk(layer, rows, columns, dataflow)
    assert found.compute_cycles == cycles == closed_form(layer, rows, columns, dataflow)
    assert found.macs_done == counts["mac"] == layer.macs
    assert found.macs_skipped == 0
    actions = found.actions
    assert actions["input_buffer"] == {"read": counts.pop("input_read")}
    assert actions["weight_buffer"] == {"read": counts.pop("weight_read")}
    assert actions["array"] == dict(counts)


@pytest.mark.parametrize(
    ("dataflow", "folds", "time"),
    [
        (OUTPUT, 98 * 2, 576),  # 3136 pixels in 98 folds, 64 filters in 2
        (WEIGHT, 18 * 2, 3136),  # 576 weights of a filter in 18 folds
    ],
)
def test_a_layer_of_resnet_by_hand(dataflow, folds, time):
    layer = conv(64, 64, (56, 56), (3, 3), padding=(1, 1, 1, 1))
    found = table(layer, array__dataflow=dataflow)
    assert found.compute_cycles == folds * (64 + 32 + time - 2)
    assert found.lost["array"] == {
        "unmapped": 0,
        "drain": folds * 94 * 1024,
        "wait_input": 0,
        "wait_weight": 0,
    }


@pytest.mark.parametrize(
    ("product", "last"), [((50, 10, 20), 611), ((8, 4, 16), 51), ((33, 9, 70), 1376)]
)
def test_cycles_are_those_of_scale_sims_program(product, last):
    """SCALE-Sim 2.0.2, weight stationary, 8 x 4: products (M, N, K) and the last cycle that it
    reports, counted from zero."""
    pixels, filters, depth = product
    layer = linear(depth, filters, positions=pixels)
    found = table(layer, array__rows=8, array__columns=4, array__dataflow=WEIGHT)
    assert found.compute_cycles == last + 1


@pytest.mark.parametrize("dataflow", [OUTPUT, WEIGHT])
def test_a_depthwise_layer_uses_one_column_at_a_time(dataflow):
    """One fold per channel and 32 rows: its 9 weights, or its pixels, lie along the rows."""
    layer = conv(40, 40, (8, 8), (3, 3), padding=(1, 1, 1, 1), groups=40)
    found = table(layer, array__dataflow=dataflow)
    folds, time = (40 * 2, 9) if dataflow == OUTPUT else (40, 64)
    assert found.compute_cycles == folds * (94 + time)
    assert found.lost["array"]["unmapped"] == folds * time * 1024 - layer.macs


def test_it_has_the_resources_of_the_other_machines():
    arch, reference = archsim.load_arch(NAME), archsim.load_arch("diannao")
    parts = arch.components
    assert (
        sum(part.capacity_bytes for part in parts.values() if part.kind == "storage") == 772 * 1024
    )
    assert table(linear(8, 8)).instances == {"array": 1024}
    assert [parts[key] for key in ("dram", "dma", "post")] == [
        reference.components[key] for key in ("dram", "dma", "post")
    ]


def test_tiles_of_stationary_weights_share_the_folds_of_their_group():
    """Half of the output buffer, 2 KB, holds 64 pixels of 32 filters."""
    layer = conv(8, 40, (10, 10), (3, 3), padding=(1, 1, 1, 1))
    found = table(layer, array__dataflow=WEIGHT)
    assert found.outputs.tolist() == [[64 * 32, 36 * 32], [64 * 8, 36 * 8]]
    assert found.cycles.sum(axis=1).tolist() == [3 * (94 + 100)] * 2
    assert found.cycles[0].tolist() == [3 * 194 * 64 // 100, 3 * 194 - 3 * 194 * 64 // 100]


@pytest.mark.parametrize(
    ("dataflow", "buffer", "cause", "over"),
    [
        # Of 72 cycles of streaming, 72 x 32 bytes: 8 bytes per cycle take four times as long.
        (OUTPUT, "input_buffer", "wait_input", 3 * 72),
        (OUTPUT, "weight_buffer", "wait_weight", 3 * 72),
        # 64 pixels of 32 inputs; 32 rows of 32 weights, loaded in 32 cycles.
        (WEIGHT, "input_buffer", "wait_input", 3 * 64),
        (WEIGHT, "weight_buffer", "wait_weight", 3 * 32),
    ],
)
def test_a_narrow_buffer_lengthens_the_part_of_a_fold_that_it_feeds(dataflow, buffer, cause, over):
    depth = 72 if dataflow == OUTPUT else 64
    layer = conv(depth, 32, (8, 8), (1, 1))
    keys = {f"{buffer}__bytes_per_cycle": 8, "array__dataflow": dataflow}
    narrow = table(layer, **keys)
    wide = table(layer, array__dataflow=dataflow)
    folds = 2  # 64 pixels, or 64 inputs, in rows of 32
    assert (wide.limited == wide.cycles).all()
    assert narrow.compute_cycles == wide.compute_cycles
    assert int(narrow.limited.sum()) == wide.compute_cycles + folds * over
    assert narrow.lost["array"][cause] == folds * over * 1024
    assert (narrow.side[buffer] <= narrow.limited).all()
