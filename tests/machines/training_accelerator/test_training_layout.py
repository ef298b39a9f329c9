"""Tiles of the training accelerator: cut by what its buffers hold, and never refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim.machines.shared.machine import load_machine, share_of, storage_of
from archsim.machines.training_accelerator.layout import MOST, in_step

HEAD = (
    "format: archsim-workload/1\nname: {name}\ntask: training\nbatch: {batch}\n"
    "source: {{made_by: a test}}\nlayers:\n"
)
LIVE = "profile: {weight: {live: 1, values: [1]}}"


def conv(name, inputs, channels, size, kernel, *, stride=1, groups=1):
    return (
        f"  - {{name: {name}, op: conv, inputs: {inputs}, in_channels: {channels[0]}, "
        f"out_channels: {channels[1]}, in_size: [{size}, {size}], kernel: [{kernel}, {kernel}], "
        f"stride: [{stride}, {stride}], padding: [{kernel // 2}, {kernel // 2}], "
        f"groups: {groups}, {LIVE}}}\n"
    )


def linear(name, inputs, channels):
    return (
        f"  - {{name: {name}, op: linear, inputs: {inputs}, in_channels: {channels[0]}, "
        f"out_channels: {channels[1]}, {LIVE}}}\n"
    )


LARGE = (
    conv("stem", "[]", (3, 32), 224, 3, stride=2)
    + conv("wise", "[stem]", (32, 32), 112, 3, groups=32)
    + conv("point", "[wise]", (32, 16), 112, 1)
)
SMALL = (
    conv("first", "[]", (3, 16), 16, 3)
    + conv("wise", "[first]", (16, 16), 16, 3, groups=16)
    + conv("point", "[wise]", (16, 24), 16, 1, stride=2)
    + linear("last", "[point]", (24 * 64, 10))
)


def loaded(folder, text, batch):
    (folder / "net.yaml").write_text(HEAD.format(name="net", batch=batch) + text)
    return archsim.load_workload(folder / "net.yaml").drawn()


def phases_of(workload, arch):
    rule = load_machine(arch)
    for layer in workload.layers:
        for tiles in rule.tiles(layer, workload.tensors(layer), arch):
            yield layer, tiles


def rooms(arch):
    return {flow: share_of(arch, storage_of(arch, flow)) for flow in ("input", "weight", "output")}


@pytest.mark.parametrize("batch", [1, 16, 256])
@pytest.mark.parametrize("keys", [{}, {"output_buffer.banks": 1, "broadcast.bank_kbytes": 1}])
def test_no_tile_moves_more_than_half_a_buffer(tmp_path, batch, keys):
    """Counted from the bytes of the layer and the number of tiles, flow by flow."""
    arch = archsim.load_arch("training_accelerator", {"weights": "dense", **keys})
    room = rooms(arch)
    for layer, tiles in phases_of(loaded(tmp_path, LARGE, batch), arch):
        groups, columns = tiles.outputs.shape
        assert tiles.coarse == 1 or tiles.outputs.size >= MOST - groups
        for flow, nbytes in tiles.moving.items():
            assert nbytes / columns <= room[flow] / 2 * tiles.coarse
        for flow, by_group in tiles.stationary.items():
            assert by_group.max() <= room[flow] // 2 + 1
        if tiles.phase in {"ff", "bp"} and (tiles.outputs > 0).all():
            assert 2 * (tiles.outputs.max() - 1) <= room["output"] / 2 * tiles.coarse
        if tiles.phase == "ff":
            assert tiles.outputs.sum() == layer.output_elements * batch


def test_steps_that_stand_for_several_overlap_as_those_do(tmp_path):
    """The same network in steps of one, two and four half buffers: were the buffers not as much
    larger, a step would find no room beside the one before (3.3 instead of 2.4 million cycles).
    """
    arch = archsim.load_arch("training_accelerator", {"weights": "dense"})
    workload = loaded(tmp_path, LARGE, 8)
    usual, *coarse = (
        archsim.simulate(arch, workload, step_scale=scale).cycles for scale in (1.0, 2.0, 4.0)
    )
    assert coarse == [pytest.approx(usual, rel=0.02)] * 2


@pytest.mark.slow
def test_what_a_large_batch_makes_is_run(tmp_path):
    """MobileNetV2's first layers at a batch of 256: 205 MB of results pass 64 KB. Time per sample
    is that of a smaller batch, whose steps are as long as buffers allow.
    """
    arch = archsim.load_arch("training_accelerator", {"weights": "dense"})
    few, many = (archsim.simulate(arch, loaded(tmp_path, LARGE, batch)) for batch in (32, 256))
    assert not any("steps of up to" in note for note in few.notes)
    assert any("steps of up to" in note for note in many.notes)
    assert many.cycles == pytest.approx(8 * few.cycles, rel=0.01)
    assert sum(row.macs for row in many.layers) == 8 * sum(row.macs for row in few.layers)


def test_tables_of_the_largest_batch_stay_small_and_exact(tmp_path):
    """65 536 samples: 3 * 10^10 results of the stem alone."""
    batch = 65_536
    arch = archsim.load_arch("training_accelerator", {"weights": "dense"})
    for layer, tiles in phases_of(loaded(tmp_path, LARGE, batch), arch):
        assert tiles.outputs.size <= MOST
        assert (tiles.outputs >= 0).all()
        if tiles.phase == "ff":
            assert int(tiles.outputs.sum()) == layer.output_elements * batch
        spent = tiles.busy["pe_array"] + sum(tiles.lost["pe_array"].values())
        assert spent == int(tiles.limited.sum()) * tiles.instances["pe_array"]
    assert max(tiles.coarse for _, tiles in phases_of(loaded(tmp_path, LARGE, batch), arch)) > 50


def test_the_smallest_output_buffer_runs(tmp_path):
    """A kilobyte holds one row of one channel and little more."""
    keys = {"output_buffer.banks": 1, "output_buffer.bank_kbytes": 1, "weights": "dense"}
    arch = archsim.load_arch("training_accelerator", keys)
    result = archsim.simulate(arch, loaded(tmp_path, SMALL, 4))
    made = 2 * 4 * 16 * 16 * 16
    forward = next(row for row in result.layers if (row.name, row.phase) == ("wise", "ff"))
    assert forward.dram_bytes_by["output"] == made


def test_wide_rows_of_many_channels_spill_no_partial_sums(tmp_path):
    """Three rows of 33 pixels of 2048 channels exceed 192 KB, but a product has no window: bytes
    are those of inputs, weights and results, two each.
    """
    text = conv("wide", "[]", (2048, 16), 33, 3)
    arch = archsim.load_arch("training_accelerator", {"weights": "dense"})
    result = archsim.simulate(arch, loaded(tmp_path, text, 1))
    inputs, weights, made = 2048 * 33 * 33, 2048 * 16 * 9, 16 * 33 * 33
    rows = {row.phase: row.dram_bytes_by for row in result.layers}
    assert all("psum" not in moved for moved in rows.values())
    assert rows["wg"] == {"input": 2 * inputs, "weight": 2 * made, "output": 2 * weights}
    assert rows["update"] == {"input": 6 * weights, "weight": 0, "output": 4 * weights}


def test_an_update_is_cut_by_the_buffers_too(tmp_path):
    """Six bytes of each of 4096 * 4096 weights are read: 1024 half buffers of 96 KB."""
    text = linear("wide", "[]", (4096, 4096))
    arch = archsim.load_arch("training_accelerator", {"weights": "dense"})
    (update,) = (
        tiles for _, tiles in phases_of(loaded(tmp_path, text, 1), arch) if tiles.phase == "update"
    )
    assert update.outputs.size == max(6 * 4096 * 4096 // 98_304, 4 * 4096 * 4096 // 32_768)
    assert update.outputs.sum() == 4096 * 4096


@settings(max_examples=80)
@given(parts=st.lists(st.integers(0, 10**6), min_size=1, max_size=40), share=st.floats(0, 1))
def test_a_component_beside_the_array_never_outlasts_its_tile(parts, share):
    limited = np.array([parts], np.int64)
    total = int(limited.sum() * share)
    found = in_step(limited, total)
    assert found.sum() == total
    assert ((found >= 0) & (found <= limited)).all()


def test_sums_beyond_64_bits_are_shared_out_exactly():
    found = in_step(np.full((1, 1000), 10**13, np.int64), 10**15 + 7)
    assert int(found.sum()) == 10**15 + 7
    assert found.min() >= 0


@pytest.mark.parametrize("width", [4, 16, 64])
def test_a_narrow_buffer_is_read_for_as_long_as_its_bytes_take(tmp_path, width):
    """By hand: 32 filters of 32 channels are 8 x 8 tiles, two waves; each needs four of the eight
    blocks of four channels, once for all arrays, and 1024 columns pass: 2 x 16 x 1024 values.
    """
    text = conv("point", "[]", (32, 32), 16, 1)
    keys = {"weights": "dense", "broadcast.bytes_per_cycle": width}
    workload = loaded(tmp_path, text, 4)
    forward = next(
        tiles
        for _, tiles in phases_of(workload, archsim.load_arch("training_accelerator", keys))
        if tiles.phase == "ff"
    )
    nbytes = 2 * 16 * 1024 * 2
    assert forward.actions["broadcast"]["read"] == nbytes
    assert forward.limited.sum() == max(2 * (1024 + 4), nbytes // width)
    alone = archsim.load_arch("training_accelerator", {**keys, "pe_array.multicast": False})
    forward = next(tiles for _, tiles in phases_of(workload, alone) if tiles.phase == "ff")
    assert forward.actions["broadcast"]["read"] == 8 * nbytes


WIDER = [
    ("dram", "bytes_per_cycle"),
    ("dma", "bytes_per_cycle"),
    *[(part, key) for part in ("broadcast", "output_buffer") for key in ("banks", "slots")],
    ("broadcast", "bytes_per_cycle"),
    ("output_buffer", "bytes_per_cycle"),
    ("post", "elements_per_cycle"),
]


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_more_of_a_component_makes_no_step_longer(tmp_path, batch):
    workload = loaded(tmp_path, SMALL, batch)
    usual = archsim.load_arch("training_accelerator", {"weights": "dense"})
    cycles = archsim.simulate(usual, workload).cycles
    for part, key in WIDER:
        twice = 2 * usual.resolved["components"][part][key]
        keys = {"weights": "dense", f"{part}.{key}": twice}
        found = archsim.simulate(archsim.load_arch("training_accelerator", keys), workload)
        assert found.cycles <= 1.01 * cycles, f"{part}.{key} = {twice}"
