"""DianNao against its closed form, and against a loop that fills its multipliers cycle by cycle."""

from itertools import product
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv, linear

import archsim
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

# Compute cycles of DNNsim's DaDianNao model, the same array of 16 inputs and 64 outputs.
DNNSIM = [
    (conv(64, 64, (56, 56), (3, 3), padding=(1, 1, 1, 1)), 112_896),
    (conv(256, 64, (56, 56), (1, 1)), 50_176),
]


def table(layer, **keys):
    arch = archsim.load_arch(
        "diannao", {key.replace("__", "."): value for key, value in keys.items()}
    )
    (found,) = load_machine(arch).tiles(layer, Arrays(layer), arch)
    check_tiles(layer, found, 1)
    return found


@pytest.mark.parametrize(("layer", "cycles"), DNNSIM)
def test_cycles_are_those_of_dnnsim(layer, cycles):
    assert table(layer).compute_cycles == cycles


def blocks(count, width):
    return [range(first, min(first + width, count)) for first in range(0, count, width)]


def play(layer, inputs, outputs):
    """(cycles, multiplications, additions to partial sums) of an array that takes `inputs` x
    `outputs` at most each cycle.
    """
    cycles = macs = sums = 0
    window = layer.kernel[0] * layer.kernel[1]
    for _ in range(layer.positions * layer.out_size[0] * layer.out_size[1] * window):
        if layer.kind == "depthwise":
            for block in blocks(layer.in_channels, min(inputs, outputs)):
                cycles, macs, sums = cycles + 1, macs + len(block), sums + len(block)
            continue
        for _ in range(layer.groups):
            for seen, made in product(
                blocks(layer.in_channels // layer.groups, inputs),
                blocks(layer.out_channels // layer.groups, outputs),
            ):
                cycles, macs = cycles + 1, macs + len(seen) * len(made)
                sums += len(made)
    return cycles, macs, sums


@st.composite
def layers(draw):
    kind = draw(st.sampled_from(["conv", "grouped", "depthwise", "linear"]))
    if kind == "linear":
        positions = draw(st.sampled_from([1, 4]))
        return linear(draw(st.integers(1, 90)), draw(st.integers(1, 150)), positions)
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    size = (draw(st.integers(3, 6)), draw(st.integers(3, 9)))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    groups = {"conv": 1, "grouped": 3}.get(kind, draw(st.integers(2, 40)))
    each = (1, 1)
    if kind != "depthwise":
        each = (draw(st.integers(1, 40)), draw(st.integers(1, 150)))
    return conv(each[0] * groups, each[1] * groups, size, kernel, stride=stride, groups=groups)


@settings(max_examples=50)
@given(layers(), st.sampled_from([(16, 64), (32, 32), (8, 5)]))
def test_cycles_and_accesses_are_those_of_the_loop(layer, array):
    inputs, outputs = array
    found = table(layer, nfu__inputs=inputs, nfu__outputs=outputs)
    cycles, macs, sums = play(layer, inputs, outputs)
    assert (found.compute_cycles, found.macs_done, found.macs_skipped) == (cycles, macs, 0)
    lanes, trees = (inputs, outputs) if layer.kind != "depthwise" else (min(array), 1)
    assert found.actions == {
        "nbin": {"read": cycles * lanes},
        "sb": {"read": cycles * lanes * trees},
        "nfu": {"mac": macs, "psum_access": sums * (3 + 3)},
    }
    assert found.busy["nfu"] == macs
    assert sum(found.lost["nfu"].values()) == int(found.limited.sum()) * inputs * outputs - macs


@settings(max_examples=40)
@given(layers())
def test_closed_form(layer):
    """P Q R S ceil(C / 16) ceil(K / 64), summed over groups; depthwise ceil(C / 16)."""
    area = layer.kernel[0] * layer.kernel[1] * layer.out_size[0] * layer.out_size[1]
    blocks_of = layer.groups * ceil(layer.in_channels / layer.groups / 16)
    blocks_of *= ceil(layer.out_channels / layer.groups / 64)
    if layer.kind == "depthwise":
        blocks_of = ceil(layer.in_channels / 16)
    assert table(layer).compute_cycles == area * layer.positions * blocks_of


def test_fill_delays_the_layer_and_is_no_compute():
    layer = conv(20, 70, (6, 6), (3, 3))
    without, filled = table(layer), table(layer, nfu__fill_cycles=8)
    assert filled.compute_cycles == without.compute_cycles
    assert int(filled.limited.sum()) == int(without.limited.sum()) + 8
    assert filled.lost["nfu"]["drain"] == 8 * 1024


@pytest.mark.parametrize(
    ("buffer", "width", "factor", "cause"),
    [("nbin", 8, 2, "wait_input"), ("sb", 256, 4, "wait_weight")],
)
def test_a_narrow_buffer_slows_every_tile(buffer, width, factor, cause):
    """NBin gives 16 bytes a cycle and SB 1024: with less, each cycle's operands take several."""
    layer = conv(32, 64, (8, 8), (1, 1))
    narrow = table(layer, **{f"{buffer}__bytes_per_cycle": width})
    assert (narrow.limited == factor * narrow.cycles).all()
    assert narrow.lost["nfu"][cause] == (factor - 1) * narrow.compute_cycles * 1024
