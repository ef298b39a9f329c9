"""The preset `activations` on networks of tokens, whose words and head are one weight."""

import types

import numpy as np
import pytest
import torch
from torch import nn

from archsim.formats.tensor_record import from_array
from sdalgo import InputError, preset
from sdalgo.activations import state
from sdalgo.activations.layer import decompose_layer
from sdalgo.activations.moments import moments_of, some_filters
from sdalgo.activations.network import decompose_network
from sdalgo.activations.rounds import Search

WORDS = 40


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 12)
        self.places = nn.Embedding(6, 12)
        self.middle = nn.Linear(12, 12)
        self.head = nn.Linear(12, WORDS, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids):
        held = self.words(ids) + self.places.weight[: ids.shape[1]]
        return self.head((held + torch.relu(self.middle(held)))[:, -1])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Words().eval()


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, WORDS, (20, 6))


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_tokens_calibrate_a_network(model, ids, sequential, frozen):
    model.requires_grad_(not frozen)
    options = preset("activations", bits=7.0, sequential=sequential)
    found = decompose_network(model, ids, options)
    assert sorted(found) == ["middle.weight", "words.weight"]
    size = sum(layer.rebuild().size for layer in found.values())
    assert sum(layer.bits() for layer in found.values()) / size == pytest.approx(7, rel=0.12)


def test_a_state_of_tokens_keeps_tied_weights_tied(model, ids, tmp_path, monkeypatch):
    module = types.SimpleNamespace(build=Words, INPUT=(6,), VOCABULARY=WORDS)
    monkeypatch.setattr(state, "network", lambda _name: module)
    tensors = {name: from_array(held.detach().numpy()) for name, held in model.state_dict().items()}
    np.savez(tmp_path / "ids.npz", images=ids)
    made = state.calibrated_state(
        tensors, preset("activations", bits=8.0), (tmp_path / "ids.npz", "words")
    )
    assert made.layers["head.weight"] is made.layers["words.weight"]
    assert sorted(made.others) == ["middle.bias", "places.weight"]
    for held, said in (
        (ids[:, :5], "token ids"),
        (ids.astype(float), "token ids"),
        (ids + 1, "token ids are 0 to 39"),
    ):
        np.savez(tmp_path / "bad.npz", images=held)
        with pytest.raises(InputError, match=said):
            state.tokens_of(tmp_path / "bad.npz", (6,), WORDS)
    with pytest.raises(InputError, match="not images"):
        state.tokens_of(tmp_path, (6,), WORDS)


def test_wide_layers_are_searched_in_parts(monkeypatch):
    from sdalgo.activations import layer

    weight = np.random.default_rng(0).normal(0, 0.1, (50, 12)).astype(np.float32)
    moments = moments_of(np.random.default_rng(1).standard_normal((12, 90))).damped(0.01)
    search = Search.of(preset("activations"), 0.0)
    whole = decompose_layer(weight, moments, search)
    monkeypatch.setattr(layer, "_AT_ONCE", 20)
    parts = decompose_layer(weight, moments, search)
    # Where bits cost nothing, filters do not know of one another.
    np.testing.assert_array_equal(parts.rebuild(), whole.rebuild())


def test_some_filters_bring_their_inputs():
    weight = np.arange(24, dtype=np.float32).reshape(8, 1, 1, 3)
    held = moments_of(np.random.default_rng(0).standard_normal((4, 3, 9)))
    few, own = some_filters(weight, held, 3)
    assert [int(f[0, 0, 0]) for f in few] == [0, 12, 21]
    np.testing.assert_array_equal(own.second, held.second[[0, 2, 3]])
    assert some_filters(weight, held, 8) == (weight, held)
