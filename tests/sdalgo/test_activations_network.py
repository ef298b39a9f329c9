"""Reading inputs and sensitivities of networks, and whole networks by the preset `activations`."""

import copy

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info
from torch import nn

from sdalgo import InputError, preset
from sdalgo.activations import sensitivity, side_by_side
from sdalgo.activations.calls import watched
from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.network import decompose_network, total_bits
from sdalgo.activations.sensitivity import sensitivities


class Small(nn.Module):
    """Strides, groups, a depthwise layer, padding by hand, and one weight that nothing uses."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(8, 8, 3, groups=8)
        self.point = nn.Conv2d(8, 12, 1, groups=2, bias=False)
        self.fc = nn.Linear(12, 10)
        self.unused = nn.Linear(4, 4)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(self.deep(nn.functional.pad(x, (1, 1, 1, 1))))
        return self.fc(self.point(x).mean(dim=(2, 3)))


LAYERS = ["first.weight", "deep.weight", "point.weight", "fc.weight"]


@pytest.fixture(scope="module")
def model():
    return Small().eval()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((12, 3, 16, 16)).astype(np.float32)


def test_columns_times_weights_are_the_outputs(model, images):
    seen = {}

    def see(name, call, output):
        seen[name] = call, output

    weights = {name: held.detach() for name, held in model.named_parameters()}
    with torch.inference_mode(), watched(model, see):
        model(torch.from_numpy(images))
    assert list(seen) == LAYERS
    for name, (call, made) in seen.items():
        columns, weight = call.columns(), weights[name]
        flat = weight.reshape(len(columns), -1, columns.shape[1])
        bias = weights.get(name.replace("weight", "bias"), torch.zeros(1))
        product = (flat @ columns).flatten(0, 1)
        if call.kernel:
            product = product.reshape(len(product), len(images), -1).transpose(0, 1)
            output = made.flatten(2) - bias[:, None]
            assert product.shape[2] == call.positions
        else:
            product, output = product.T, made - bias
        torch.testing.assert_close(product, output, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(call.product(weight).flatten(), output.flatten(), atol=1e-5,
                                   rtol=1e-4)  # fmt: skip


def test_moments_are_the_energy_of_the_outputs(model, images):
    found = layer_moments(model, images)
    assert list(found) == LAYERS
    with torch.inference_mode():
        plain = copy.deepcopy(model)
        plain.first.bias.zero_()
        outputs = plain.first(torch.from_numpy(images)).double()
    weight = model.first.weight.detach().numpy().reshape(8, -1).astype(float)
    energy = np.einsum("kd,de,ke->k", weight, found["first.weight"].second[0], weight)
    np.testing.assert_allclose(energy, outputs.square().mean(dim=(0, 2, 3)).numpy(), rtol=1e-5)


def test_sensitivities_of_large_layers_are_those_of_small_ones(monkeypatch):
    torch.manual_seed(1)
    layers = torch.nn.Conv2d(40, 8, 1), torch.nn.Flatten(), torch.nn.Linear(8 * 9, 5)
    model = torch.nn.Sequential(*layers).eval()
    images = np.random.default_rng(4).standard_normal((30, 40, 3, 3)).astype(np.float32)
    moments = layer_moments(model, images)  # 9 and 1 positions, 40 and 72 inputs
    by_inputs = sensitivities(model, images, moments, 0.01)
    monkeypatch.setattr(sensitivity, "_LARGE", 0)
    by_positions = sensitivities(model, images, moments, 0.01)
    for name in moments:
        np.testing.assert_allclose(by_positions[name], by_inputs[name], rtol=1e-4)


def test_sensitivity_predicts_the_loss_of_small_errors(model):
    images = np.random.default_rng(4).standard_normal((96, 3, 16, 16)).astype(np.float32)
    moments = layer_moments(model, images)
    found = sensitivities(model, images, moments, 0.01)
    generator = np.random.default_rng(3)
    with torch.inference_mode():
        before = model(torch.from_numpy(images)).double()
    for name in LAYERS:
        predicted, real = 0.0, 0.0
        second = moments[name].second
        for _ in range(40):
            # Errors that H sees alike in all directions, as the definition has it.
            white = generator.standard_normal((len(found[name]), second.shape[1]))
            roots = np.linalg.inv(np.linalg.cholesky(moments[name].damped(0.01).second))
            own = np.repeat(roots, len(white) // len(roots), axis=0)
            error = 1e-3 * np.einsum("kd,kde->ke", white, own)
            each = np.repeat(second, len(white) // len(second), axis=0)
            predicted += (found[name] * np.einsum("kd,kde,ke->k", error, each, error)).sum()
            other = copy.deepcopy(model)
            with torch.inference_mode():
                weight = other.get_parameter(name)
                weight += torch.from_numpy(error.reshape(weight.shape)).float()
                change = other(torch.from_numpy(images)).double() - before
            real += float((change.square().sum(1) / before.square().sum(1)).mean())
        assert predicted == pytest.approx(real, rel=0.25), name


def logits(model, found, images):
    other = copy.deepcopy(model)
    with torch.inference_mode():
        for name, layer in found.items():
            other.get_parameter(name).copy_(torch.from_numpy(layer.rebuild()))
        return other(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("bits", [9.0, 12.0])
def test_a_budget_is_met_and_outputs_are_kept(model, images, bits, sequential):
    options = preset("activations", bits=bits, sequential=sequential)
    found = decompose_network(model, images, options)
    assert sorted(found) == sorted(LAYERS)
    size = sum(model.get_parameter(name).numel() for name in found)
    assert total_bits(found, "row") / size == pytest.approx(bits, rel=0.12)
    before = logits(model, {}, images)
    wrong = logits(model, found, images) - before
    assert np.linalg.norm(wrong) < 0.35 * np.linalg.norm(before)


def test_sequential_corrects_what_earlier_layers_did(model, images):
    before = logits(model, {}, images)
    wrong = {}
    for sequential in (False, True):
        options = preset("activations", bits=None, price=3e-4, sequential=sequential)
        found = decompose_network(model, images, options)
        wrong[sequential] = np.linalg.norm(logits(model, found, images) - before)
    assert wrong[True] < wrong[False]


@pytest.mark.parametrize("sequential", [False, True])
def test_networks_give_the_same_bytes_on_any_threads(model, images, sequential, monkeypatch):
    monkeypatch.setattr(side_by_side, "_WORTH", 1)
    options = preset("activations", bits=9.0, sequential=sequential)
    threads, each = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            each.append(decompose_network(model, images, options))
    finally:
        torch.set_num_threads(threads)
    one, two = each
    assert list(one) == list(two) == LAYERS
    for name in one:
        assert one[name].coef.tobytes() == two[name].coef.tobytes()
        assert one[name].basis.tobytes() == two[name].basis.tobytes()


def test_products_have_one_thread_and_progress_is_told(model, images):
    seen, threads = [], set()

    def told(done, total, what):
        seen.append(what)
        threads.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        assert 0 <= done <= total

    before = threadpool_info()
    decompose_network(model, images, preset("activations", bits=9.0), told)
    assert threads == {1}
    assert threadpool_info() == before
    assert [*dict.fromkeys(what.split(",")[0].split(" of ")[0] for what in seen)][:4] == [
        "inputs", "sensitivities", "damping", "price 1",
    ]  # fmt: skip
    by_size = sorted(LAYERS, key=lambda name: -model.get_parameter(name).numel())
    assert seen[-len(LAYERS) - 1 :] == [by_size[0], *by_size]


def test_images_that_cannot_be_used_are_refused(model, images):
    options = preset("activations")
    with pytest.raises(InputError, match="no images"):
        decompose_network(model, images[:0], options)
    with pytest.raises(InputError, match="not finite"):
        decompose_network(model, images * np.nan, options)
