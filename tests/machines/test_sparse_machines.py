"""Cambricon-X, Bit-Pragmatic and SCNN as machines: bytes, buffer limits and tables of small layers.

Their cycles are tested beside the kernels; here a table must hold them, and what it says of bytes
must be what an encoder stores.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv, linear

import archsim
from archsim.machines.scnn.passes import fewest_operations, planar_passes
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

EXAMPLES = settings(max_examples=50)
WIDE = 2**30

CHOICES = {
    "cambricon_x": {
        "pe_array.pes": [1, 3, 64],
        "pe_array.multipliers": [1, 2, 16],
        "pe_array.sync": ["group", "segment", "none"],
        "pe_array.step_bits": [1, 2, 4, None],
        "nbin.bytes_per_cycle": [1, 5, WIDE],
        "sb.bytes_per_cycle": [1, WIDE],
    },
    "bit_pragmatic": {
        "pe_array.filters": [1, 3, 64],
        "pe_array.columns": [1, 3, 8],
        "pe_array.lanes": [1, 2, 16],
        "pe_array.sync": ["pallet", "column", "ideal"],
        "pe_array.registers": [0, 1, 3],
        "pe_array.signed_digits": [False, True],
        "input_gb.bytes_per_cycle": [1, 5, WIDE],
        "weight_buffer.bytes_per_cycle": [1, WIDE],
    },
    "scnn": {
        "pe_array.rows": [1, 2, 8],
        "pe_array.columns": [1, 3, 8],
        "pe_array.banks": [2, 32],
        "pe_array.bank_entries": [1, 32],
        "pe_array.rule": ["queued", "queued", "dnnsim"],
        "pe_array.banks_model": ["auto", "exact", "none"],
        "weight_fifo.bytes_per_cycle": [1, WIDE],
        "weight_fifo.bank_kbytes": [0.001, 0.25, 1.0],
        "iaram.bank_kbytes": [0.03125, 5.5],
    },
}


def sized(draw, kernel, padding):
    """A plane in which the kernel fits at least once."""
    return tuple(
        draw(st.integers(max(1, kernel[i] - padding[i] - padding[i + 2]), 9)) for i in (0, 1)
    )


@st.composite
def layers(draw):
    """A small layer and its arrays, some all zero."""
    kind = draw(st.sampled_from(["conv", "conv", "grouped", "depthwise", "linear"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "linear":
        layer = linear(draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.integers(1, 3)))
    else:
        kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        padding = tuple(draw(st.integers(0, 1)) for _ in range(4))
        groups = {"conv": 1, "grouped": 2, "depthwise": draw(st.integers(2, 20))}[kind]
        each, filters = draw(st.integers(1, 5)), draw(st.integers(1, 7))
        if kind == "depthwise":
            each = filters = 1
        keys = {"padding": padding, "stride": (draw(st.integers(1, 2)), 1), "groups": groups}
        size = sized(draw, kernel, padding)
        layer = conv(each * groups, filters * groups, size, kernel, **keys)
    weights = rng.integers(-127, 128, layer.weight_shape())
    weights *= rng.random(weights.shape) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    values = rng.integers(-127, 128, layer.input_shape())
    values *= rng.random(values.shape) < draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    return layer, weights.astype(np.int8), values.astype(np.int8)


def table(name, layer, weights, values, overrides):
    """The one table of the layer on the shipped arch with overrides, checked as every run does."""
    arch = archsim.load_arch(name, overrides)
    arrays = Arrays(layer, weight=weights, pruned=weights, input=values)
    (tiles,) = load_machine(arch).tiles(layer, arrays, arch)
    check_tiles(layer, tiles, samples=1)
    return arch, tiles


@st.composite
def cases(draw, name):
    overrides = {key: draw(st.sampled_from(values)) for key, values in CHOICES[name].items()}
    return (*draw(layers()), overrides)


def stored(vector, zeros_a_filler):
    """Entries of one block: a filler for every full run of that many zeros before a non-zero."""
    count = run = 0
    for value in vector:
        if value:
            count += 1 + run // zeros_a_filler
            run = 0
        else:
            run += 1
    return count


@EXAMPLES
@given(case=cases("cambricon_x"))
def test_cambricon_x_stores_values_and_steps(case):
    layer, weights, _, overrides = case
    arch, tiles = table("cambricon_x", *case)
    bits, pes = overrides["pe_array.step_bits"], overrides["pe_array.pes"]
    cube = weights.reshape(layer.out_channels, layer.group_channels, *layer.kernel)
    sizes = []
    for filter_weights in cube:
        vector = filter_weights.transpose(1, 2, 0).reshape(-1).tolist()
        if bits is None:
            sizes.append(8 * np.count_nonzero(vector) + len(vector))
        else:
            sizes.append((8 + bits) * stored(vector, 2**bits - 1))
    groups = [sizes[first : first + pes] for first in range(0, len(sizes), pes)]
    assert tiles.stationary["weight"].tolist() == [-(-sum(group) // 8) for group in groups]
    pixels = layer.output_elements // layer.out_channels
    assert tiles.macs_done == np.count_nonzero(weights) * pixels
    width = arch.components["sb"].bytes_per_cycle * arch.components["sb"].count
    at_least = [-(-int(group) * pixels // width) for group in tiles.stationary["weight"]]
    assert (tiles.limited.sum(axis=1) >= at_least).all()
    assert tiles.actions["sb"]["read"] == int(tiles.stationary["weight"].sum()) * pixels


@EXAMPLES
@given(case=cases("bit_pragmatic"))
def test_bit_pragmatic_reads_windows_once_for_each_filter_group(case):
    layer, _, _, overrides = case
    _, tiles = table("bit_pragmatic", *case)
    pixels = layer.output_elements // layer.out_channels
    taps = layer.kernel[0] * layer.kernel[1]
    each = layer.out_channels // layer.groups
    rounds = 1 if layer.kind == "depthwise" else -(-each // overrides["pe_array.filters"])
    windows = -(-pixels // overrides["pe_array.columns"])
    assert tiles.actions["input_gb"]["read"] == pixels * taps * layer.in_channels * rounds
    if len(tiles.cycles[0]) == 1:  # else a tile's last window group may be short
        assert tiles.actions["weight_buffer"]["read"] == windows * layer.weight_elements
    assert tiles.stationary["weight"].sum() == layer.weight_elements
    assert tiles.actions["pe_array"]["bit_step"] >= tiles.macs_done


def seen_rows(layer):
    """Rows under the taps of the output rows."""
    return [
        e * layer.stride[0] + r * layer.dilation[0] - layer.padding[0]
        for e in range(layer.out_size[0])
        for r in range(layer.kernel[0])
    ]


def test_bit_pragmatic_writes_a_partial_sum_where_there_is_something_to_add():
    """5 has two terms and 1 one; of four bricks of a lane each one is empty. 24 bits each way for
    each filter; in a depthwise layer for each channel's own terms.
    """
    values = np.array([5, 1, 0, 1], np.int8).reshape(1, 2, 2)
    ones = np.ones((3, 1, 1, 1), np.int8)
    _, tiles = table("bit_pragmatic", conv(1, 3, (2, 2), (1, 1)), ones, values, {})
    assert tiles.actions["pe_array"] == {"bit_step": 3 * 4, "psum_access": 3 * 4 * (3 + 3)}
    layer = conv(2, 2, (2, 2), (1, 1), groups=2)
    both = np.concatenate([values, values])
    _, tiles = table("bit_pragmatic", layer, np.ones((2, 1, 1, 1), np.int8), both, {})
    assert tiles.actions["pe_array"] == {"bit_step": 2 * 4, "psum_access": 2 * 4 * (3 + 3)}


@EXAMPLES
@given(case=cases("scnn"))
def test_scnn_stores_run_lengths_and_cuts_groups_to_its_memories(case):
    layer, weights, values, overrides = case
    arch, tiles = table("scnn", *case)
    elements = overrides["pe_array.rows"] * overrides["pe_array.columns"]
    memory = arch.components["iaram"].capacity_bytes // elements
    if layer.kind == "linear":
        steps = values.reshape(-1, layer.in_channels)
        parts = [[step[element::elements] for element in range(elements)] for step in steps]
    else:
        banks, entries = overrides["pe_array.banks"], overrides["pe_array.bank_entries"]
        array = ScnnArray(
            overrides["pe_array.rows"],
            overrides["pe_array.columns"],
            banks=banks,
            accumulators=banks * entries,
        )
        read = np.isin(np.arange(layer.in_size[0]), seen_rows(layer))
        passes = planar_passes(values != 0, layer.geometry, array, memory).parts
        fit = tiles.stationary["weight"].sum() <= arch.components["weight_fifo"].capacity_bytes
        if fit and overrides["pe_array.rule"] == "queued":
            found = fewest_operations(weights != 0, values != 0, layer.geometry, array, memory)
            assert len(found.parts) >= len(passes)
            passes = found.parts
        assert tiles.min_blocks == tiles.cycles.shape[1] == len(passes)
        parts = []
        for one in passes:
            (th, tw), first = one.tiling.tile, one.tiling.origin[0] - layer.padding[0]
            mine = read[first : first + one.values.shape[1]]
            parts.append(
                [
                    channel[rows, j * tw : (j + 1) * tw][mine[rows]].reshape(-1)
                    for rows in (slice(i * th, (i + 1) * th) for i in range(array.rows))
                    for j in range(array.columns)
                    for channel in one.values
                ]
            )
    entries = sum(stored(block.tolist(), 16) for blocks in parts for block in blocks)
    assert tiles.moving["input"] == -(-entries * 12 // 8)
    half = arch.components["weight_fifo"].capacity_bytes // 2
    assert tiles.stationary["weight"].max() <= half
    assert tiles.stationary["weight"].sum() >= np.count_nonzero(weights) * 1.5


def test_wide_buffers_limit_nothing():
    rng = np.random.default_rng(0)
    layer = conv(24, 70, (12, 12), (3, 3), padding=(1, 1, 1, 1))
    weights = rng.integers(-9, 10, layer.weight_shape()).astype(np.int8)
    values = rng.integers(-9, 10, layer.input_shape()).astype(np.int8)
    buffers = {
        "cambricon_x": ("nbin", "sb"),
        "bit_pragmatic": ("input_gb", "weight_buffer"),
        "scnn": ("weight_fifo",),
    }
    for name, parts in buffers.items():
        wide = {f"{part}.bytes_per_cycle": WIDE for part in parts}
        _, tiles = table(name, layer, weights, values, wide)
        assert (tiles.limited == tiles.cycles).all()
        for part in parts:
            _, narrow = table(name, layer, weights, values, {f"{part}.bytes_per_cycle": 1})
            assert narrow.limited.sum() > tiles.cycles.sum()
            assert narrow.cycles.sum() == tiles.cycles.sum()


@pytest.mark.parametrize("sync", ["group", "segment", "none"])
def test_dense_weights_make_cambricon_x_as_fast_as_diannao(sync):
    layer = conv(32, 100, (6, 6), (3, 3), padding=(1, 1, 1, 1))
    ones = np.ones(layer.weight_shape(), np.int8), np.ones(layer.input_shape(), np.int8)
    _, dense = table("diannao", layer, *ones, {})
    _, sparse = table("cambricon_x", layer, *ones, {"pe_array.sync": sync})
    assert sparse.compute_cycles == dense.compute_cycles


def test_unwaited_elements_share_their_cycles_out_over_the_groups():
    layer = conv(16, 200, (5, 5), (1, 1))
    weights = (np.random.default_rng(3).random(layer.weight_shape()) < 0.4).astype(np.int8)
    values = np.ones(layer.input_shape(), np.int8)
    _, tiles = table("cambricon_x", layer, weights, values, {"pe_array.sync": "none"})
    loads = [0] * 64
    for k, filter_weights in enumerate(weights):
        loads[k % 64] += -(-int(filter_weights.sum()) // 16)
    assert len(tiles.cycles) == 4
    assert tiles.compute_cycles == max(loads) * 25


def test_scnn_stores_results_as_the_next_layer_reads_them():
    layer = conv(3, 5, (9, 9), (3, 3), padding=(1, 1, 1, 1))
    arch = archsim.load_arch("scnn")
    machine = load_machine(arch)
    values = (np.random.default_rng(0).random((5, 9, 9)) < 0.2).astype(np.int8)
    tiles = [
        values[c, i : i + 2, j : j + 2]
        for c in range(5)
        for i in range(0, 9, 2)
        for j in range(0, 9, 2)
    ]
    entries = sum(stored(tile.reshape(-1).tolist(), 16) for tile in tiles)
    assert machine.stored_bytes(layer, values, arch) == -(-entries * 12 // 8)
    assert machine.stored_bytes(layer, None, arch) == layer.output_elements
    assert machine.stored_bytes(layer, values[:, ::2], arch) == layer.output_elements


MACHINES = ("smartdeal", "diannao", "scnn", "cambricon_x", "bit_pragmatic")


@pytest.mark.parametrize("name", MACHINES)
def test_machines_have_the_resources_of_table_ix(name):
    arch, reference = archsim.load_arch(name), archsim.load_arch("smartdeal")
    sram = sum(
        part.capacity_bytes
        for key, part in arch.components.items()
        if part.kind == "storage" and key != "index_gb"
    )
    assert sram == pytest.approx(772 * 1024, rel=0.01)
    for key in ("dram", "dma", "post"):
        assert arch.components[key] == reference.components[key]
    for key in ("clock_mhz", "energy", "interlayer", "barrier"):
        assert getattr(arch, key) == getattr(reference, key)


@pytest.mark.parametrize(
    ("name", "multipliers"),
    [("bit_pragmatic", 8192), ("scnn", 1024), ("cambricon_x", 1024), ("diannao", 1024)],
)
def test_machines_have_the_multipliers_of_table_ix(name, multipliers):
    layer = conv(3, 3, (4, 4), (1, 1))
    ones = np.ones(layer.weight_shape(), np.int8), np.ones(layer.input_shape(), np.int8)
    arch, tiles = table(name, layer, *ones, {})
    assert tiles.instances[arch.compute] == multipliers


def test_scnn_says_that_it_is_not_made_for_linear_layers():
    layer = linear(20, 10)
    ones = np.ones(layer.weight_shape(), np.int8), np.ones(layer.input_shape(), np.int8)
    (note,) = table("scnn", layer, *ones, {})[1].notes
    assert "squeeze-and-excite" in note
    layer = conv(3, 3, (4, 4), (1, 1))
    ones = np.ones(layer.weight_shape(), np.int8), np.ones(layer.input_shape(), np.int8)
    assert table("scnn", layer, *ones, {})[1].notes == ()
