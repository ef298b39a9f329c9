"""Building workloads: what is written, that archsim reads it, and that a stopped build goes on."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")

from safetensors.numpy import load_file

from archsim.formats.errors import InputError
from archsim.workload.workload import load_workload
from sdalgo import sparsity
from sdalgo.build import build
from sdalgo.ratios import load_ratios
from sdalgo.recipe import load_recipe, recipe_names


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    built = build(load_recipe("tiny_sd"), folder)
    return folder, built, load_file(built.tensors)


def test_archsim_reads_what_was_built(tiny):
    folder, built, _ = tiny
    workload = load_workload(str(built.yaml))
    assert workload.mode == "measured"
    assert len(workload.layers) == built.layers == 17
    assert any("SYNTHETIC" in note for note in workload.notes)
    for layer in workload.layers:
        if layer.is_array:
            tensors = workload.tensors(layer)
            assert tensors.get("weight").shape == layer.weight_shape()
            assert tensors.get("input").shape == layer.input_shape()
            if layer.kernel != (5, 5):
                assert tensors.get("coef").shape == layer.coef_shape()
    assert sorted(path.name for path in folder.iterdir()) == ["tiny_sd.safetensors", "tiny_sd.yaml"]


def test_tensors_are_as_the_format_says(tiny):
    _, _, arrays = tiny
    assert {key.rsplit("/", 1)[1] for key in arrays} == {
        "input", "weight", "pruned", "coef", "basis", "basis_scale",
    }  # fmt: skip
    for key, array in arrays.items():
        wanted = np.float32 if key.endswith("/basis_scale") else np.int8
        assert array.dtype == wanted, key
    assert "wide/coef" not in arrays  # 5x5 stays raw
    assert np.abs(arrays["stem/weight"]).max() == 127
    assert arrays["stem/input"].shape == (3, 32, 32)
    kept = np.count_nonzero(arrays["head/pruned"]) / arrays["head/pruned"].size
    assert kept == pytest.approx(0.6, abs=0.01)


def test_coefficients_rebuild_the_row_pruned_weight(tiny):
    import torch

    from sdalgo.networks import network
    from sdalgo.pretrained import synthetic

    _, _, arrays = tiny
    with torch.device("meta"):
        model = network("tiny").build()
    weight = synthetic(model, 0).state["head.weight"].numpy()
    pruned = sparsity.apply_row_mask(weight, sparsity.row_mask_by_ratio(weight, 0.3))
    coef = arrays["head/coef"].astype(np.int32)
    values = np.sign(coef) * np.where(coef == 0, 0.0, 2.0 ** (np.abs(coef) - 1))
    basis = arrays["head/basis"].astype(float) * arrays["head/basis_scale"][:, :, None, None]
    assert basis.shape == (10, 1, 3, 3)
    rebuilt = np.einsum("kcsr,krn->kcsn", values, basis[:, 0])
    assert np.linalg.norm(rebuilt - pruned) / np.linalg.norm(pruned) < 0.3
    rows = pruned.any(axis=3)
    assert not coef[~rows].any()
    # All ten filters are one group of 32: they share their dead rows.
    assert (rows == rows[:1]).all()


def test_equal_builds_are_equal_bytes_and_a_seed_changes_them(tiny, tmp_path):
    _, built, _ = tiny
    again = build(load_recipe("tiny_sd"), tmp_path)
    assert again.yaml.read_bytes() == built.yaml.read_bytes()
    assert again.tensors.read_bytes() == built.tensors.read_bytes()
    other = build(load_recipe("tiny_sd"), tmp_path, seed=1)
    assert other.tensors.read_bytes() != built.tensors.read_bytes()


def test_a_stopped_build_goes_on_where_it_was_and_makes_a_damaged_part_again(
    tiny, tmp_path, capsys
):
    _, built, _ = tiny

    def stop(done, _total, _name):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(load_recipe("tiny_sd"), tmp_path, progress=stop)
    assert not (tmp_path / "tiny_sd.yaml").exists()
    damaged = sorted((tmp_path / ".tiny_sd.parts").glob("*.json"))[0]
    damaged.write_bytes(damaged.read_bytes().replace(b"0", b"1", 1))
    resumed = build(load_recipe("tiny_sd"), tmp_path)
    assert f"{damaged}: was changed" in capsys.readouterr().err
    assert resumed.reused == 4
    assert resumed.tensors.read_bytes() == built.tensors.read_bytes()
    assert resumed.yaml.read_bytes() == built.yaml.read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        build(load_recipe("tiny_sd"), tmp_path / "file")


def test_every_recipe_is_readable_and_names_what_exists():
    from sdalgo.given_weights import keys_of
    from sdalgo.networks import names
    from sdalgo.pretrained import ONNX_FILES, SOURCES
    from sdalgo.recipe import GIVEN

    assert len(recipe_names()) >= 12
    for name in recipe_names():
        recipe = load_recipe(name)
        if recipe.weights == GIVEN:
            assert keys_of(recipe).found
        elif recipe.network == "onnx":
            assert recipe.weights in ONNX_FILES
        else:
            assert recipe.network in names()
            assert recipe.weights in SOURCES
        assert recipe.options().theta == (4e-3 if recipe.theta is None else recipe.theta)
        if recipe.rows_pruned:
            assert all(0 <= ratio <= 1 for ratio in load_ratios(recipe.rows_pruned).values())
    with pytest.raises(InputError, match="tiny_sd"):
        load_recipe("tiny")


@pytest.mark.parametrize(
    ("ratios", "network", "layer", "value"),
    [
        ("table10_c10", "resnet18_cifar", "layer4.1.conv2", 0.5),
        ("table10_c10_delta", "resnet18_cifar", "layer4.0.conv2", 0.9),
        ("table10_c100", "resnet18_cifar", "layer2.0.downsample.0", 0.1),
        ("table11_c10", "mobilenet_v2_cifar", "layers.16.shortcut.0", 0.6),
        ("table11_c100", "mobilenet_v2_cifar", "layers.15.conv3", 0.4),
    ],
)
def test_ratio_tables_name_every_layer_in_order(ratios, network, layer, value):
    import torch

    from sdalgo.graph import layer_graph
    from sdalgo.networks import network as find

    with torch.device("meta"):
        state = find(network).build().state_dict()
    layers = [key.removesuffix(".weight") for key, v in state.items() if v.ndim >= 2]
    found = load_ratios(ratios)
    assert list(found) == layers
    assert found[layer] == value
    assert len(layer_graph(find(network).build(), find(network).INPUT)) > len(layers)


@pytest.mark.data
@pytest.mark.slow
def test_mobilenet_v2_inputs_are_those_of_the_real_network(tmp_path):
    # Released ImageNet weights and a real photograph: ReLU6 outputs are about a third zero.
    built = build(load_recipe("mobilenet_v2_sd"), tmp_path)
    arrays = load_file(built.tensors)
    inputs = [array for key, array in arrays.items() if key.endswith("/input")]
    zero = sum(int((array == 0).sum()) for array in inputs) / sum(array.size for array in inputs)
    assert zero == pytest.approx(0.352, abs=0.03)
    assert built.nonzeros / built.coefficients == pytest.approx(0.930, abs=0.001)
