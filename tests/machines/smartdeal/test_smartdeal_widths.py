"""SmartDeal on 16-bit activations: Booth digits of 16 bits and wider bytes, against the loops."""

from dataclasses import replace

import numpy as np
import smartdeal_loops as loops
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv
from test_smartdeal_loops import cases, looped, overrides, tables

import archsim
from archsim.machines.shared.digits import fold, thermometer
from archsim.machines.shared.machine import load_machine

WIDE = {"activation_bits": 16}


@st.composite
def wide_cases(draw):
    """The cases of 8 bits with inputs of 16 in the same places."""
    layer, chip, arrays = draw(cases())
    kind = draw(st.sampled_from([np.int16, np.uint16]))
    rng, ends = np.random.default_rng(draw(st.integers(0, 2**32))), np.iinfo(kind)
    inputs = rng.integers(ends.min, ends.max + 1, layer.input_shape())
    inputs[rng.random(inputs.shape) < 0.2] = rng.choice([ends.min, ends.max, 1, 0x5555])
    inputs[arrays["input"] == 0] = 0
    return layer, chip, arrays | {"input": inputs.astype(kind)}


@settings(max_examples=15)
@given(wide_cases())
def test_cycles_and_digits_are_those_of_the_loops(case):
    layer, chip, arrays = case
    groups = looped(layer, arrays, chip)
    found = tables(layer, arrays, chip, **WIDE)
    assert {sync: int(table.cycles.sum()) for sync, table in found.items()} == loops.cycles(
        groups, chip
    )
    step = "booth_step" if chip.serial == "booth" else "bit_step"
    digits = sum(group.digits() for group in groups)
    assert found["tile"].actions["mac_array"] == {
        step: digits,
        "fifo": 2 * sum(group.fifo() for group in groups),
        # 16 + 8 bits of a product and 8 more, read and written.
        "psum_access": 2 * 4 * digits,
    }


@settings(max_examples=10)
@given(wide_cases())
def test_the_input_buffer_gives_two_bytes_of_each(case):
    layer, chip, arrays = case
    if layer.kind in {"linear", "depthwise"}:
        return
    read = [row for group in looped(layer, arrays, chip) for row in group.input_bytes()]
    arch = archsim.load_arch("smartdeal", {**overrides(chip), **WIDE})
    (table,) = load_machine(arch).tiles(layer, Arrays(layer, **arrays), arch)
    assert table.actions["input_gb"]["read"] == 2 * np.sum(read)
    assert table.side["input_gb"].tolist() == [
        [-(-2 * tile // chip.input_width) for tile in row] for row in read
    ]


def test_eight_digits_by_hand():
    """0x5555 = 4^7 + 4^6 + ... + 1 has eight digits, 0x7FFF = 2^15 - 1 two (-1 and 2 x 4^7), and
    -32768 one; unsigned, 0xAAAA takes nine: -2 and 3 - 4 = -1 six times, -1, 1 x 4^8."""
    for value, digits in ((0x5555, 8), (0x7FFF, 2), (-32768, 1), (0xAAAA, 9), (0xFFFF, 2)):
        layer = conv(1, 1, (1, 1), (1, 1))
        kind = np.int16 if value < 0x8000 else np.uint16
        arrays = {
            "input": np.full((1, 1, 1), value, kind),
            "weight": np.ones((1, 1, 1, 1), np.int8),
        }
        found = tables(layer, arrays, loops.Chip(), **WIDE)["tile"]
        assert found.actions["mac_array"]["booth_step"] == digits
        assert loops.modified_booth(value) == digits


def test_narrow_values_take_as_many_cycles_in_wide_types():
    """int8 values handed on as int16: the digits beyond the sign are 0."""
    rng = np.random.default_rng(3)
    layer = conv(6, 9, (9, 13), (3, 3), padding=(1, 1, 1, 1))
    inputs = rng.integers(-128, 128, layer.input_shape()).astype(np.int8)
    arrays = {"weight": rng.integers(-9, 9, layer.weight_shape()).astype(np.int8)}
    chip = replace(loops.Chip(), serial="booth")
    narrow = tables(layer, arrays | {"input": inputs}, chip, **WIDE)["tile"]
    wide = tables(layer, arrays | {"input": inputs.astype(np.int16)}, chip, **WIDE)["tile"]
    assert narrow.cycles.tolist() == wide.cycles.tolist()


@given(st.integers(1, 20), st.integers(1, 40), st.sampled_from([8, 9, 16]), st.integers(0, 99))
def test_folded_codes_are_the_largest_of_each_run(width, length, most, seed):
    counts = np.random.default_rng(seed).integers(0, most + 1, (3, length)).astype(np.uint8)
    folded = fold(thermometer(counts, most), width)
    wanted = [
        [max(row[first : first + width]) for first in range(0, length, width)]
        for row in counts.tolist()
    ]
    assert folded.tolist() == wanted
