"""A bandwidth may be a fraction, by which bytes are divided exactly; a whole one is an integer."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.arch.arch import load_arch
from archsim.arch.components.dram import Dram
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.formats.errors import InputError
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload


@given(st.integers(0, 2**42), st.integers(1, 10**6))
def test_cycles_are_those_of_exact_arithmetic(nbytes, thousandths):
    dram = Dram(bytes_per_cycle=thousandths / 1000)
    assert dram.move_cycles(np.array([nbytes]))[0] == ceil(Fraction(nbytes * 1000, thousandths))


def test_a_multiple_takes_no_cycle_more():
    assert Dram(bytes_per_cycle=12.8).move_cycles(np.array([64, 65])).tolist() == [5, 6]
    buffer = GlobalBuffer(bytes_per_cycle=0.1, banks=1, bank_kbytes=1.0, count=3)
    assert buffer.move_cycles(np.array([3, 4])).tolist() == [10, 14]


def test_a_whole_bandwidth_is_one_however_it_is_written():
    whole, point = (load_arch("smartdeal", [f"dram.bytes_per_cycle={x}"]) for x in ("12", "12.0"))
    assert whole.hash == point.hash
    assert type(point.resolved["components"]["dram"]["bytes_per_cycle"]) is int


@pytest.mark.parametrize("key", ["dram", "dma", "input_gb"])
def test_a_run_lies_between_its_neighbours(key):
    workload = load_workload("tiny_sd")
    cycles = [
        simulate(load_arch("smartdeal", [f"{key}.bytes_per_cycle={x}"]), workload).cycles
        for x in (13, 12.8, 12)
    ]
    assert cycles == sorted(cycles)


@pytest.mark.parametrize("value", ["true", "'8'", "0", ".inf", "-1.5"])
def test_what_is_no_bandwidth_is_refused_once(value):
    with pytest.raises(InputError) as caught:
        load_arch("smartdeal", [f"dram.bytes_per_cycle={value}"])
    assert len(caught.value.problems) == 1
