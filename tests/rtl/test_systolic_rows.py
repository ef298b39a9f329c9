"""Rows of the systolic array in Verilog, stacked: cycles of every fold as archsim's rule has them,
and all results against the matrix product."""

from functools import cache

import numpy as np
import pytest
from small_layers import Arrays, linear
from verilog import compiled, played, word

import archsim
from archsim.machines.shared.machine import load_machine

ROWS, COLUMNS = 4, 8
FOLDS = 100


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return compiled("tb_systolic", tmp_path_factory.mktemp("systolic"))


def fold(seed):
    """Activations (pixels, depth) and weights (depth, filters) that fit one fold."""
    rng = np.random.default_rng(seed)
    pixels, depth, filters = (int(rng.integers(1, most + 1)) for most in (ROWS, 40, COLUMNS))
    low, high = ((-128, 128), (0, 256))[seed % 2]
    return rng.integers(low, high, (pixels, depth)), rng.integers(-128, 128, (depth, filters))


def tile(left, right):
    """The lines that the testbench reads of a fold."""
    yield f"{len(right)}"
    yield from (f"{word(a, 9)} {word(w, 8)}" for a, w in zip(left.T, right, strict=True))


@cache
def array():
    return archsim.load_arch("systolic", {"array.rows": ROWS, "array.columns": COLUMNS})


def rule_cycles(left, right):
    """Cycles of archsim's rule for the product as a linear layer."""
    arch = array()
    layer = linear(len(right), right.shape[1], positions=len(left))
    (table,) = load_machine(arch).tiles(layer, Arrays(layer), arch)
    return int(table.cycles.sum())


def results(left, right):
    """What leaves the last row in each cycle of draining, its own results first; empty rows and
    columns have added zeros."""
    full = np.zeros((ROWS, COLUMNS), np.int64)
    full[: len(left), : right.shape[1]] = left @ right
    return [word(row, 24) for row in full[::-1]]


def expected(left, right):
    """The lines that the testbench prints of a fold."""
    cycles = rule_cycles(left, right)
    for i, sums in enumerate(results(left, right)):
        yield ["drain", str(cycles - ROWS + i), sums.zfill(6 * COLUMNS)]
    yield ["fold", str(cycles)]


def differences(program, seeds):
    """The seeds of folds whose cycles or results are others."""
    folds = {seed: fold(seed) for seed in seeds}
    printed = iter(played(program, [line for each in folds.values() for line in tile(*each)]))
    return [
        seed
        for seed, each in folds.items()
        if [next(printed, []) for _ in range(ROWS + 1)] != list(expected(*each))
    ]


def test_cycles_and_results_are_those_of_the_rule(rows):
    assert not differences(rows, range(FOLDS))


FAULTS = {
    "columns are not skewed": (
        "systolic_fold.v",
        "read_columns[i] = busy && cycle >= i",
        "read_columns[i] = busy",
    ),
    "draining begins a cycle early": (
        "systolic_fold.v",
        "steps + (ROWS + COLUMNS - 2)",
        "steps + (ROWS + COLUMNS - 3)",
    ),
    "results stay": ("systolic_pe.v", "drain ? sum_above", "drain ? sum"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault, tmp_path):
    name, old, new = FAULTS[fault]
    program = compiled("tb_systolic", tmp_path, {name: (old, new)})
    assert differences(program, range(8))
