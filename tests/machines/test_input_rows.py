"""Input bytes of layers whose windows lie apart or reach far, on every machine: the rows that a
window sees, each once, and again where a block needs a row that an earlier block has had.

Expected bytes are counted here from sets of rows, window by window.
"""

from math import ceil

import numpy as np
import pytest
import small_layers
from tiny_networks import conv, network, post, run

import archsim
from archsim.formats.search import names
from archsim.machines.shared.machine import load_machine, storage_of

KB = 1024
INFERENCE = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
DENSE = [name for name in INFERENCE if name != "scnn"]
"""Machines that keep activations as 8-bit elements."""
# kernel, stride, dilation, padding
APART = [
    ((1, 1), (2, 2), (1, 1), (0, 0)),
    ((1, 1), (3, 1), (1, 1), (0, 0)),
    ((1, 1), (2, 2), (1, 1), (1, 1)),
    ((2, 2), (3, 3), (1, 1), (0, 0)),
    ((2, 3), (4, 1), (1, 1), (1, 1)),
    ((3, 3), (2, 2), (2, 2), (2, 2)),
    ((3, 3), (1, 1), (1, 1), (1, 1)),
    ((3, 3), (1, 1), (30, 30), (30, 30)),
]


def windows(height, kernel, stride, dilation, padding):
    """The rows of the plane that each output row reads."""
    firsts = range(0, height + 2 * padding[0] - (kernel[0] - 1) * dilation[0], stride[0])
    taps = [[first + r * dilation[0] - padding[0] for r in range(kernel[0])] for first in firsts]
    return [{row for row in rows if 0 <= row < height} for rows in taps]


def layer_of(shape, channels=(6, 8), size=(13, 11)):
    kernel, stride, dilation, padding = shape
    keys = {"stride": list(stride), "dilation": list(dilation), "padding": list(padding)}
    return conv("a", [], channels, size, kernel, **keys)


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("shape", APART)
def test_a_machine_reads_the_rows_that_a_window_sees(tmp_path, name, shape):
    (layer,) = run(name, network(tmp_path, layer_of(shape), batch=2)).layers
    seen = set().union(*windows(13, *shape))
    assert layer.dram_bytes_by["input"] == 2 * 6 * 11 * len(seen)
    path = archsim.load_arch(name).flows["input"].path
    buffer = next(part for part in path[::-1] if "write" in layer.actions.get(part, {}))
    assert layer.actions[buffer]["write"] == 2 * 6 * 11 * len(seen)


def encoded(block):
    """Entries of SCNN's format: a value, or a zero in place of each 16th of a run of zeros."""
    entries = zeros = 0
    for value in block:
        if value:
            entries += 1 + zeros // 16
            zeros = 0
        else:
            zeros += 1
    return entries


@pytest.mark.parametrize("shape", APART)
def test_scnn_stores_what_an_encoder_makes_of_those_rows(tmp_path, shape):
    """13 x 11 pixels on 8 x 8 elements are tiles of 2 x 2; an entry takes 12 bits."""
    workload = network(tmp_path, layer_of(shape))
    (layer,) = run("scnn", workload).layers
    seen = set().union(*windows(13, *shape))
    plane = workload.tensors(workload.layer("a")).need("input")
    entries = sum(
        encoded([plane[c, y, x] for y in rows if y in seen for x in columns])
        for c in range(6)
        for rows in (range(first, min(first + 2, 13)) for first in range(0, 13, 2))
        for columns in (range(first, min(first + 2, 11)) for first in range(0, 11, 2))
    )
    assert layer.dram_bytes_by["input"] == ceil(entries * 12 / 8)


@pytest.mark.parametrize("name", INFERENCE)
@pytest.mark.parametrize("shape", APART[:5])
def test_what_lies_in_rows_that_no_window_sees_changes_nothing(name, shape):
    kernel, stride, _, (top, left) = shape
    layer = small_layers.conv(6, 8, (13, 11), kernel, stride=stride, padding=(top, left, top, left))
    rng = np.random.default_rng(4)
    weight = rng.integers(-9, 10, layer.weight_shape()).astype(np.int8)
    plane = rng.integers(-9, 10, layer.input_shape()).astype(np.int8)
    emptied = plane.copy()
    emptied[:, sorted(set(range(13)) - set().union(*windows(13, *shape)))] = 0
    assert (emptied != plane).any()
    arch = archsim.load_arch(name, {"weights": "dense"})
    full, bare = (
        load_machine(arch).tiles(
            layer, small_layers.Arrays(layer, weight=weight, input=values), arch
        )
        for values in (plane, emptied)
    )
    for one, other in zip(full, bare, strict=True):
        assert one.cycles.tolist() == other.cycles.tolist()
        assert (one.macs_done, one.moving, one.actions) == (
            other.macs_done,
            other.moving,
            other.actions,
        )


def cut(arch, input_kb, weight_kb):
    """Overrides that leave so much room for inputs and for each flow of weights."""
    loaded, keys = archsim.load_arch(arch), {}
    for flow, kbytes in {"input": input_kb, "weight": weight_kb, "index": weight_kb}.items():
        if flow in loaded.flows:
            buffer = storage_of(loaded, flow)
            keys |= {f"{buffer}.count": 1, f"{buffer}.banks": 1, f"{buffer}.bank_kbytes": kbytes}
    return keys


def read_in_blocks(outputs, blocks):
    """Rows that all blocks of output rows read, and those of them that count once."""
    there, read = set(), 0
    for block in range(blocks):
        mine = [rows for e, rows in enumerate(outputs) if e * blocks // len(outputs) == block]
        read += len(set().union(*mine))
        there |= set().union(*mine)
    return read, len(there)


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("dilation", [1, 2, 5, 9, 21, 40])
@pytest.mark.parametrize("stride", [1, 2])
def test_blocks_of_inputs_read_their_rows(tmp_path, name, dilation, stride):
    """22 x 11 x 6 inputs in 300 bytes, weights in 64: inputs stay block by block."""
    shape = ((3, 3), (stride, stride), (dilation, dilation), (dilation, dilation))
    workload = network(tmp_path, layer_of(shape, size=(22, 11)))
    (layer,) = run(name, workload, cut(name, 300 / KB, 64 / KB)).layers
    outputs = windows(22, *shape)
    blocks = ceil(read_in_blocks(outputs, 1)[0] * 66 / 300)
    read, once = read_in_blocks(outputs, blocks)
    again = ceil((read - once) * 66 / max(1, blocks - 1)) * (blocks - 1)
    assert layer.dram_bytes_by["input"] == once * 66 + again
    assert again <= 22 * 66 * (blocks - 1)


@pytest.mark.parametrize("dilation", [1, 5, 40])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_block_of_scnn_never_brings_more_than_what_is_stored(tmp_path, dilation, batch):
    """A cut brings a share of the stored bytes, not of 8 bits for each element."""
    shape = ((3, 3), (1, 1), (dilation, dilation), (dilation, dilation))
    workload = network(tmp_path, layer_of(shape, size=(22, 11)), batch=batch)
    (whole,) = run("scnn", workload).layers
    keys = {"iaram.bank_kbytes": 8 / KB, "weight_fifo.count": 1, "weight_fifo.bank_kbytes": 0.0625}
    (layer,) = run("scnn", workload, keys).layers
    stored = whole.dram_bytes_by["input"]
    blocks = layer.dram_bytes_by["weight"] // whole.dram_bytes_by["weight"]
    assert blocks > 1
    assert stored <= layer.dram_bytes_by["input"] <= stored * blocks
    if dilation == 40:  # only the middle tap lies in the plane
        assert layer.dram_bytes_by["input"] == stored


def test_a_pool_on_its_own_reads_the_rows_that_a_window_sees(tmp_path):
    """1x1 windows two rows apart, as behind a feature pyramid: 5 of 9 rows of 7 x 4."""
    layers = [
        conv("a", [], (3, 4), (9, 7), padding=[1, 1]),
        post("pool", "pool", ["a"], kind="max", kernel=[1, 1], stride=[2, 2]),
        conv("b", ["a"], (4, 4), (9, 7), kernel=(1, 1)),
        post(
            "first",
            "pool",
            [],
            kind="max",
            kernel=[2, 2],
            stride=[3, 3],
            in_channels=2,
            in_size=[8, 5],
        ),
    ]
    found = {
        one.name: one.dram_bytes_by for one in run("diannao", network(tmp_path, *layers)).layers
    }
    assert found["pool"]["input"] == 5 * 7 * 4
    assert found["first"]["input"] == 6 * 5 * 2  # rows 0, 1, 3, 4, 6, 7 of 8


TRAINING = """format: archsim-workload/1
name: strided
task: training
batch: 3
source: {made_by: a test}
layers:
  - {name: a, op: conv, inputs: [], in_channels: 3, out_channels: 8, in_size: [9, 7],
     kernel: [3, 3], padding: [1, 1]}
  - {name: b, op: conv, inputs: [a], in_channels: 8, out_channels: 5, in_size: [9, 7],
     kernel: [1, 1], stride: [2, 2]}
"""


def test_training_reads_those_rows_forward_and_for_the_gradient(tmp_path):
    """5 of 9 rows, 2 bytes a value; the errors of all 9 rows are written, zeros included."""
    path = tmp_path / "strided.yaml"
    path.write_text(TRAINING)
    keys = {"weights": "dense", "pe_array.code_tile": None}
    result = run("training_accelerator", archsim.load_workload(path), keys)
    rows = {row.phase: row.dram_bytes_by for row in result.layers if row.name == "b"}
    read, plane = 3 * 8 * 5 * 7 * 2, 3 * 8 * 9 * 7 * 2
    assert rows["ff"]["input"] == rows["wg"]["input"] == read
    assert rows["bp"]["output"] == plane
