"""The multiplier and the rebuild engine by themselves, against integers of Python."""

import numpy as np
import pytest

from archsim.analysis.cosim import icarus
from archsim.analysis.cosim.testbench import packed
from archsim.formats.rebuilt import EngineOperands, WeightFormat, integer_weights


def booth_steps(value):
    """Non-zero digits of the radix-4 recoding, each of which is b[2i-1] + b[2i] - 2 b[2i+1]."""
    bit = [0, *((value >> place) & 1 for place in range(10))]
    return sum(bit[i] + bit[i + 1] - 2 * bit[i + 2] != 0 for i in range(0, 10, 2))


def test_every_activation_takes_its_digits_and_gives_its_product(tmp_path):
    """All of -128 .. 255, in tiles of four steps: products of Python's integers, added up."""
    rng = np.random.default_rng(0)
    values = rng.permutation(np.arange(-128, 256))
    edges = [-(1 << 16), (1 << 16) - 1, 0, 1, -1]
    weights = [*edges, *rng.integers(-(1 << 16), 1 << 16, len(values) - len(edges)).tolist()]
    words, wanted, total = [], [], 0
    for place, (value, weight) in enumerate(zip(values.tolist(), weights, strict=True)):
        total = (0 if place % 4 == 0 else total) + value * weight
        words.append(packed([(place % 4 == 0, 1), (weight, 32), (value, 16)]))
        wanted.append([max(1, booth_steps(value)), total])
    steps = tmp_path / "steps.hex"
    steps.write_text("\n".join(words) + "\n")
    log = icarus.run("tb_booth_mac", ["booth_mac"], {"STEPS": len(words)}, [steps])
    assert [list(map(int, line.split())) for line in log.read_text().splitlines()] == wanted


FORMATS = [
    WeightFormat(),
    WeightFormat(weight_bits=10, largest_shift=5),
    WeightFormat(weight_bits=12, saturation="wrap", rounding="down"),
]


@pytest.mark.parametrize("pipeline", [0, 1])
@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_rows_take_a_cycle_per_code_and_give_the_integers_that_sdalgo_uses(
    form, pipeline, tmp_path
):
    """Codes of every level and sign, shifts in both directions and beyond the largest, raw rows,
    and engines that wait for a slower one. A register behind the shift takes every row exactly one
    cycle more and changes no bit.
    """
    rng = np.random.default_rng(1)
    words, wanted = [], []
    for place in range(400):
        load = place % 5 == 0
        if load:
            basis = rng.integers(-128, 128, (3, 3))
            offset = int(rng.integers(-8, 20)) if place % 20 else int(rng.choice([-511, 511]))
        raw, need = place % 7 == 3, int(rng.integers(0, 5))
        codes = rng.integers(-127, 128, 3) if place % 3 else rng.integers(-16, 17, 3)
        codes[rng.random(3) < 0.4] = 0
        weights = rng.integers(-128, 128, 3)
        operands = EngineOperands(
            basis.reshape(1, 1, 3, 3).astype(np.int8), np.array([[offset]], np.int16), np.ones(1)
        )
        rows = integer_weights(codes.reshape(1, 1, 3).astype(np.int8), operands, form)[0, 0]
        cycles = 0 if raw else np.count_nonzero(codes)
        wanted.append([max(1, cycles, need) + pipeline, *(weights if raw else rows)])
        fields = [(load, 1), *((int(b), 8) for b in basis.reshape(-1)[::-1]), (offset, 10)]
        fields += [(raw, 1), *((int(w), 8) for w in weights[::-1])]
        words.append(packed([*fields, *((int(c), 8) for c in codes[::-1]), (need, 8)]))
    file = tmp_path / "rows.hex"
    file.write_text("\n".join(words) + "\n")
    sizes = {
        "COUNT": len(words), "WEIGHT": form.weight_bits, "LARGEST_SHIFT": form.largest_shift,
        "NEAREST": int(form.rounding == "nearest"), "CLIP": int(form.saturation == "clip"),
        "PIPELINE": pipeline,
    }  # fmt: skip
    log = icarus.run("tb_rebuild_engine", ["rebuild_engine"], sizes, [file])
    assert [list(map(int, line.split())) for line in log.read_text().splitlines()] == wanted
