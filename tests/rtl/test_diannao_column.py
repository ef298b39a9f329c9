"""DianNao's column in Verilog against archsim's rule and the definition of a convolution: cycles of
every layer, the cycle of every output, and its bits."""

from functools import cache

import numpy as np
import pytest
from seeded_layers import KINDS, outputs_of, seeded_case, windows_of
from small_layers import Arrays, conv, linear
from verilog import compiled, played, word

import archsim
from archsim.machines.shared.machine import load_machine

INPUTS = 16
STAGES = 3  # NFU-1 to NFU-3; two of them are fill
SEEDS = 21  # of each kind of layer: 105 layers


@pytest.fixture(scope="module")
def column(tmp_path_factory):
    return compiled("tb_diannao_column", tmp_path_factory.mktemp("diannao"))


def layer_of(kind, case):
    """The layer that archsim's rule knows; a linear layer is a plane (T, 1)."""
    K, C = len(case.weights), len(case.activations)
    geo = case.geometry
    if kind == "linear":
        return linear(C, K, positions=case.activations.shape[1])
    keys = {"stride": geo.stride, "padding": geo.padding, "dilation": geo.dilation}
    return conv(C, K, case.activations.shape[1:], case.kernel, groups=geo.groups, **keys)


@cache
def one_column(buffer_bytes):
    """The machine with a single column, its pipeline's fill included."""
    changes = {
        "nfu.inputs": INPUTS,
        "nfu.outputs": 1,
        "nfu.fill_cycles": STAGES - 1,
        "nbin.bytes_per_cycle": buffer_bytes,
    }
    return archsim.load_arch("diannao", changes)


def rule_cycles(kind, case, buffer_bytes):
    """Cycles of archsim's rule for one column alone, one filter after the other."""
    arch, layer = one_column(buffer_bytes), layer_of(kind, case)
    (table,) = load_machine(arch).tiles(layer, Arrays(layer), arch)
    return int(table.limited.sum())


def tile(case, wait, rng):
    """Operands of every step, filter by filter; absent lanes carry noise, which must not count."""
    windows, (R, S) = windows_of(case), case.kernel
    K, each = case.weights.shape[:2]
    P, Q = case.out_size
    yield f"{K * P * Q} {R * S} {each} {wait}"
    for k in range(K):
        group = k // (K // case.geometry.groups)
        mine = windows[:, :, group * each : (group + 1) * each]
        for p, q, r, s in np.ndindex(P, Q, R, S):
            for first in range(0, each, INPUTS):
                there = mine[p, q, first : first + INPUTS, r, s]
                noise = rng.integers(-128, 128, INPUTS - len(there))
                weights = case.weights[k, first : first + INPUTS, r, s]
                yield f"{word([*there, *noise], 9)} {word([*weights, *noise], 8)}"


def differences(column, cases):
    """Layers of (kind, seed, wait) whose cycles or bits are not those of the rule."""
    rng = np.random.default_rng(0)
    lines = [line for *which, wait in cases for line in tile(seeded_case(*which), wait, rng)]
    printed = iter(played(column, lines))
    wrong = []
    for *which, wait in cases:
        case = seeded_case(*which)
        expected = outputs_of(case).reshape(-1)
        results = [next(printed, []) for _ in expected]
        ended = next(printed, [])
        # Step i of an output is taken (i + 1) waits after the tile's first; two stages follow.
        steps = case.weights[0, 0].size * -(-case.weights.shape[1] // INPUTS)
        cycles = [(n + 1) * steps * wait + STAGES - 1 for n in range(len(expected))]
        right = [["valid", str(c), str(v)] for c, v in zip(cycles, expected, strict=True)]
        whole = ended == ["tile", str(steps * len(expected))]
        if (
            results != right
            or not whole
            or cycles[-1] != rule_cycles(which[0], case, INPUTS // wait)
        ):
            wrong.append((*which, wait))
    return wrong


def test_cycles_and_bits_are_those_of_the_rule(column):
    assert not differences(column, [(kind, seed, 1) for kind in KINDS for seed in range(SEEDS)])


def test_a_narrow_buffer_slows_every_step(column):
    kinds = [kind for kind in KINDS if kind != "depthwise"]
    assert not differences(column, [(kind, seed, 2) for kind in kinds for seed in range(3)])


COLUMN, SEQUENCER = "diannao_column.v", "diannao_sequencer.v"
FAULTS = {
    "absent lanes count": (COLUMN, "lanes[i] ? product : 17'd0", "product"),
    "a brick too many": (SEQUENCER, "channel + INPUTS >= channels", "channel + INPUTS > channels"),
    "sums run on": (COLUMN, "(first_sum ? 0 : result)", "result"),
    "unsigned weights": (COLUMN, "weights[i*8+:8],", "{1'b0, weights[i*8+:7]},"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault, tmp_path):
    name, old, new = FAULTS[fault]
    program = compiled("tb_diannao_column", tmp_path, {name: (old, new)})
    cases = [(kind, seed, 1) for kind in ("spatial", "1x1") for seed in range(4)]
    assert differences(program, cases)
