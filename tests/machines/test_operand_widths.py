"""Operands of 4, 8 and 16 bits on every machine: bytes in closed form, refusals, and the digits of
16-bit activations."""

from math import ceil

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from small_layers import Arrays
from small_layers import conv as layer_of
from tiny_networks import conv, linear, network, post, residual, run, write

import archsim
from archsim.formats.errors import InputError
from archsim.formats.search import names
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

MACHINES = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
DENSE = ("diannao", "systolic", "bit_pragmatic")
WIDTHS = [(a, w) for a in (4, 8, 16) for w in (4, 8, 16)]


def widths(activations, weights):
    return {"activation_bits": activations, "weight_bits": weights}


def table(machine, layer, arrays, bits, **keys):
    arch = archsim.load_arch(machine, {**widths(*bits), **keys})
    (found,) = load_machine(arch).tiles(layer, Arrays(layer, **arrays), arch)
    check_tiles(layer, found, 1)
    return found


def ones(layer):
    """Arrays without a zero, so that no sparse format needs a filler."""
    return {
        "input": np.ones(layer.input_shape(), np.int8),
        "weight": np.ones(layer.weight_shape(), np.int8),
        "pruned": np.ones(layer.weight_shape(), np.int8),
    }


ODD = layer_of(5, 7, (9, 11), (3, 3), padding=(1, 1, 1, 1))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("machine", DENSE)
def test_dense_bytes_in_closed_form(machine, bits):
    """A sample's inputs and a group's weights end with a whole byte: 5 x 9 x 11 inputs, 7 filters
    of 45 weights in one group."""
    found = table(machine, ODD, ones(ODD), bits)
    assert found.moving["input"] == ceil(5 * 9 * 11 * bits[0] / 8)
    assert found.stationary["weight"].tolist() == [ceil(7 * 45 * bits[1] / 8)]
    # A cut brings two rows of all channels again.
    assert found.halo_bytes == ceil(2 * 11 * 5 * bits[0] / 8)


@pytest.mark.parametrize("bits", WIDTHS)
def test_sparse_entries_carry_their_index(bits):
    """Without zeros SCNN and Cambricon-X store every value once, with 4 bits of run or step."""
    for machine in ("scnn", "cambricon_x"):
        found = table(machine, ODD, ones(ODD), bits)
        entries = int(found.stationary["weight"].sum())
        parts = len(found.stationary["weight"])
        least = 7 * 45 * (bits[1] + 4) / 8
        # SCNN cuts a filter group into parts of whole bytes.
        assert least <= entries < least + parts
    scnn = table("scnn", ODD, ones(ODD), bits)
    assert scnn.moving["input"] == ceil(5 * 9 * 11 * (bits[0] + 4) / 8)
    dense = table("cambricon_x", ODD, ones(ODD), bits)
    assert dense.moving["input"] == ceil(5 * 9 * 11 * bits[0] / 8)


@pytest.mark.parametrize("bits", WIDTHS)
def test_smartdeal_keeps_its_basis_and_widens_the_rest(bits):
    raw = {name: array for name, array in ones(ODD).items() if name != "pruned"}
    found = table("smartdeal", ODD, raw, bits)
    assert int(found.stationary["weight"].sum()) == ceil(7 * 45 * bits[1] / 8)
    assert found.moving["input"] == ceil(5 * 9 * 11 * bits[0] / 8)
    coded = {
        "input": raw["input"], "coef": np.ones(ODD.coef_shape(), np.int8),
        "basis": np.ones((7, 1, 3, 3), np.int8), "basis_scale": np.ones((7, 1), np.float32),
    }  # fmt: skip
    found = table("smartdeal", ODD, coded, bits)
    # A bit per code of one symbol, its table of 5 bits, 9 entries of 8 bits and a scale of 16.
    assert int(found.stationary["weight"].sum()) == ceil((7 * 45 + 5 + 7 * (72 + 16)) / 8)


@pytest.mark.parametrize(
    ("bits", "nbytes"),
    [
        ((8, 8), 3),
        ((4, 4), 3),
        ((4, 8), 3),
        ((16, 4), 4),
        ((16, 8), 4),
        ((8, 16), 4),
        ((16, 16), 5),
    ],
)
def test_partial_sums_hold_a_product_and_eight_bits(bits, nbytes):
    """24 bits of 8 by 8: 8 more than the product; a narrower machine keeps 24."""
    found = table("diannao", ODD, ones(ODD), bits)
    # 9 taps, one step of channels, 7 partial sums, each read and written.
    assert found.actions["nfu"]["psum_access"] == 99 * 9 * 7 * 2 * nbytes


@pytest.mark.parametrize("bits", WIDTHS)
def test_an_array_reads_operands_at_their_width(bits):
    found = table("diannao", ODD, ones(ODD), bits, **{"nfu.inputs": 3, "nfu.outputs": 5})
    tiles = found.cycles[0].tolist()
    groups = len(found.cycles)
    assert found.actions["nbin"]["read"] == groups * sum(ceil(t * 3 * bits[0] / 8) for t in tiles)
    assert found.actions["sb"]["read"] == groups * sum(ceil(t * 15 * bits[1] / 8) for t in tiles)
    # SB gives 1024 bytes per cycle, NBin 16: as many cycles as that takes, or the array's own.
    for flow, per_cycle in (("nbin", 16), ("sb", 1024)):
        bits_of, operands = (bits[0], 3) if flow == "nbin" else (bits[1], 15)
        wanted = [ceil(ceil(t * operands * bits_of / 8) / per_cycle) for t in tiles]
        assert found.side[flow][0].tolist() == wanted


@pytest.mark.parametrize("dataflow", ["output_stationary", "weight_stationary"])
def test_systolic_operands_by_hand(dataflow):
    """1x1, 4 channels to 4 filters on 2 x 3 pixels: 96 multiplications in one fold."""
    layer = layer_of(4, 4, (2, 3), (1, 1))
    found = table("systolic", layer, {}, (16, 4), **{"array.dataflow": dataflow})
    passed = 0 if dataflow == "output_stationary" else 4 * 4 * 4
    weights = 2 * 96 if dataflow == "output_stationary" else 96 + passed
    wanted = 2 * 96 * 2 + weights // 2
    assert found.actions["array"]["operand_access"] == wanted


@pytest.mark.parametrize("machine", MACHINES)
def test_all_layers_run_at_every_width_that_fits(tmp_path, machine):
    workload = network(tmp_path, *residual())
    plain = run(machine, workload)
    for bits in ((16, 8), (8, 16)):
        wide = run(machine, workload, widths(*bits))
        # SmartDeal's weights are codes and bases, which have their own widths.
        moves_more = machine != "smartdeal" or bits[0] > 8
        assert wide.dram_bytes - plain.dram_bytes > 0 or not moves_more
        assert wide.energy_pj > plain.energy_pj
        assert f"activations of {bits[0]} bits, weights of {bits[1]}" in "\n".join(wide.notes)
        said = wide.to_dict()["arch_resolved"]
        assert [said.get(key, 8) for key in widths(0, 0)] == [*bits]


@pytest.mark.parametrize("machine", ["diannao", "systolic"])
def test_a_dense_network_of_twice_the_width_moves_twice_the_bytes(tmp_path, machine):
    """In buffers that hold everything; operands that element-wise layers read included."""
    workload = network(tmp_path, *residual(), batch=3)
    plain, wide = run(machine, workload), run(machine, workload, widths(16, 16))
    assert [2 * row.dram_bytes for row in plain.layers] == [row.dram_bytes for row in wide.layers]


def narrow_network(folder, bits, entries, largest):
    """A workload of so many bits whose tensors stay below `largest`."""
    path = write(folder, entries)
    header = yaml.safe_load(path.read_text()) | dict(zip(widths(0, 0), bits, strict=True))
    rng = np.random.default_rng(1)
    arrays = {}
    for entry in entries:
        if entry["op"] in {"conv", "linear"}:
            shape = (entry["in_channels"], *entry.get("in_size", ()))
            kernel = (entry["out_channels"], entry["in_channels"], *entry.get("kernel", ()))
            for what, size in (("input", shape), ("weight", kernel), ("pruned", kernel)):
                arrays[f"{entry['name']}/{what}"] = rng.integers(-largest, largest, size, np.int8)
    save_file(arrays, folder / "tiny.safetensors")
    path.write_text(yaml.safe_dump(header))
    return archsim.load_workload(path)


ENTRIES = [
    conv("a", [], (3, 5), (7, 7), padding=[1, 1]),
    conv("b", ["a"], (5, 5), (7, 7), padding=[1, 1]),
    post("sum", "add", ["a", "b"]),
    post("pool", "pool", ["sum"], kind="avg", **{"global": True}),
    linear("fc", ["pool"], (5, 3)),
]


@pytest.mark.parametrize("machine", MACHINES)
def test_four_bits_are_packed_and_end_with_a_byte(tmp_path, machine):
    """5 x 7 x 7 results of 4 bits are 123 bytes of a sample, 3 of the classifier 2."""
    workload = narrow_network(tmp_path, (4, 4), ENTRIES, 8)
    result = run(machine, workload.of_batch(2), widths(4, 4))
    rows = {row.name: row for row in result.layers}
    if machine != "scnn":
        assert rows["a"].dram_bytes_by["output"] == 2 * ceil(5 * 49 / 2)
        assert rows["b"].dram_bytes_by["input"] == 2 * ceil(5 * 49 / 2)
        assert rows["sum"].dram_bytes_by["input"] == 2 * ceil(5 * 49 / 2)
    assert rows["fc"].dram_bytes_by["output"] == 2 * 2
    assert result.energy_pj < run(machine, workload.of_batch(2)).energy_pj


def test_narrow_values_on_a_wide_machine_are_stored_at_its_width(tmp_path):
    workload = narrow_network(tmp_path, (4, 4), ENTRIES, 8)
    rows = {row.name: row for row in run("diannao", workload, widths(16, 8)).layers}
    assert rows["a"].dram_bytes_by == {"input": 2 * 3 * 49, "weight": 135, "output": 2 * 5 * 49}


@pytest.mark.parametrize("key", ["activation_bits", "weight_bits"])
def test_a_layer_wider_than_the_machine_is_refused_by_name(tmp_path, key):
    entries = [dict(ENTRIES[0]), dict(ENTRIES[1], **{key: 16})]
    workload = network(tmp_path, *entries)
    with pytest.raises(InputError) as error:
        run("diannao", workload)
    (problem,) = error.value.problems
    assert "layer 'b'" in problem.message
    assert "the machine DianNao" in problem.message
    assert f"{key} 16" in problem.message
    assert ":1" in problem.place
    other = {"activation_bits": "weight_bits", "weight_bits": "activation_bits"}[key]
    with pytest.raises(InputError, match=f"has {key} 16"):
        run("diannao", workload, {other: 16})
    assert run("diannao", workload, {key: 16}).cycles


def test_training_takes_its_own_width_alone():
    from archsim.runs.probe import probe

    arch = archsim.load_arch("training_accelerator", {"activation_bits": 16})
    with pytest.raises(InputError, match="'training_accelerator' takes activation_bits of 8 alone"):
        probe(arch)


def test_a_rule_that_does_not_say_takes_eight_bits_alone(tmp_path, monkeypatch):
    """Its bytes would be those of 8 bits, without a word."""
    rule = (tmp_path / "mine.py", tmp_path / "mine.yaml")
    rule[0].write_text("from archsim.machines.diannao import FLOWS, Nfu, tiles\n")
    text = archsim.load_arch("diannao").path.read_text(encoding="utf-8")
    rule[1].write_text(text.replace("machine: diannao", "machine: mine"))
    monkeypatch.setenv("ARCHSIM_MACHINES", str(tmp_path))
    workload = network(tmp_path, ENTRIES[0])
    assert run(rule[1], workload).cycles
    with pytest.raises(InputError, match="'mine' takes weight_bits of 8 alone"):
        run(rule[1], workload, {"weight_bits": 16})


def test_results_of_eight_bits_do_not_say_it(tmp_path):
    """Files of before stay as they were, and read back they say it."""
    workload = network(tmp_path, ENTRIES[0])
    result = run("diannao", workload)
    said = run("diannao", workload, widths(8, 8))
    assert "activation_bits" not in result.to_dict()["arch_resolved"]
    assert result.arch_hash == said.arch_hash
    assert archsim.results.result.Result.from_dict(result.to_dict()).arch_resolved == (
        archsim.load_arch("diannao").resolved
    )
    assert run("diannao", workload, widths(16, 8)).arch_hash != said.arch_hash
