"""Rates of the schedule, means of networks, and statistics of normalisation."""

import numpy as np
import pytest
import torch
from torch import nn

from sdalgo.training.averaging import Average, estimate_norms
from sdalgo.training.convert import Form, basis_of, decomposed_weights, to_decomposed
from sdalgo.training.schedule import Schedule


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.1), (20, 0.1), (28, 0.0525), (35, 0.013125 - 1e-12), (36, 0.005),
                        (38, 0.005), (39, 0.005), (40, 0.005), (79, 0.005)],
)  # fmt: skip
def test_the_rate_is_constant_then_falls_then_is_constant(epoch, rate):
    schedule = Schedule(epochs=80, lr=0.1, swa_start=40, swa_lr=0.005)
    expected = {35: 0.1 - 0.095 * (0.375 / 0.4)}.get(epoch, rate)
    assert schedule.rate(epoch) == pytest.approx(expected)
    assert schedule.averages(epoch) == (epoch + 1 >= 40)
    later = schedule.model_copy(update={"swa_first": "after"})
    assert (later.averages(epoch), later.rate(epoch)) == (epoch >= 40, schedule.rate(epoch))


def test_without_averaging_the_rate_is_constant():
    schedule = Schedule(epochs=10, lr=0.1)
    assert {schedule.rate(epoch) for epoch in range(10)} == {0.1}
    assert not any(schedule.averages(epoch) for epoch in range(10))


def test_codes_are_averaged_as_values_and_moved_to_the_nearest_power():
    torch.manual_seed(0)
    model = to_decomposed(nn.Sequential(nn.Linear(9, 4)), Form(theta=0.05))
    held, average = decomposed_weights(model)["0"], Average()
    generator = torch.Generator().manual_seed(1)
    values, bases = [], []
    for _ in range(7):
        drawn = torch.randint(-held.levels, held.levels + 1, held.code.shape, generator=generator)
        held.code.copy_(drawn * held.mask)
        basis_of(model, "0").data.add_(0.1)
        values.append(held.values().double().numpy())
        bases.append(basis_of(model, "0").detach().clone())
        average.add(model)
    mean = average.model(model)
    found = decomposed_weights(mean)["0"].values().double().numpy()
    members = np.array([0.0] + [s * 2.0**p for p in range(-4, 1) for s in (1, -1)])
    wanted = np.mean(values, axis=0)
    least = np.abs(wanted[..., None] - members).min(axis=-1)
    np.testing.assert_allclose(np.abs(wanted - found), least, atol=1e-6)
    torch.testing.assert_close(basis_of(mean, "0").detach(), torch.stack(bases).mean(0))
    other = Average()
    other.load_state_dict(average.state_dict())
    assert torch.equal(other.model(model)[0].weight, mean[0].weight)


def test_a_mean_below_the_smallest_power_goes_to_the_nearer_side_or_to_zero():
    """Three quarters, one half and a quarter of 2^p_min, and three quarters of the next power."""
    model = to_decomposed(nn.Sequential(nn.Linear(12, 1, bias=False)), Form(theta=0.05))
    held = decomposed_weights(model)["0"]
    held.mask.fill_(True)
    networks = ([1, -1, 1, 2], [1, -1, 0, 2], [1, 0, 0, 2], [0, 0, 0, 0])
    for small, wanted in (("nearest", [1, -1, 0, 2]), ("zero", [0, 0, 0, 2])):
        average = Average(small)
        for codes in networks:
            held.code.view(-1)[:4] = torch.tensor(codes, dtype=torch.int8)
            average.add(model)
        mean = decomposed_weights(average.model(model))["0"]
        assert mean.code.view(-1)[:4].tolist() == wanted


def test_statistics_are_those_of_all_batches():
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(3))
    batches = [torch.randn(8, 3) * 4 + 7 for _ in range(5)]
    model(torch.zeros(4, 3))
    estimate_norms(model, batches)
    whole = torch.cat(batches)
    torch.testing.assert_close(model[0].running_mean, whole.mean(0))
    variances = torch.stack([batch.var(0) for batch in batches])
    torch.testing.assert_close(model[0].running_var, variances.mean(0))
    assert model[0].momentum == 0.1
    assert not model.training
