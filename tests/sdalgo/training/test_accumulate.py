"""Steps that add up, against a walk over plain Python numbers written from the rule's text."""

from math import floor
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sdalgo.training.accumulate import accumulate, growth, rounded
from sdalgo.training.bucket import Rule
from sdalgo.training.switching import BucketSwitch
from sdalgo.training.weight import nearest_codes, powers

P_MIN, LEVELS = -7, 8
codes = st.integers(-LEVELS, LEVELS)
gradients = st.floats(-2, 2, width=32)
# Of so few bits that a step is exact in float32: near a whole number a rounding would move a floor.
slopes = st.integers(-2048, 2048).map(lambda count: count / 1024)
chances = st.integers(0, 63).map(lambda count: count / 64)


def neighbours(value):
    """The magnitudes below and above that of a value; 0 has the smallest power on either side."""
    least, top = 2.0**P_MIN, 2.0 ** (P_MIN + LEVELS - 1)
    size = abs(value)
    if size == 0:
        return -least, least
    return (0.0 if size == least else size / 2), (None if size == top else 2 * size)


def walk(value, state, descent, parts, chance):
    """One step of the rule, on a float value: `descent` is minus the rate times the gradient."""
    sign = -1.0 if value < 0 else 1.0
    below, above = neighbours(value)
    down, most = abs(value) - below, 2 * parts + 1
    exact = max(-most, min(most, descent * sign / down * parts))
    state += max(-most, min(most, floor(exact + chance)))
    up = abs(value) if value and abs(value) > 2.0**P_MIN else 2.0**P_MIN  # to the bucket above
    limit = round(parts * up / down)
    if state <= -parts:
        return sign * below, 0
    if state >= limit:
        return (value, limit - 1) if above is None else (sign * above, 0)
    return value, state


@given(codes, st.lists(st.tuples(slopes, chances), max_size=40), st.integers(1, 31))
def test_a_walk_ends_where_the_text_says(start, moves, parts):
    code, state = torch.tensor([start], dtype=torch.int8), torch.zeros(1, dtype=torch.int8)
    value, expected, rate = float(powers(code, P_MIN)), 0, 0.125
    for gradient, chance in moves:
        exact = growth(code, torch.tensor([gradient]), P_MIN) * (rate * parts)
        made = rounded(exact, parts, torch.tensor([chance]))
        before = code.clone()
        moved = accumulate(code, state, made, LEVELS, parts)
        value, expected = walk(value, expected, -rate * gradient, parts, chance)
        assert (float(powers(code, P_MIN)), int(state)) == (value, expected)
        assert moved == int(code != before) == abs(int(code - before))
        assert -parts < int(state) < 2 * parts


def test_zero_is_left_and_entered_on_both_sides():
    for sign in (1, -1):
        code, state = torch.tensor([sign], dtype=torch.int8), torch.zeros(1, dtype=torch.int8)
        seen = []
        slope = torch.tensor([float(sign)])
        for _ in range(5):
            # Down the slope towards the other sign, by the smallest power each time.
            steps = rounded(growth(code, slope, P_MIN) * 2.0**P_MIN * 5, 5, torch.zeros(1))
            accumulate(code, state, steps, LEVELS, 5)
            seen.append((int(code) * -sign, int(state)))
        # From the second power on the next one is twice as far as the one below.
        assert seen == [(0, 0), (1, 0), (2, 0), (2, 5), (3, 0)]


@given(codes, gradients, st.integers(0, 1000))
def test_steps_are_right_in_the_mean(start, gradient, seed):
    """The sum of what many codes take is that of the exact steps, within five deviations."""
    count, rate = 4000, 2.0**-9
    code = torch.full((count,), start, dtype=torch.int8)
    random = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    steps = rounded(growth(code, torch.full((count,), gradient), P_MIN) * rate * 5, 5, random)
    value = float(powers(code[:1], P_MIN))
    down = abs(value) - neighbours(value)[0]
    exact = -gradient * rate * (-1 if start < 0 else 1) / down * 5
    exact = max(-11, min(11, exact))
    assert abs(float(steps.double().mean()) - exact) <= 5 * 0.5 / count**0.5


def test_a_masked_code_and_its_state_stay():
    held = layer()
    held.mask[0] = False
    held.code[0] = 0
    switch = BucketSwitch({"a": held}, Rule(signal="accumulate"), 0.9)
    assert switch.gain == pytest.approx(10)
    torch.manual_seed(3)
    for _ in range(20):
        held.gradient = torch.randn(held.code.shape) * held.mask
        switch.step(0.1)
    assert not held.code[0].any()
    assert not held.counter[0].any()
    assert held.code[1:].any()
    assert int(held.counter.min()) >= -4
    assert int(held.counter.max()) <= 9


def layer():
    torch.manual_seed(1)
    code = nearest_codes(torch.randn(4, 3, 3) * 0.1, P_MIN, LEVELS)
    held = SimpleNamespace(
        code=code, counter=torch.zeros_like(code), mask=code != 0, levels=LEVELS, p_min=P_MIN,
        gradient=None,
    )  # fmt: skip
    held.values = lambda: powers(held.code, P_MIN)
    return held


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"theta_c": 7}, "theta_c has no meaning with signal accumulate"),
        ({"momentum": 0.9}, "momentum has no meaning with signal accumulate"),
        ({"signal": "gradient", "parts": 5}, "parts has no meaning with signal gradient"),
        ({"parts": 32}, "less than or equal to 31"),
        ({"gain": 0.0}, "greater than 0"),
    ],
)
def test_keys_without_a_meaning_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        Rule(**{"signal": "accumulate"} | keys)


def test_other_signals_are_written_as_before():
    assert {"parts", "gain"}.isdisjoint(Rule().model_dump())
    assert Rule(signal="accumulate").model_dump()["parts"] == 5
    assert Rule(signal="accumulate").state_values == 14  # -4 .. 9: four bits
