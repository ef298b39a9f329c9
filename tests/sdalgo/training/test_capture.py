"""Captured tensors against autograd, and the written workload against archsim's loader."""

import numpy as np
import pytest
import torch
from torch import nn

from archsim import load_workload
from sdalgo.graph import layer_graph
from sdalgo.networks import network
from sdalgo.recipe import Recipe, load_recipe
from sdalgo.training.capture import build_training, capture
from sdalgo.training.convert import Form, decomposed_weights, to_decomposed


def test_captured_tensors_are_those_of_the_step():
    torch.manual_seed(0)
    plain = network("tiny").build()
    model = to_decomposed(plain, Form(theta=0.05, dense=("fc",)))
    names = [node.name for node in layer_graph(network("tiny").build(), (3, 32, 32))
             if node.has_weights]  # fmt: skip
    x, y = torch.randn(4, 3, 32, 32), torch.arange(4)
    dense = network("tiny").build()
    state = {name: value for name, value in model.state_dict().items() if "param" not in name}
    state |= {f"{name}.weight": model.get_submodule(name).weight.detach().clone()
              for name in decomposed_weights(model)}  # fmt: skip
    dense.load_state_dict(state)
    found = capture(model, names, (x, y), stored=2)
    nn.functional.cross_entropy(dense.train()(x), y).backward()
    for name in names:
        layer = dense.get_submodule(name)
        for what, wanted in (("weight", layer.weight), ("gradient", layer.weight.grad)):
            tensor = found[f"{name}/{what}"]
            assert tensor.dtype == "BF16"
            rounded = wanted.detach().to(torch.bfloat16).float().numpy()
            np.testing.assert_allclose(tensor.array(), rounded, rtol=0.02, atol=1e-6)
        assert found[f"{name}/input"].shape[0] == found[f"{name}/error"].shape[0] == 2
    held = decomposed_weights(model)["project"]
    assert np.array_equal(found["project/mask"].array() != 0, held.live().numpy())
    assert "fc/coef" not in found


@pytest.mark.data
def test_a_built_training_workload_loads(tmp_path):
    recipe = Recipe(name="tiny_sdt", about="", network="tiny", task="training", theta=0.02)
    built = build_training(recipe, tmp_path)
    workload = load_workload(str(built.yaml))
    assert (workload.task, workload.batch, workload.mode) == ("training", 128, "measured")
    layer = next(one for one in workload.layers if one.name == "grouped")
    tensors = workload.tensors(layer)
    assert tensors.get("input").shape == (4, *layer.input_shape())
    assert tensors.get("error").any()
    assert tensors.get("counter").shape == tensors.get("coef").shape
    assert not tensors.get("coef")[tensors.get("mask") == 0].any()
    assert 0 < built.nonzeros < built.coefficients


def test_the_training_recipe_names_its_task():
    assert load_recipe("resnet18_cifar_sdt").task == "training"
