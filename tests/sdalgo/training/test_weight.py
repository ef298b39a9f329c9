"""Codes and bases inside a network: rebuilding, gradients, descent, and what is kept in memory."""

import copy
import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from archsim.formats.errors import InputError
from sdalgo.decompose import decompose
from sdalgo.networks import network
from sdalgo.options import preset
from sdalgo.training.bucket import AS_RELEASED, Rule
from sdalgo.training.convert import Form, basis_of, decomposed_weights, to_decomposed
from sdalgo.training.switching import BucketSwitch
from sdalgo.training.weight import DecomposedWeight

LAYERS = {
    "spatial": (lambda: nn.Conv2d(5, 4, 3, padding=1), (5, 6, 6)),
    "strided 5x5": (lambda: nn.Conv2d(3, 4, 5, stride=2), (3, 9, 9)),
    "pointwise": (lambda: nn.Conv2d(7, 4, 1), (7, 4, 4)),
    "depthwise": (lambda: nn.Conv2d(6, 6, 3, groups=6), (6, 5, 5)),
    "grouped": (lambda: nn.Conv2d(6, 4, 3, groups=2), (6, 5, 5)),
    "linear": (lambda: nn.Linear(11, 4), (11,)),
    "sliced linear": (lambda: nn.Linear(700, 2), (700,)),
}


def made(kind, seed=0, **form):
    torch.manual_seed(seed)
    build, shape = LAYERS[kind]
    model = nn.Sequential(build())
    return to_decomposed(model, Form(theta=0.05, **form)), torch.randn(3, *shape)


def held_of(model):
    return next(iter(decomposed_weights(model).values()))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_weight_is_the_one_pass_result(kind):
    torch.manual_seed(0)
    plain = nn.Sequential(LAYERS[kind][0]())
    weight = plain[0].weight.detach().numpy().copy()
    found = decompose(weight, preset("as_released_double", theta=0.05, basis_bits=32,
                                     exponents=(-4, 0), largest_kernel=None))  # fmt: skip
    model = to_decomposed(plain, Form(theta=0.05))
    held = held_of(model)
    np.testing.assert_allclose(model[0].weight.detach().numpy(), found.rebuild(), atol=1e-6)
    assert held.coefficients().shape == found.coef.shape
    assert torch.equal(held.coefficients() != 0, torch.from_numpy(found.coef != 0))
    assert isinstance(model[0], (nn.Conv2d, nn.Linear))


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_are_those_of_autograd_through_ce_times_b(kind):
    model, x = made(kind)
    held, layer = held_of(model), model[0]
    basis = basis_of(model, "0").detach().clone().requires_grad_()
    coef = held.values().requires_grad_()
    weight = held.to_weight(coef @ basis)
    if isinstance(layer, nn.Linear):
        y = functional.linear(x, weight, layer.bias)
    else:
        y = functional.conv2d(
            x, weight, layer.bias, layer.stride, layer.padding, groups=layer.groups
        )
    y.square().sum().backward()
    model(x).square().sum().backward()
    torch.testing.assert_close(basis_of(model, "0").grad, basis.grad)
    torch.testing.assert_close(held.gradient, coef.grad * held.mask)


def test_gradients_of_two_passes_add_up():
    model, x = made("spatial")
    model(x).sum().backward()
    once = held_of(model).gradient.clone()
    model(x).sum().backward()
    torch.testing.assert_close(held_of(model).gradient, 2 * once)


@settings(max_examples=25)
@given(st.sampled_from(sorted(LAYERS)), st.integers(0, 99), st.sampled_from(["zero", "hold"]),
       st.sampled_from([0.0, 0.9]))  # fmt: skip
def test_the_mask_never_grows_and_codes_stay_in_p(kind, seed, low_end, momentum):
    model, x = made(kind, seed)
    held = held_of(model)
    mask = held.mask.clone()
    rule = Rule(theta_g=0.0, theta_c=2, low_end=low_end, momentum=momentum, weight_decay=1e-3)
    optimiser = BucketSwitch(decomposed_weights(model), rule)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(8):
        y = model(x)
        (y * torch.randn(y.shape, generator=generator)).sum().backward()
        optimiser.step(0.1)
        assert not (held.code != 0)[~mask].any()
        assert not held.counter[~mask].any()
        assert int(held.code.abs().max()) <= held.levels
    assert torch.equal(held.mask, mask)
    assert held.gradient is None


@settings(max_examples=40)
@given(st.integers(0, 999), st.floats(0.0, 0.3))
def test_no_coefficient_is_moved_up_the_loss_of_a_quadratic(seed, theta_g):
    """Each coefficient alone: the loss |W - T|^2 has a slope there, and it was moved down it.

    The slope is 2 (W - T) . dW/dc by the chain rule, in double precision; a slope that is nothing
    beside its own terms has no sign in single precision.
    """
    model, _ = made("spatial", seed)
    held, basis = held_of(model), basis_of(model, "0").detach()
    target = torch.randn(model[0].weight.shape, generator=torch.Generator().manual_seed(seed))
    before = held.values()
    (model[0].weight - target).square().sum().backward()
    BucketSwitch(decomposed_weights(model), Rule(theta_c=1, theta_g=theta_g)).step(1.0)
    moved = held.values() - before
    assert moved.any()
    coef = before.double()
    error = held.to_weight(coef @ basis.double()) - target.double()
    for place in moved.nonzero():
        index = tuple(place)
        one = torch.zeros_like(coef)
        one[index] = 1.0
        terms = 2 * error * held.to_weight(one @ basis.double())
        assert terms.sum() * moved[index].sign() < 1e-6 * terms.abs().sum()


def test_dropped_rows_are_dropped_for_all_filters_and_stay_so():
    model, x = made("spatial", rows_pruned={"default": 0.4})
    live = held_of(model).live().any(dim=-1)
    dead = ~live.any(dim=0)
    assert int(dead.sum()) == 6  # ceil(0.4 * 15)
    optimiser = BucketSwitch(decomposed_weights(model), Rule(theta_g=0.0, theta_c=1))
    for _ in range(5):
        model(x).square().sum().backward()
        optimiser.step(0.1)
    assert not model[0].weight.reshape(4, 15, 3)[:, dead.reshape(-1)].any()


def floats_after_two_steps(rule):
    """Sizes of all float tensors alive, and the size of Ce."""
    torch.manual_seed(0)
    model = to_decomposed(nn.Sequential(nn.Linear(601, 40, bias=False)), Form(theta=0.001))
    optimiser = BucketSwitch(decomposed_weights(model), rule)
    x = torch.randn(2, 601)
    for _ in range(2):
        loss = model(x).square().sum()
        loss.backward()
        optimiser.step(0.1)
        del loss
    gc.collect()
    # What torch.export has left behind in this process has symbols for sizes, and no memory.
    alive = [one for one in gc.get_objects() if type(one) in {torch.Tensor, torch.nn.Parameter}]
    return {one.numel() for one in alive if one.is_floating_point()}, held_of(model).code.numel()


def test_without_momentum_no_float_of_the_size_of_ce_outlives_a_step():
    sizes, entries = floats_after_two_steps(Rule(theta_g=0.0))
    assert entries == 40 * 2 * 101 * 3  # 201 triples in two slices of 101 rows
    assert not {entries, 601 * 40} & sizes
    sizes, _ = floats_after_two_steps(Rule(theta_g=0.0, momentum=0.9))
    assert entries in sizes


def test_momentum_is_the_running_sum_of_gradients():
    model, x = made("linear")
    held = held_of(model)
    optimiser = BucketSwitch(decomposed_weights(model), AS_RELEASED)
    expected = torch.zeros_like(held.values())
    for _ in range(3):
        model(x).square().sum().backward()
        expected = 0.9 * expected + held.gradient + 5e-4 * held.values()
        optimiser.step(0.01)
    torch.testing.assert_close(optimiser.state_dict()["0"], expected)


def test_counters_are_cleared_where_the_rule_says_so():
    for reset, left in (("epoch", False), ("fire", True)):
        model, x = made("linear")
        optimiser = BucketSwitch(decomposed_weights(model), Rule(theta_g=0.0, reset=reset))
        model(x).square().sum().backward()
        optimiser.step(0.1)
        assert held_of(model).counter.any()
        optimiser.start_epoch()
        assert bool(held_of(model).counter.any()) == left


def test_a_state_dict_brings_codes_counters_mask_and_basis_back():
    model, x = made("pointwise")
    model(x).square().sum().backward()
    BucketSwitch(decomposed_weights(model), Rule(theta_g=0.0, theta_c=1)).step(0.1)
    other, _ = made("pointwise", seed=5)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(other[0].weight, model[0].weight)


def test_every_kind_of_layer_of_a_network_is_decomposed():
    torch.manual_seed(0)
    model = to_decomposed(network("tiny").build(), Form(theta=0.05, dense=("fc",)))
    kinds = {"stem", "expand", "depthwise", "squeeze", "excite", "project", "wide", "grouped",
             "head"}  # fmt: skip
    assert set(decomposed_weights(model)) == kinds
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_bad_forms_are_refused_with_their_place():
    with pytest.raises(InputError, match="theta"):
        to_decomposed(nn.Sequential(nn.Linear(3, 3)), Form(theta=2.0))
    with pytest.raises(InputError, match="ReLU"):
        to_decomposed(nn.ReLU(), Form())
    found = decompose(np.ones((2, 6), np.float32), preset("as_released_double", basis_bits=32))
    with pytest.raises(InputError, match="exponents"):
        DecomposedWeight(found, -9, 2)
