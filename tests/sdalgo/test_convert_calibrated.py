"""`sdalgo.convert(calibration=)`: the preset `activations` in a torch module."""

import numpy as np
import pytest
import torch
from torch import nn

import sdalgo
from sdalgo import InputError, preset
from sdalgo.activations.network import decompose_network
from sdalgo.modules import convert


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(30, 12)
        self.mix = nn.Linear(12, 12)
        self.over = nn.Conv1d(12, 12, 1)
        self.head = nn.Linear(12, 30)
        self.head.weight = self.words.weight

    def forward(self, ids):
        held = self.mix(self.words(ids))
        return self.head(self.over(held.transpose(1, 2)).mean(dim=2))


def test_weights_are_those_of_the_network_decomposed(capsys):
    model, options = Tied(), preset("activations", bits=None, price=1e-5)
    ids = np.random.default_rng(0).integers(0, 30, (24, 5))
    found = decompose_network(Tied(), ids, options)
    made = convert(model, options, calibration=ids)
    assert sorted(found) == ["mix.weight", "words.weight"]
    np.testing.assert_array_equal(made.mix.weight.numpy(), found["mix.weight"].rebuild())
    np.testing.assert_array_equal(made.head.weight.numpy(), found["words.weight"].rebuild())
    assert torch.equal(made.words.weight, made.head.weight)
    assert torch.equal(made.over.weight, model.over.weight)  # no convolution over two axes
    assert "over.weight" in capsys.readouterr().err
    assert made.training
    assert model.training
    assert not hasattr(model.mix, "parametrizations")
    assert sdalgo.convert is convert


def test_outputs_are_nearer_than_those_of_fitted_weights():
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 24, 1), nn.Flatten(), nn.Linear(24 * 16, 10)
    ).eval()
    images = torch.randn(64, 3, 6, 6) + torch.randn(64, 1, 1, 1) * 2
    plain = convert(model, preset("as_paper", density=0.6))
    ours = convert(model, preset("activations", bits=3.0), calibration=images[:48].numpy())
    with torch.inference_mode():
        wanted = model(images[48:])
        wrong = [float((m(images[48:]) - wanted).norm()) for m in (ours, plain)]
    assert wrong[0] < wrong[1]


def test_calibration_and_preset_go_together():
    ids = np.zeros((2, 5), np.int64)
    with pytest.raises(InputError, match="go together"):
        convert(Tied(), preset("activations"))
    with pytest.raises(InputError, match="go together"):
        convert(Tied(), calibration=ids)
