"""Layers that compute in few bits, against sums in loops and against autograd."""

import numpy as np
import pytest
import torch
from torch import nn

from sdalgo.rivals.trained.fp8 import Chunks, channel_chunks
from sdalgo.rivals.trained.products import Rule, multiply_by
from sdalgo.rivals.trained.quantisers import float_weight, quantise_weights
from sdalgo.rivals.trained.scalable8 import Bifurcated, RangeWeight
from sdalgo.rivals.trained.small_floats import to_8, to_16


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32))


LAYERS = {
    "plain": (lambda: nn.Conv2d(5, 4, 3, 2, 1), (2, 5, 6, 6)),
    "depthwise": (lambda: nn.Conv2d(4, 4, 3, 1, 1, groups=4, bias=False), (2, 4, 5, 5)),
    "linear": (lambda: nn.Linear(6, 3), (4, 6)),
}


@pytest.mark.parametrize("kind", list(LAYERS))
def test_a_rule_of_float32_is_autograd(kind):
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    layer = make()
    inputs = drawn(*shape).requires_grad_()
    up = drawn(*layer(inputs).shape, seed=1)
    (layer(inputs) * up).sum().backward()
    wanted = [inputs.grad.clone(), *(value.grad.clone() for value in layer.parameters())]
    layer.zero_grad()
    inputs.grad = None
    model = nn.Sequential(layer)
    multiply_by(model, lambda _name, _layer: Rule())
    (model(inputs) * up).sum().backward()
    found = [inputs.grad, *(value.grad for value in layer.parameters())]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["plain", "linear"])
def test_s8_rounds_what_goes_to_inputs_and_not_what_goes_to_weights(kind):
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    layer = make()
    inputs = drawn(*shape).requires_grad_()
    up = drawn(*layer(inputs).shape, seed=1)
    (layer(inputs) * up).sum().backward()
    back, own = inputs.grad.clone(), layer.weight.grad.clone()
    layer.zero_grad()
    inputs.grad = None
    multiply_by(nn.Sequential(layer), lambda _name, _layer: Bifurcated())
    (layer(inputs) * up).sum().backward()
    torch.testing.assert_close(layer.weight.grad, own, rtol=1e-5, atol=1e-5)
    away = (inputs.grad - back).abs()
    unit = float(up.max() - up.min()) / 255
    most = unit * layer.weight.detach().abs().reshape(len(layer.weight), -1).sum()
    assert 0 < float(away.max()) <= float(most)


def test_chunks_are_whole_channels_of_at_most_64_products():
    assert channel_chunks(torch.zeros(2, 16, 3, 3)) == [slice(0, 7), slice(7, 14), slice(14, 16)]
    assert channel_chunks(torch.zeros(2, 100, 1, 1)) == [slice(0, 64), slice(64, 100)]
    assert channel_chunks(torch.zeros(2, 1, 11, 11)) == [slice(0, 1)]
    assert channel_chunks(torch.zeros(10, 130)) == [slice(0, 64), slice(64, 128), slice(128, 130)]


def test_fp8_sums_by_chunks_as_a_loop_does():
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 3, 3, 1, 0, bias=False)
    multiply_by(nn.Sequential(layer), lambda _name, _layer: Chunks(wide=False))
    inputs = to_8(drawn(1, 16, 4, 4) * 3)
    weight = to_8(layer.weight.detach())
    with torch.no_grad():
        layer.weight.copy_(weight)
        found = layer(inputs)
    for filter_, y, x in np.ndindex(3, 2, 2):
        parts = (inputs[0, :, y : y + 3, x : x + 3] * weight[filter_]).double()
        total = None
        for part in (slice(0, 7), slice(7, 14), slice(14, 16)):
            one = to_16(parts[part].sum().float())
            total = one if total is None else to_16(total + one)
        assert float(found[0, filter_, y, x]) == pytest.approx(float(total), rel=2.0**-9)
    assert torch.equal(found, to_16(found))
    exact = nn.functional.conv2d(inputs, weight)
    assert not torch.equal(found, exact)


def test_fp8_errors_are_small_floats():
    torch.manual_seed(0)
    layer = nn.Linear(5, 4, bias=False)
    inputs = drawn(3, 5).requires_grad_()
    up = drawn(3, 4, seed=2)
    weight = layer.weight.detach().clone()
    multiply_by(nn.Sequential(layer), lambda _name, _layer: Chunks(wide=False))
    (layer(inputs) * up).sum().backward()
    torch.testing.assert_close(inputs.grad, to_8(up) @ weight)
    torch.testing.assert_close(layer.weight.grad, to_8(up).t() @ inputs.detach())


def test_the_float_weight_behind_a_quantiser_is_what_learns():
    layer = nn.Linear(4, 3)
    model = nn.Sequential(layer)
    before = layer.weight.detach().clone()
    quantise_weights(model, lambda _name, _layer: RangeWeight())
    assert torch.equal(float_weight(layer), before)
    assert not torch.equal(layer.weight, before)
    layer(drawn(2, 4)).sum().backward()
    assert float_weight(layer).grad is not None
