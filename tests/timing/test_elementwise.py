"""Element-wise layers on their own, and buffers that hardly hold a layer."""

from itertools import product

import numpy as np
import pytest
from tiny_networks import conv, network, post, run

import archsim
from archsim.arch.component import Kind
from archsim.formats.errors import InputError
from archsim.formats.search import names
from archsim.timing.entries import MAX_VISITS, batched

MACHINES = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
PYRAMID = [
    conv("a", [], (64, 64), (20, 20), padding=[1, 1]),
    conv("lateral", ["a"], (64, 64), (20, 20), padding=[1, 1]),
    post("up", "resize", ["lateral"], out_size=[40, 40]),
    conv("head", ["lateral"], (64, 64), (20, 20), padding=[1, 1]),
]
MAP = 64 * 32 * 32


def late(op):
    """The last operand of `last` has two readers, so that it cannot be fused."""
    return [
        conv("a", [], (64, 64), (32, 32), kernel=(1, 1)),
        conv("b", ["a"], (64, 64), (32, 32), kernel=(1, 1)),
        post("last", op, ["a", "b"]),
        conv("c", ["b"], (64, 8), (32, 32), kernel=(1, 1)),
    ]


@pytest.mark.parametrize("arch", MACHINES)
@pytest.mark.parametrize("width", [1, 64])
def test_waiting_for_room_is_counted_once(tmp_path, arch, width):
    """A resize makes four results of each input: its output rate binds, and the array, which has
    nothing to do, waits between its steps at most as long as the layer lasts.
    """
    result = run(arch, network(tmp_path, *PYRAMID), {"dram.bytes_per_cycle": width})
    compute = archsim.load_arch(arch).compute
    (up,) = (layer for layer in result.layers if layer.name == "up")
    alone = 4 * 64 * 20 * 20 / width  # its results on their way out
    assert up.cycles >= 0.9 * alone
    waited = sum(up.lost.get(compute, {}).values()) / result.instances[compute]
    assert up.busy.get(compute, 0) == 0
    assert waited <= up.cycles + alone / 8


@pytest.mark.parametrize(
    ("op", "results"), [("add", MAP), ("mul", MAP), ("concat", 2 * MAP)], ids=str
)
def test_an_elementwise_layer_on_its_own_reads_all_its_operands(tmp_path, op, results):
    """Two maps in, one or, of concat, two out; each byte into NBin once, and DRAM carries it."""
    found = run("diannao", network(tmp_path, *late(op)))
    (layer,) = (one for one in found.layers if one.name == "last")
    assert layer.dram_bytes_by == {"input": 2 * MAP, "weight": 0, "output": results}
    assert layer.actions["nbin"] == {"read": 2 * MAP, "write": 2 * MAP}
    assert layer.cycles >= (2 * MAP + results) / 64


def test_an_operand_that_comes_twice_is_read_once(tmp_path):
    layers = [*late("add")[:2], post("last", "add", ["b", "b"]), late("add")[3]]
    (layer,) = (
        one for one in run("diannao", network(tmp_path, *layers)).layers if one.name == "last"
    )
    assert layer.dram_bytes_by["input"] == MAP


def test_a_fused_one_takes_the_last_as_it_comes(tmp_path):
    (layer,) = (
        one
        for one in run("diannao", network(tmp_path, *late("add")[:3])).layers
        if one.name == "last"
    )
    assert layer.dram_bytes_by["input"] == MAP


@pytest.mark.parametrize("arch", names("archs"))
def test_buffers_are_filled_and_emptied_as_fast_as_dram_brings(arch):
    """What the array reads per cycle says nothing about how fast the other side is filled."""
    machine = archsim.load_arch(arch)
    carried = min(
        part.bytes_per_cycle
        for part in machine.components.values()
        if part.kind in set[Kind]({"off_chip", "mover"})
    )
    for flow in machine.flows.values():
        for name in flow.path:
            part = machine.components[name]
            if part.kind == "storage":
                many = np.array([10**6])
                outbound = flow.path[0] == machine.compute
                cycles = part.move_cycles(many) if outbound else part.cycles_to_fill(many)
                assert cycles <= np.ceil(many / carried), (arch, name)


def test_fill_and_read_widths_are_two_keys(tmp_path):
    """A read of 16 bytes per cycle, filled with 64: loads pass at DRAM's width."""
    layers = [conv("a", [], (256, 4), (16, 16), kernel=(1, 1))]
    workload = network(tmp_path, *layers)
    narrow = run("diannao", workload, {"nbin.fill_bytes_per_cycle": 1})
    usual = run("diannao", workload)
    assert narrow.layers[0].busy["nbin"] - usual.layers[0].busy["nbin"] == pytest.approx(
        256 * 256 * (1 - 1 / 64), rel=0.01
    )


@pytest.mark.parametrize("arch", MACHINES)
@pytest.mark.parametrize("batch", [1, pytest.param(64, marks=pytest.mark.slow)])
def test_large_maps_are_cut_by_the_buffer(tmp_path, arch, batch):
    """One part in 96 of these results is more than any output buffer holds."""
    layers = [
        conv("a", [], (3, 16), (56, 56), kernel=(1, 1)),
        conv("b", ["a"], (16, 4), (56, 56), kernel=(1, 1)),
        post("both", "concat", ["a", "b"]),
        post("up", "resize", ["both"], out_size=[112, 112]),
        conv("c", ["both"], (20, 4), (56, 56), kernel=(1, 1)),
    ]
    result = run(arch, network(tmp_path, *layers, batch=batch))
    up = next(one for one in result.layers if one.name == "up")
    assert up.actions["post"]["element"] == 20 * 112 * 112 * batch


@pytest.mark.parametrize(("arch", "kernel"), list(product(MACHINES, [(1, 1), (3, 3)])))
def test_what_is_legal_runs_while_one_row_of_one_channel_fits(tmp_path, arch, kernel):
    """64 bytes for inputs and results: a row of 48, of 10 channels."""
    machine = archsim.load_arch(arch)
    keys = {}
    for flow in ("input", "output"):
        for name in machine.flows[flow].path:
            if machine.components[name].kind == "storage":
                keys |= {f"{name}.banks": 1, f"{name}.count": 1, f"{name}.bank_kbytes": 1 / 16}
    if arch == "scnn":
        keys |= {f"{name}.count": 64 for name in ("iaram", "oaram")}
        keys |= {f"{name}.bank_kbytes": 1 / 64 for name in ("iaram", "oaram")}
    layer = conv("a", [], (10, 8), (3, 48), kernel=kernel, padding=[kernel[0] // 2] * 2)
    result = run(arch, network(tmp_path, layer), keys)
    assert result.layers[0].macs_done > 0
    if arch == "diannao":
        # Six columns of ten channels fit under one row, three rows of four columns in two passes.
        spilled = {1: 0, 3: 2 * 3 * (2 - 1) * 8 * 3 * 48}[kernel[0]]
        assert result.layers[0].dram_bytes_by.get("psum", 0) == spilled


def test_a_row_that_does_not_fit_is_refused_with_its_size(tmp_path):
    layer = conv("a", [], (4, 4), (6, 170), kernel=(1, 3), dilation=[1, 40])
    keys = {"nbin.banks": 1, "nbin.bank_kbytes": 1 / 16}
    with pytest.raises(InputError, match="nbin holds 64 bytes, and one row of one channel under"):
        run("diannao", network(tmp_path, layer), keys)


def test_a_large_batch_is_what_its_samples_make(tmp_path):
    """Neighbouring tiles become one: their sums are those of the samples, however many."""
    from archsim.machines.shared.tables import tables_of

    workload = network(tmp_path, conv("a", [], (16, 80), (30, 30), padding=[1, 1]))
    arch = archsim.load_arch("diannao")
    (one,) = tables_of(arch, workload, None).phases["a"]
    for batch in (2, 7, 1000, 65_536):
        many = batched(one, batch)
        groups, columns = many.cycles.shape
        assert groups * columns <= max(MAX_VISITS, one.cycles.size * 2)
        np.testing.assert_array_equal(many.cycles.sum(axis=1), batch * one.cycles.sum(axis=1))
        np.testing.assert_array_equal(many.outputs.sum(axis=1), batch * one.outputs.sum(axis=1))
        if one.cycles.shape[1] * batch == columns:
            np.testing.assert_array_equal(many.limited, np.tile(one.limited, batch))
