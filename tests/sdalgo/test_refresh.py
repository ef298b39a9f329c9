"""Batch-norm statistics taken anew: by hand, and the same network where nothing changed."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from sdalgo.evaluation.refresh import refreshed


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5),
        nn.Flatten(), nn.Linear(5 * 36, 6), nn.BatchNorm1d(6, momentum=0.3),
    ).eval()  # fmt: skip


@pytest.fixture
def images():
    return np.random.default_rng(0).standard_normal((12, 3, 8, 8)).astype(np.float32)


def by_hand(model, images, count):
    """Means over batches of each norm's mean and unbiased variance, batch after batch."""
    sums = [[0, 0] for _ in range(3)]
    for first in range(count):
        held, place = torch.from_numpy(images[first::count]), 0
        for layer in model:
            if not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                held = layer(held)
                continue
            axes = (0,) if held.ndim == 2 else (0, 2, 3)
            shape = (1, -1) if held.ndim == 2 else (1, -1, 1, 1)
            mean, plain = held.mean(axes), held.var(axes, correction=0)
            sums[place][0] += mean / count
            sums[place][1] += held.var(axes, correction=1) / count
            place += 1
            held = (held - mean.reshape(shape)) / (plain.reshape(shape) + layer.eps).sqrt()
            held = held * layer.weight.reshape(shape) + layer.bias.reshape(shape)
    return sums


@pytest.mark.parametrize(("batch", "count"), [(12, 1), (5, 3), (6, 2)])
def test_statistics_are_those_computed_by_hand(images, batch, count):
    model = network()
    with torch.no_grad():
        wanted = by_hand(model, images, count)
    model[1].running_mean += 100  # what was there before has no say
    made = refreshed(model, images, batch)
    assert made is model
    assert not any(module.training for module in model.modules())
    for norm, (mean, variance) in zip((model[1], model[4], model[7]), wanted, strict=True):
        torch.testing.assert_close(norm.running_mean, mean, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(norm.running_var, variance, atol=1e-5, rtol=1e-5)
    assert [model[1].momentum, model[7].momentum] == [0.1, 0.3]


def test_weights_scaled_by_two_are_put_right(images):
    model = refreshed(network(), images, 12)
    with torch.no_grad():
        before = model(torch.from_numpy(images))
        other = copy.deepcopy(model)
        other[0].weight *= 2
        other[0].bias *= 2
        off = other(torch.from_numpy(images))
        after = refreshed(other, images, 12)(torch.from_numpy(images))
    assert (off - before).abs().max() > 0.1
    torch.testing.assert_close(after, before, atol=2e-4, rtol=1e-4)


def test_a_network_without_norms_is_left():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, track_running_stats=False))
    assert refreshed(model, np.zeros((4, 3), np.float32)) is None
