"""What moving bytes does to the buffers on their way, by hand, and what it costs."""

import pytest
from tiny_networks import conv, network, run

import archsim
from archsim.results.energy import load_energy

# Inputs 8 * 6 * 6; results 16 * 4 * 4, 24 * 4 * 4, 8 * 4 * 4; weights 1152, 384, 192.
CHAIN = [
    conv("a", [], (8, 16), (6, 6)),
    conv("b", ["a"], (16, 24), (4, 4), kernel=(1, 1)),
    conv("c", ["b"], (24, 8), (4, 4), kernel=(1, 1)),
]


def test_a_result_that_stays_is_written_where_the_next_layer_reads_it(tmp_path):
    """It passes the output buffer, is written into the input buffer, and meets no DRAM."""
    kept = run("diannao", network(tmp_path, *CHAIN), {"interlayer": "keep_if_fits"})
    spilled = run("diannao", network(tmp_path, *CHAIN))
    found = {one.name: one.actions for one in kept.layers}
    assert [found[name]["nbin"].get("write", 0) for name in "abc"] == [288 + 256, 384, 0]
    assert [found[name]["nbout"] for name in "abc"] == [
        {"write": nbytes, "read": nbytes} for nbytes in (256, 384, 128)
    ]
    assert [found[name]["dram"] for name in "abc"] == [
        {"read": 288 + 1152},
        {"read": 384},
        {"read": 192, "write": 128},
    ]
    for layer, other in zip(kept.layers, spilled.layers, strict=True):
        assert layer.actions["nbin"]["read"] == other.actions["nbin"]["read"]


def two_buffers(folder):
    """DianNao with a second buffer on the way of the weights, and one on that of the results."""
    text = archsim.load_arch("diannao").path.read_text()
    for old, new in (
        ("[dram, dma, sb, nfu]", "[dram, dma, far, sb, nfu]"),
        ("[nfu, post, nbout, dma, dram]", "[nfu, post, nbout, last, dma, dram]"),
        (
            "components:\n",
            "components:\n"
            "  far: {class: GlobalBuffer, banks: 4, bank_kbytes: 64, bytes_per_cycle: 64}\n"
            "  last: {class: GlobalBuffer, banks: 1, bank_kbytes: 4, bytes_per_cycle: 64}\n",
        ),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = folder / "two_buffers.yaml"
    path.write_text(text)
    return archsim.load_arch(path)


def test_a_buffer_on_the_way_is_written_and_read(tmp_path):
    """The rule counts what the array reads of the last buffer; the one before it is read to fill
    the last."""
    arch = two_buffers(tmp_path)
    found = archsim.simulate(arch, network(tmp_path, *CHAIN)).layers
    plain = run("diannao", network(tmp_path, *CHAIN)).layers
    sram = load_energy(*arch.energy_paths).sram
    for layer, other, weights, made in zip(
        found, plain, (1152, 384, 192), (256, 384, 128), strict=True
    ):
        assert layer.actions["far"] == {"write": weights, "read": weights}
        assert layer.actions["last"] == {"write": made, "read": made}
        assert layer.energy_by["far"] == pytest.approx(2 * weights * sram.pj_per_byte(64))
        assert layer.energy_by["last"] == pytest.approx(2 * made * sram.pj_per_byte(4))
        assert layer.actions["sb"] == other.actions["sb"]
        assert layer.actions["nbout"] == other.actions["nbout"]
        assert layer.dram_bytes_by == other.dram_bytes_by
        assert layer.sram_bytes == other.sram_bytes + 2 * weights + 2 * made
