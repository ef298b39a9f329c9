"""The integer automaton, against a walk over plain Python numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sdalgo.pow2 import decode
from sdalgo.training.bucket import AS_PAPER, AS_RELEASED, Rule, directions, switch
from sdalgo.training.weight import nearest_codes, powers

LEVELS = 8
codes = st.integers(-LEVELS, LEVELS)
walks = st.lists(st.integers(-1, 1), max_size=60)


def walk(value, moves, rule, p_min=-7):
    """The rule as the paper tells it, on a float value: doubling, halving, and zero between."""
    counter, top, least = 0, 2.0 ** (p_min + LEVELS - 1), 2.0**p_min
    for move in moves:
        counter += move
        if abs(counter) < rule.theta_c:
            continue
        up, counter = counter > 0, 0
        if value == 0:
            value = least if up else -least
        elif (value > 0) == up:
            value = 2 * value if abs(value) < top else value
        elif abs(value) > least:
            value = value / 2
        elif rule.low_end == "zero":
            value = 0.0
    return value, counter


@given(codes, walks, st.integers(1, 8), st.sampled_from(["zero", "hold"]))
def test_a_walk_ends_where_doubling_and_halving_end(code, moves, theta_c, low_end):
    rule = Rule(theta_c=theta_c, low_end=low_end)
    held, counter = torch.tensor([code], dtype=torch.int8), torch.zeros(1, dtype=torch.int8)
    for move in moves:
        switch(held, counter, torch.tensor([move], dtype=torch.int8), LEVELS, rule)
        assert abs(int(held)) <= LEVELS
        assert abs(int(counter)) < theta_c
    start = float(decode(np.array([code], np.int8), -7)[0])
    assert (float(powers(held, -7)), int(counter)) == walk(start, moves, rule)


@given(st.lists(codes, min_size=1, max_size=20), st.data())
def test_a_switch_is_one_bucket_and_is_counted(start, data):
    moves = data.draw(st.lists(st.integers(-1, 1), min_size=len(start), max_size=len(start)))
    code = torch.tensor(start, dtype=torch.int8)
    changed = switch(code, torch.zeros_like(code), torch.tensor(moves, dtype=torch.int8), LEVELS,
                     Rule(theta_c=1))  # fmt: skip
    moved = code - torch.tensor(start, dtype=torch.int8)
    assert changed == int((moved != 0).sum())
    for before, asked, by in zip(start, moves, moved.tolist(), strict=True):
        assert by == (0 if abs(before + asked) > LEVELS else asked)


@pytest.mark.parametrize("sign", [1, -1])
def test_zero_comes_back_with_either_sign(sign):
    code, counter = torch.zeros(1, dtype=torch.int8), torch.zeros(1, dtype=torch.int8)
    for _ in range(7):
        assert int(code) == 0
        switch(code, counter, torch.tensor([sign], dtype=torch.int8), LEVELS, AS_PAPER)
    assert float(powers(code, -7)) == sign * 2.0**-7


def test_a_negative_coefficient_halves_on_its_way_up():
    code, counter = torch.tensor([-3], dtype=torch.int8), torch.zeros(1, dtype=torch.int8)
    switch(code, counter, torch.tensor([1], dtype=torch.int8), LEVELS, Rule(theta_c=1))
    assert float(powers(code, 0)) == -2.0


def test_directions_ignore_signals_up_to_the_threshold():
    signal = torch.tensor([0.005, 0.0051, -0.005, -0.0051, 0.0])
    assert directions(signal, 0.005).tolist() == [0, 1, 0, -1, 0]
    assert directions(torch.zeros(3), 0.0).tolist() == [0, 0, 0]


@given(st.lists(codes, min_size=1, max_size=50), st.integers(-40, 20))
def test_powers_are_those_of_the_file_format(values, p_min):
    code = np.array(values, np.int8)
    assert torch.equal(powers(torch.from_numpy(code), p_min), torch.from_numpy(decode(code, p_min)))


@settings(max_examples=80)
@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20))
def test_nearest_code_is_nearest(values):
    given_values = torch.tensor(values)
    members = powers(torch.arange(-LEVELS, LEVELS + 1, dtype=torch.int8), -7)
    found = powers(nearest_codes(given_values, -7, LEVELS), -7)
    least = (given_values[:, None] - members).abs().min(dim=1).values
    torch.testing.assert_close((given_values - found).abs(), least, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("theta_g", -1.0), ("theta_c", 0), ("theta_c", 127), ("signal", "sign"), ("reset", "never"),
     ("low_end", "wrap"), ("momentum", 1.0), ("weight_decay", -1.0)],
)  # fmt: skip
def test_an_impossible_rule_is_refused_by_name(name, value):
    with pytest.raises(ValidationError, match=name):
        Rule(**{name: value})


def test_the_two_readings_differ_where_paper_and_code_do():
    assert (AS_PAPER.signal, AS_PAPER.reset, AS_PAPER.momentum) == ("gradient", "fire", 0.0)
    assert (AS_RELEASED.signal, AS_RELEASED.reset, AS_RELEASED.momentum) == ("step", "epoch", 0.9)
