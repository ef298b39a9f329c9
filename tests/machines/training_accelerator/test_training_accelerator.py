"""The training accelerator on a small network, against matrix products tiled by plain loops."""

from math import ceil

import pytest
from training_network import BATCH, FC, GROUPS, LAYERS, training_network

import archsim
from archsim.machines.shared.machine import load_machine


@pytest.fixture(scope="module")
def workload(tmp_path_factory):
    return training_network(tmp_path_factory.mktemp("training"))


def product_cycles(m, depth, n, count=1, arrays=32):
    """Tiles of 4 x 4 dealt out to the arrays one by one, the faster operand held still."""
    held_left = count * len(range(0, m, 4)) * len(range(0, depth, 4))
    held_right = count * len(range(0, depth, 4)) * len(range(0, n, 4))
    return min(ceil(held_left / arrays) * (n + 4), ceil(held_right / arrays) * (m + 4))


def expected(layer):
    if layer[0] == "fc":
        _, _, c, k = layer
        taps, pixels, groups = 1, BATCH, 1
    else:
        _, _, c, k, size, kernel, stride, pad = layer
        groups = GROUPS.get(layer[0], 1)
        c, k = c // groups, k // groups
        pixels = BATCH * ((size[0] + 2 * pad - kernel) // stride + 1) ** 2
        taps = kernel**2
    phases = {"ff": product_cycles(k, c * taps, pixels, count=groups)}
    if layer[1]:
        phases["bp"] = product_cycles(c, k, pixels, count=taps * groups)
    phases["wg"] = product_cycles(k, pixels, c * taps, count=groups)
    return phases, groups * k * c * taps * pixels


@pytest.mark.parametrize("weights", ["dense", "smartdeal"])
def test_phases_keep_the_closed_form_and_all_multiplications(workload, weights):
    result = archsim.simulate(
        archsim.load_arch("training_accelerator", {"weights": weights}), workload
    )
    rows = {(row.name, row.phase): row for row in result.layers}
    for layer in [*LAYERS, FC]:
        cycles, macs = expected(layer)
        for phase, count in cycles.items():
            row = rows[layer[0], phase]
            assert (row.compute_cycles, row.macs, row.macs_done) == (count, macs, macs)
        assert rows[layer[0], "update"].macs == 0
        assert ((layer[0], "bp") in rows) == bool(layer[1])
    assert [row.name for row in result.layers] == sorted(row.name for row in result.layers)
    assert [row.phase for row in result.layers[:3]] == ["ff", "wg", "update"]


def test_vanilla_training_moves_bfloat16_weights(workload):
    plain = archsim.load_arch(
        "training_accelerator", {"weights": "dense", "pe_array.code_tile": None}
    )
    result = archsim.simulate(plain, workload)
    rows = {(row.name, row.phase): row for row in result.layers}
    weights, inputs, outputs = 13 * 10 * 9, BATCH * 10 * 81, BATCH * 13 * 25
    forward = rows["c2", "ff"].dram_bytes_by
    assert forward == {"input": 2 * inputs, "weight": 2 * weights, "output": 2 * outputs}
    backward = rows["c2", "bp"].dram_bytes_by
    assert backward == {"input": 2 * outputs, "weight": 2 * weights, "output": 2 * inputs}
    gradient = rows["c2", "wg"].dram_bytes_by
    assert gradient == {"input": 2 * inputs, "weight": 2 * outputs, "output": 2 * weights}
    update = rows["c2", "update"].dram_bytes_by
    assert update == {"input": 6 * weights, "weight": 0, "output": 4 * weights}


def test_coded_exponents_and_codes_move_less(workload):
    def dram(**overrides):
        arch = archsim.load_arch("training_accelerator", overrides)
        return archsim.simulate(arch, workload).dram_bytes

    raw = dram(weights="dense", **{"pe_array.code_tile": None})
    coded = dram(weights="dense")
    decomposed = dram(weights="smartdeal")
    assert decomposed < coded < raw


def test_decomposed_weights_take_a_bit_a_code_and_five_more_where_it_may_change(workload):
    result = archsim.simulate(archsim.load_arch("training_accelerator"), workload)
    rows = {row.phase: row for row in result.layers if row.name == "c2"}
    tensors = workload.tensors(workload.layer("c2"))
    coef, mask = tensors.need("coef"), tensors.need("mask")
    live, basis = int(mask.sum()), 13 * 9
    assert not coef[mask == 0].any()
    assert live > (coef != 0).sum()
    codes = ceil(coef.size / 8) + ceil(5 * live / 8)
    assert rows["ff"].dram_bytes_by["weight"] == codes + 2 * basis
    assert rows["wg"].dram_bytes_by["output"] == ceil(2 * live / 8) + 2 * basis
    counters = ceil(4 * live / 8)
    reads = codes + ceil(2 * live / 8) + counters + 6 * basis
    assert rows["update"].dram_bytes_by["input"] == reads
    assert rows["update"].dram_bytes_by["output"] == ceil(5 * live / 8) + counters + 4 * basis
    assert rows["ff"].actions["rebuild_engine"]["shift_add"] == int((coef != 0).sum()) * 3
    assert rows["update"].actions["pe_array"] == {"switch_update": live + basis, "mac": 6 * live}


def test_an_accumulated_signal_takes_five_bits_in_the_place_of_two_and_no_more_state(workload):
    """Of each code that may change, written by `wg` and read by the update."""

    def update(signal):
        arch = archsim.load_arch("training_accelerator", {"pe_array.signal": signal})
        rows = {row.phase: row for row in archsim.simulate(arch, workload).layers
                if row.name == "c2"}  # fmt: skip
        return rows["wg"], rows["update"]

    live = int(workload.tensors(workload.layer("c2")).need("mask").sum())
    (wrote, counted), (wrote_parts, added) = update("direction"), update("accumulate")
    more = ceil(5 * live / 8) - ceil(2 * live / 8)
    assert wrote_parts.dram_bytes_by["output"] - wrote.dram_bytes_by["output"] == more
    assert added.dram_bytes_by["input"] - counted.dram_bytes_by["input"] == more
    assert added.dram_bytes_by["output"] == counted.dram_bytes_by["output"]
    actions = counted.actions["pe_array"]
    assert added.actions["pe_array"] == {
        "accumulate_update": actions["switch_update"], "mac": actions["mac"]
    }  # fmt: skip


@pytest.mark.parametrize(("momentum", "master"), [(0, 0), (2, 0), (4, 4)])
def test_what_is_kept_beside_a_float_weight_is_read_and_written(workload, momentum, master):
    keys = {"pe_array.momentum_bytes": momentum, "pe_array.master_bytes": master}
    arch = archsim.load_arch("training_accelerator", {"weights": "dense", **keys})
    rows = {(row.name, row.phase): row for row in archsim.simulate(arch, workload).layers}
    weights = 13 * 10 * 9
    moved = rows["c2", "update"].dram_bytes_by
    assert moved["input"] == weights * (2 + max(2, master) + momentum)
    assert moved["output"] == weights * (2 + master + momentum)


BIG = (
    "format: archsim-workload/1\nname: big\ntask: training\nbatch: 64\n"
    "source: {made_by: a test}\nlayers:\n"
    "  - {name: c, op: conv, inputs: [], in_channels: 16, out_channels: 16, "
    "in_size: [16, 16], kernel: [1, 1], profile: {}}\n"
)


@pytest.mark.parametrize(("buffer_kb", "tiles"), [(192, 96), (8, 128), (4, 256)])
def test_a_streaming_product_is_cut_to_half_buffers(tmp_path, buffer_kb, tiles):
    """512 kB of inputs and of errors stream past the results: 96 tiles, more if half a buffer is
    less than a tile.
    """
    (tmp_path / "big.yaml").write_text(BIG)
    workload = archsim.load_workload(tmp_path / "big.yaml")
    keys = {"weights": "dense", "broadcast.banks": 1, "broadcast.bank_kbytes": buffer_kb}
    arch = archsim.load_arch("training_accelerator", keys)
    (layer,) = workload.layers
    phases = load_machine(arch).tiles(layer, workload.tensors(layer), arch)
    (gradient,) = (one for one in phases if one.phase == "wg")
    assert gradient.outputs.shape == (1, tiles)
    assert gradient.outputs[0, :-1].sum() == 0
    assert gradient.outputs[0, -1] == 16 * 16


def test_results_that_stay_on_chip_save_reads_and_change_no_cycle_of_the_array(tmp_path):
    """512 kB of inputs and of errors: held by operand, one of them is read again and again."""
    (tmp_path / "big.yaml").write_text(BIG)
    workload = archsim.load_workload(tmp_path / "big.yaml")
    found = {}
    for held in ("operands", "any"):
        keys = {"weights": "dense", "pe_array.held": held}
        result = archsim.simulate(archsim.load_arch("training_accelerator", keys), workload)
        found[held] = next(row for row in result.layers if row.phase == "wg")
    operand = 64 * 16 * 256 * 2
    blocks = ceil(operand / (12 * 16 * 1024))
    again = {"input": blocks * operand, "weight": operand, "output": 512}
    assert found["operands"].dram_bytes_by == again
    assert found["any"].dram_bytes_by == {"input": operand, "weight": operand, "output": 512}
    assert found["any"].compute_cycles == found["operands"].compute_cycles


def test_an_inference_machine_refuses_a_training_workload(workload):
    with pytest.raises(archsim.formats.errors.InputError, match="is a workload for training"):
        archsim.simulate(archsim.load_arch("diannao"), workload)


def test_skipping_dead_rows_makes_fewer_multiplications_and_moves_the_same_bytes(workload):
    plain = archsim.simulate(archsim.load_arch("training_accelerator"), workload)
    arch = archsim.load_arch("training_accelerator", {"pe_array.skip": "rows"})
    skipping = archsim.simulate(arch, workload)
    mask = workload.tensors(workload.layer("fc")).need("mask")
    assert (mask == 0).all(axis=-1).any()
    for before, after in zip(plain.layers, skipping.layers, strict=True):
        assert after.dram_bytes_by == before.dram_bytes_by
        assert after.macs == before.macs
        assert after.macs_done <= before.macs_done
        assert after.compute_cycles <= before.compute_cycles
    done = [sum(row.macs_done for row in result.layers) for result in (skipping, plain)]
    assert done[0] < done[1]
    dense = archsim.load_arch("training_accelerator", {"pe_array.skip": "rows", "weights": "dense"})
    assert sum(row.macs_done for row in archsim.simulate(dense, workload).layers) == done[1]
