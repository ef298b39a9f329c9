"""NaN and infinity in a network stop what would turn them into zeros."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo import build as building  # noqa: E402
from sdalgo.finite import first_layer  # noqa: E402
from sdalgo.options import preset  # noqa: E402
from sdalgo.pretrained import SOURCES, synthetic  # noqa: E402
from sdalgo.recipe import load_recipe  # noqa: E402
from sdalgo.sweep import sweep  # noqa: E402


@pytest.mark.parametrize("ending", ["running_var", "weight", "bias"])
def test_a_build_and_a_sweep_name_the_tensor(ending, tmp_path, monkeypatch):
    recipe = load_recipe("tiny_sd")

    def broken(model, seed):
        weights = synthetic(model, seed)
        name = next(n for n in weights.state if n.endswith(ending))
        weights.state[name].view(-1)[0] = torch.inf
        return weights

    monkeypatch.setitem(SOURCES, recipe.weights, broken)
    for run in (
        lambda: building.build(recipe, tmp_path),
        lambda: sweep("tiny_sd", preset("best"), (0.0,)),
    ):
        with pytest.raises(InputError, match=rf"{ending}: 1 of \d+ values are NaN or infinite"):
            run()


def test_a_build_names_the_layer_whose_inputs_are_not_finite(tmp_path, monkeypatch):
    recipe = load_recipe("tiny_sd")
    real = building.activations

    def broken(model, images):
        found = real(model, images)
        found[list(found)[1]].flat[0] = np.nan
        return found

    monkeypatch.setattr(building, "activations", broken)
    with pytest.raises(InputError, match=r"layer \S+: 1 of \d+ inputs are NaN or infinite"):
        building.build(recipe, tmp_path)


def test_the_first_layer_that_gives_nan_is_found():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.ReLU())
    model.eval()
    assert not first_layer(model, torch.ones(3, 2))
    model[1].running_var[0] = torch.nan
    assert first_layer(model, torch.ones(3, 2)) == "1"
