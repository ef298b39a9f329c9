"""What the compiled loop over steps finds against numpy, to the last number. Without numba there
is nothing to hold."""

from dataclasses import asdict
from functools import partial

import compiled_ways
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import small_cases

from archsim.formats import compiled as choice
from archsim.machines.bit_pragmatic.column_sync import LOOPS, pass_cycles
from archsim.machines.bit_pragmatic.cycles import BitPragmaticArray, layer_cycles

numba = pytest.importorskip("numba", reason="numba, the extra `fast`, is not installed")


both = partial(compiled_ways.both, loops=partial(choice.compiled, LOOPS))


@settings(max_examples=80)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 40)),
    cut=st.integers(0, 40),
    rounds=st.integers(1, 4),
    registers=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_passes_are_those_of_numpy(shape, cut, rounds, registers, seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, rng.integers(2, 17), shape).astype(np.uint8)
    tables = [part for part in (table[:cut], table[cut:]) if len(part)]
    compiled, numpy = both(
        lambda: pass_cycles(tables, (shape[0], shape[2]), rounds, registers).tolist()
    )
    assert compiled == numpy
    assert sum(compiled) >= rounds * table.sum(axis=(0, 2)).max()


@settings(max_examples=40)
@given(case=small_cases(max_filters=6), registers=st.integers(0, 3))
def test_layers_are_those_of_numpy(case, registers):
    array = BitPragmaticArray(filters=2, columns=3, lanes=2, registers=registers)

    def find():
        found = layer_cycles(case.activations, len(case.weights), case.geometry, array)
        return {key: np.array(value).tolist() for key, value in asdict(found).items()}

    compiled, numpy = both(find)
    assert compiled == numpy


def test_columns_run_ahead_by_hand():
    """Two columns of 3, 1 and 1, 3 cycles: with a spare register no one waits, without one both
    steps last 3."""
    table = np.array([[[3, 1], [1, 3]]], np.uint8)
    assert both(lambda: pass_cycles([table], (1, 2), 1, 1).tolist()) == [[4], [4]]
    assert both(lambda: pass_cycles([table], (1, 2), 1, 0).tolist()) == [[6], [6]]


def test_a_broken_numba_is_as_good_as_none(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.delenv(choice.VARIABLE, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(choice, "import_module", missing)
        choice.compiled.cache_clear()
        assert choice.compiled(LOOPS) is None
    choice.compiled.cache_clear()
    assert choice.compiled(LOOPS) is not None
