"""What adding steps up does over many of them: value and state together drift as SGD would."""

import pytest
import torch
from torch import nn

from sdalgo.training.accumulate import accumulate, growth, rounded
from sdalgo.training.bucket import Rule
from sdalgo.training.convert import Form, decomposed_weights, to_decomposed
from sdalgo.training.sizes import training_memory
from sdalgo.training.switching import BucketSwitch
from sdalgo.training.weight import powers

P_MIN, LEVELS, PARTS = -7, 8, 5


def held_values(code, state):
    """A code's value and what has come together towards the next one, in double precision."""
    value = powers(code, P_MIN).double()
    least = 2.0**P_MIN
    below = torch.where(value.abs() <= least, torch.tensor(least).double(), value.abs() / 2)
    return value + torch.where(value < 0, -1, 1) * below * state / PARTS


@pytest.mark.parametrize("code", [5, -5, 1, -1, 0])
def test_the_expected_move_is_the_step_across_switches_and_zero(code):
    """Sixty steps of less than a part each: their mean is within five of its standard errors."""
    count, times, step = 20_000, 60, -0.4 * 2.0**P_MIN / PARTS
    held = torch.full((count,), code, dtype=torch.int8)
    state, generator = torch.zeros_like(held), torch.Generator().manual_seed(code + 9)
    start = held_values(held, state)
    for _ in range(times):
        exact = growth(held, torch.full((count,), -step), P_MIN) * PARTS
        steps = rounded(exact, PARTS, torch.rand(count, generator=generator))
        accumulate(held, state, steps, LEVELS, PARTS)
    moved = held_values(held, state) - start
    error = float(moved.std()) / count**0.5
    assert abs(float(moved.mean()) - times * step) <= 5 * error


def decomposed():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 36, 4))
    return to_decomposed(model, Form(theta=0.05)), torch.randn(4, 3, 6, 6)


def test_masked_codes_stay_and_the_state_takes_all_its_fourteen_values():
    model, x = decomposed()
    optimiser = BucketSwitch(decomposed_weights(model), Rule(signal="accumulate", gain=8.0))
    masks = [held.mask.clone() for held in optimiser.layers.values()]
    assert any(not mask.all() for mask in masks)
    seen = set()
    for _ in range(30):
        y = model(x)
        (y * torch.randn(y.shape)).sum().backward()
        optimiser.step(3e-3)
        for held, mask in zip(optimiser.layers.values(), masks, strict=True):
            assert torch.equal(held.mask, mask)
            assert not held.code[~mask].any()
            assert not held.counter[~mask].any()
            assert int(held.code.abs().max()) <= held.levels
            seen |= set(held.counter.unique().tolist())
    assert seen == set(range(-4, 10))
    assert optimiser.state_dict() == {}


def test_the_state_takes_four_bits_of_a_live_code():
    """As many as a counter to seven takes, one less than a counter to eight."""
    model, _ = decomposed()
    live = sum(int(held.mask.sum()) for held in decomposed_weights(model).values())
    rules = (Rule(), Rule(theta_c=8), Rule(signal="accumulate"))
    seven, eight, ours = (training_memory(model, rule) for rule in rules)
    assert ours == seven
    assert eight.packed - ours.packed in {live // 8, -(-live // 8)}
