"""Random small layers on SmartDeal: archsim against loops over single multiplications."""

from math import ceil

import numpy as np
import pytest
import smartdeal_bits as weight_loops
import smartdeal_loops as loops
import smartdeal_tiles as tile_loops
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv, decomposition, linear

import archsim
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

EXAMPLES = settings(max_examples=80)
SYNCS = ("tile", "group", "lines", "lanes")


@st.composite
def chips(draw):
    """Overrides of the arch file, as the loops read them."""
    slices = draw(st.sampled_from([2, 4, 8, 64]))
    return loops.Chip(
        slices=slices,
        lines=draw(st.sampled_from([1, 2, 4, 5, 16])),
        macs=draw(st.sampled_from([8, 8, 6, 7, 16])),
        streams=draw(st.sampled_from([s for s in (1, 2, 4, 64) if slices % s == 0])),
        serial=draw(st.sampled_from(["booth", "booth", "bits"])),
        skip=draw(st.sampled_from(["both", "both", "weights", "inputs", "none"])),
        depthwise_rows=draw(st.sampled_from([None, None, 1, 2])),
        basis_rows=draw(st.sampled_from([1, 1, 2])),
        per_line=draw(st.sampled_from([1, 2])),
        scan_rows=draw(st.sampled_from([1, 3, 16])),
        input_width=draw(st.sampled_from([1, 7, 256])),
        weight_width=draw(st.sampled_from([1, 2, 32])),
        granularity=draw(st.sampled_from(["row", "element"])),
        output_register=draw(st.sampled_from([True, True, False])),
        fill=draw(st.sampled_from(["group", "group", "none"])),
        barrier=draw(st.sampled_from([1, 1, 0, 3])),
        empty_tiles=draw(st.sampled_from(["cycle", "cycle", "free"])),
        tree_positions=draw(st.sampled_from([1, 1, 2, 16])),
    )


def overrides(chip):
    return {
        "pe_slices.slices": chip.slices,
        "pe_slices.lines": chip.lines,
        "pe_slices.streams": chip.streams,
        "pe_slices.depthwise_rows": chip.depthwise_rows,
        "mac_array.macs": chip.macs,
        "mac_array.serial": chip.serial,
        "index_selector.skip": chip.skip,
        "index_selector.rows_per_cycle": chip.scan_rows,
        "index_selector.index_granularity": chip.granularity,
        "rebuild_engine.basis_rows_per_cycle": chip.basis_rows,
        "rebuild_engine.per_line": chip.per_line,
        "rebuild_engine.output_register": chip.output_register,
        "rebuild_engine.fill": chip.fill,
        "pe_slices.barrier_cycles": chip.barrier,
        "pe_slices.empty_tiles": chip.empty_tiles,
        "pe_slices.tree_positions_per_cycle": chip.tree_positions,
        "input_gb.bytes_per_cycle": chip.input_width,
        "weight_buffer.bytes_per_cycle": chip.weight_width,
    }


def sized(draw, kernel, dilation):
    """A plane and margins in which the kernel fits at least once."""
    margins = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = []
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        least = max(1, reach - margins[axis] - margins[axis + 2])
        size.append(draw(st.integers(least, least + (6, 13)[axis])))
    return tuple(size), margins


@st.composite
def layers(draw):
    """A spatial, grouped, 1x1, depthwise or linear layer."""
    kind = draw(st.sampled_from(["spatial", "grouped", "pointwise", "depthwise", "linear"]))
    if kind == "linear":
        return linear(
            draw(st.integers(1, 20)), draw(st.integers(1, 21)), draw(st.sampled_from([1, 1, 3]))
        )
    kernel = (1, 1) if kind == "pointwise" else (draw(st.integers(1, 5)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    in_size, padding = sized(draw, kernel, dilation)
    if kind == "depthwise":
        groups = draw(st.integers(2, 7))
        channels = filters = groups
    else:
        groups = draw(st.integers(2, 3)) if kind == "grouped" else 1
        channels, filters = groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 11))
    return conv(
        channels,
        filters,
        in_size,
        kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        groups=groups,
    )


def some_inputs(layer, rng, signed, density):
    low, high = (-128, 128) if signed else (0, 256)
    values = rng.integers(low, high, layer.input_shape())
    values[rng.random(values.shape) > density] = 0
    if layer.op == "conv":
        values[rng.random(layer.in_channels) < 0.2] = 0
    return values.astype(np.int8 if signed else np.uint8)


def some_weights(layer, rng, density, depth):
    """`weight` of a raw layer (depth None), or the decomposed form; some filters are all zero."""
    if depth is None:
        weight = rng.integers(-128, 128, layer.weight_shape())
        weight[rng.random(weight.shape) > density] = 0
        weight[rng.random(len(weight)) < 0.15] = 0
        return {"weight": weight.astype(np.int8)}
    rows = layer.coef_shape()[:-1]
    nonzeros = rng.integers(1, depth + 1, rows) * (rng.random(rows) < density)
    nonzeros[rng.random(len(nonzeros)) < 0.15] = 0
    slices = int(rng.integers(1, max(2, int(np.prod(rows[1:])))))
    return decomposition(layer, nonzeros, rng, slices, depth)


@st.composite
def cases(draw):
    layer, chip = draw(layers()), draw(chips())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
    depth = draw(st.sampled_from([None, 0, 0, 1, 2, 5]))
    if depth == 0:
        depth = layer.coef_shape()[-1]
    inputs = some_inputs(layer, rng, draw(st.booleans()), draw(density))
    return layer, chip, {"input": inputs, **some_weights(layer, rng, draw(density), depth)}


def tables(layer, arrays, chip, **keys):
    """The tile table under each reading of `sync`."""
    found = {}
    for sync in SYNCS:
        arch = archsim.load_arch("smartdeal", {**overrides(chip), "pe_slices.sync": sync, **keys})
        (found[sync],) = load_machine(arch).tiles(layer, Arrays(layer, **arrays), arch)
        check_tiles(layer, found[sync], 1)
    return found


def looped(layer, arrays, chip):
    raw = "coef" not in arrays
    codes = arrays["weight"] if raw else arrays["coef"]
    return tile_loops.layer_groups(layer, arrays["input"], codes, raw, chip)


def lines_of_an_output(layer, chip):
    """Lines that work for one output: those of its input channels, triples or kernel rows."""
    places = layer.group_channels
    if layer.kind == "depthwise":
        places = layer.kernel[0]
    elif layer.kernel == (1, 1):
        places = ceil(places / 3)
    return len({place % chip.lines for place in range(places)})


INDEX_WIDTH = archsim.load_arch("smartdeal").components["index_gb"].bytes_per_cycle


@EXAMPLES
@given(cases())
def test_cycles_and_work_are_those_of_the_loops(case):
    layer, chip, arrays = case
    groups = looped(layer, arrays, chip)
    found = tables(layer, arrays, chip)
    assert {sync: int(table.cycles.sum()) for sync, table in found.items()} == loops.cycles(
        groups, chip
    )
    slowest = [
        [max(tile) for tile in zip(*streams, strict=True)]
        for one in groups
        for streams in one.times()
    ]
    table = found["tile"]
    assert table.cycles.tolist() == slowest
    done = sum(group.macs_done() for group in groups)
    assert (table.macs_done, table.macs_done + table.macs_skipped) == (done, layer.macs)
    step = "booth_step" if chip.serial == "booth" else "bit_step"
    entries = sum(group.basis_entries() for group in groups)
    digits = sum(group.digits() for group in groups)
    assert table.actions["mac_array"] == {
        step: digits,
        "fifo": sum(group.fifo() for group in groups),
        "psum_access": 6 * digits,
    }
    assert table.actions["rebuild_engine"] == {"basis_read": entries, "shift_add": entries}
    assert table.actions["pe_slices"] == {
        "tree_add": layer.output_elements * (lines_of_an_output(layer, chip) - 1)
    }


@EXAMPLES
@given(cases())
def test_what_the_buffers_and_the_selector_give_is_that_of_the_loops(case):
    layer, chip, arrays = case
    groups = looped(layer, arrays, chip)
    table = tables(layer, arrays, chip)["tile"]
    shape = table.cycles.shape
    if layer.kind == "linear":
        read = np.full(shape, layer.in_channels)
    elif layer.kind == "depthwise":
        seats = [sum(map(len, streams)) for streams in groups[0].groups()]
        read = np.outer(seats, tile_loops.block_inputs(layer, chip))
    else:
        read = np.array([row for group in groups for row in group.input_bytes()])
    assert table.actions["input_gb"]["read"] == read.sum()
    assert table.side["input_gb"].tolist() == (-(-read // chip.input_width)).tolist()

    scanned = sum(group.scanned() for group in groups)
    assert table.actions["index_selector"]["scan"] == scanned
    scan = ceil(len(groups[0].rows[0]) / chip.scan_rows)
    assert (table.side["index_selector"] == scan).all()

    basis_shape = arrays["basis"].shape if "basis" in arrays else None
    rows = [row for group in groups for row in group.rows]
    bits = weight_loops.layer_bits(layer, rows, basis_shape, chip)
    weight_bytes = ceil((sum(bits.codes) + sum(bits.basis) + bits.table) / 8)
    assert {flow: int(by_group.sum()) for flow, by_group in table.stationary.items()} == {
        "weight": weight_bytes,
        "index": ceil(bits.index / 8),
    }
    of_a_row = bits.index // sum(map(len, rows))
    index = [
        ceil(ceil(len(streams) * len(group.rows[0]) * of_a_row / 8) / INDEX_WIDTH)
        for group in groups
        for streams in group.groups()
    ]
    assert (table.side["index_gb"] == np.array(index)[:, None]).all()
    every, first = weight_loops.buffer_bits(groups, bits, basis_shape, chip)
    assert table.actions["weight_buffer"]["read"] == ceil((sum(every) * shape[1] + sum(first)) / 8)
    opening, steady = weight_loops.weight_cycles(groups, every, first, chip)
    assert table.side["weight_buffer"][:, 0].tolist() == opening
    assert (table.side["weight_buffer"][:, 1:] == np.array(steady)[:, None]).all()
    array_cycles = table.cycles + chip.barrier
    array_cycles[:, 0] += [fill for group in groups for fill in group.fills()]
    assert (table.side["pe_slices"] == groups[0].tree).all()
    longest = [
        array_cycles,
        table.side["pe_slices"],
        *(table.side[name] for name in ("input_gb", "index_selector", "index_gb", "weight_buffer")),
    ]
    assert (table.limited == np.maximum.reduce(longest)).all()
    assert (
        table.outputs.sum(axis=1)
        == [
            sum(map(len, streams)) * sum(group.pixels)
            for group in groups
            for streams in group.groups()
        ]
    ).all()


@pytest.mark.parametrize(
    ("layer", "additions"),
    [
        (conv(5, 5, (4, 4), (3, 3), groups=5), 2),  # three kernel rows, whatever rows share a slice
        (conv(5, 5, (4, 4), (1, 1), groups=5), 0),
        (conv(20, 20, (40, 4), (19, 1), groups=20), 15),  # 16 lines take 19 rows in turn
        (conv(3, 6, (4, 4), (3, 3)), 2),
        (conv(40, 6, (4, 4), (3, 3)), 15),
        (conv(12, 6, (4, 4), (3, 3), groups=3), 3),
        (conv(7, 6, (4, 4), (1, 1)), 2),  # three triples
        (linear(3, 9), 0),
        (linear(32, 9, 2), 10),
        (linear(300, 9), 15),
    ],
)
def test_the_adder_tree_adds_the_lines_that_hold_a_part_of_an_output(layer, additions):
    """By hand: n lines take n - 1 additions, the other adders add nothing."""
    rng = np.random.default_rng(0)
    arrays = {"input": some_inputs(layer, rng, True, 0.5), **some_weights(layer, rng, 0.5, None)}
    table = tables(layer, arrays, loops.Chip())["tile"]
    assert table.actions["pe_slices"]["tree_add"] == layer.output_elements * additions


def test_a_partial_sum_is_written_in_every_step_of_its_multiplier():
    """A 1x1 layer of one channel and weight: 85 has four digits, 3 two and 0 none; 24 bits are read
    and written in each.
    """
    layer = conv(1, 1, (1, 3), (1, 1))
    arrays = {"input": np.array([[[85, 3, 0]]], np.int8), "weight": np.ones((1, 1, 1, 1), np.int8)}
    actions = tables(layer, arrays, loops.Chip())["tile"].actions["mac_array"]
    assert (actions["booth_step"], actions["psum_access"]) == (6, 6 * (3 + 3))


def test_booth_table_by_hand():
    """3 = 4 - 1 takes two digits, -2 and -128 take one, an unsigned 255 = 256 - 1 two."""
    chip = loops.Chip()
    hand = {
        0: 0,
        1: 1,
        -1: 1,
        2: 2,
        -2: 1,
        3: 2,
        4: 1,
        5: 2,
        7: 2,
        -128: 1,
        127: 2,
        85: 4,
        170: 5,
        255: 2,
        -86: 4,
    }
    assert {value: loops.serial_steps(value, chip) for value in hand} == hand


@pytest.mark.parametrize("skip", ["both", "weights", "inputs", "none"])
def test_a_layer_of_nothing_but_zeros(skip):
    """One cycle a tile where either is skipped, S cycles a job where none is."""
    layer = conv(16, 64, (4, 9), (3, 3), padding=(1, 1, 1, 1))
    rng = np.random.default_rng(0)
    arrays = {
        "input": np.zeros(layer.input_shape(), np.int8),
        **decomposition(layer, np.zeros((64, 16, 3), int), rng),
    }
    (table,) = [tables(layer, arrays, loops.Chip(skip=skip))["tile"]]
    tiles = 4 * 2
    assert table.compute_cycles == (tiles * 3 * 3 if skip == "none" else tiles)


def test_more_filters_than_seats_wide_machine():
    """150 filters on 64 slices: three groups; the last has 22, and streams that are empty."""
    layer = conv(5, 150, (2, 11), (1, 3), padding=(0, 1, 0, 1))
    rng = np.random.default_rng(3)
    nonzeros = rng.integers(0, 4, (150, 5, 1))
    arrays = {"input": some_inputs(layer, rng, True, 0.4), **decomposition(layer, nonzeros, rng)}
    for streams in (1, 4, 64):
        chip = loops.Chip(streams=streams)
        groups = looped(layer, arrays, chip)
        found = tables(layer, arrays, chip)
        assert {sync: int(table.cycles.sum()) for sync, table in found.items()} == loops.cycles(
            groups, chip
        )
