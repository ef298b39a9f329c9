"""Sequential GPTQ: equal to plain GPTQ where nothing changed, and better where something did."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.passing import MOST_PASSING, pass_once
from sdalgo.rivals.gptq import gptq
from sdalgo.rivals.gptq_sequential import Form, gptq_sequential


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(),
        nn.Conv2d(8, 24, 1, groups=2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 36, 10),
    ).eval()  # fmt: skip


NAMES = ["0.weight", "2.weight", "4.weight", "7.weight"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((24, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_first_layer_is_that_of_plain_gptq(images, corrected, share):
    """No layer stands before it: X_q = X."""
    model = small()
    plain = layer_moments(model, images)
    made = gptq_sequential(model, images, 15, plain, Form(corrected=corrected, known=share))
    assert list(made) == NAMES
    wanted = gptq(model.get_parameter("0.weight").detach().numpy(), plain["0.weight"], 15)
    np.testing.assert_array_equal(made["0.weight"].codes, wanted.codes)
    np.testing.assert_array_equal(made["0.weight"].scale, wanted.scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_alone_is_that_of_plain_gptq(images, name):
    model = small()
    plain = layer_moments(model, images)[name]
    made = gptq_sequential(model, images, 15, {name: plain})[name]
    wanted = gptq(model.get_parameter(name).detach().numpy(), plain, 15)
    np.testing.assert_array_equal(made.codes, wanted.codes)


def with_codes(model, made):
    other = copy.deepcopy(model)
    with torch.inference_mode():
        for name, coded in made.items():
            other.get_parameter(name).copy_(torch.from_numpy(coded.rebuild()))
    return other


def test_layers_are_given_what_the_quantised_network_gives_them(images):
    """X_q and X by running both networks."""
    model, seen = small(), {}

    def fit(name, weight, reached):
        seen[name] = reached
        made = np.round(weight * 4) / 4
        return made.astype(np.float32)

    pass_once(model, images, NAMES[:2] + NAMES[3:], fit)
    other = copy.deepcopy(model)
    with torch.inference_mode():
        for name in NAMES[:2]:
            weight = other.get_parameter(name)
            weight.copy_((weight * 4).round() / 4)
        was, now = (m[:7](torch.from_numpy(images)).double().numpy() for m in (model, other))
    reached = seen["7.weight"]
    assert reached.columns == len(images)
    np.testing.assert_allclose(reached.second[0], now.T @ now / len(now), atol=1e-6)
    np.testing.assert_allclose(reached.cross[0], was.T @ now / len(now), atol=1e-6)
    # The target is the least-squares solution of X_q t = X w, where that is determined.
    few = was[:, :5], now[:, :5]
    part = type(reached)(
        second=(few[1].T @ few[1])[None], cross=(few[0].T @ few[1])[None], columns=1
    )
    weight = np.random.default_rng(1).standard_normal((3, 5)).astype(np.float32)
    wanted = np.linalg.lstsq(few[1], few[0] @ weight.T, rcond=None)[0].T
    np.testing.assert_allclose(part.target(weight), wanted, rtol=1e-6)


def test_correction_lowers_the_error_of_the_outputs():
    images = np.random.default_rng(3).standard_normal((200, 3, 8, 8)).astype(np.float32)
    model = small()
    plain = layer_moments(model, images)
    weights = {name: model.get_parameter(name).detach().numpy() for name in NAMES}
    made = {
        form: gptq_sequential(model, images, 7, plain, Form(corrected=form == "corrected"))
        for form in ("corrected", "sequential")
    }
    made["once"] = {name: gptq(weights[name], plain[name], 7) for name in NAMES}
    with torch.inference_mode():
        outputs = model(torch.from_numpy(images))
        wrong = {
            form: float((with_codes(model, coded)(torch.from_numpy(images)) - outputs).norm())
            for form, coded in made.items()
        }
    assert len(images) > MOST_PASSING
    assert wrong["corrected"] < wrong["sequential"]
    assert wrong["corrected"] < wrong["once"]
