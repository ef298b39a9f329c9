"""Workloads of published densities: drawn tensors have them, and shapes are those of the papers."""

from itertools import pairwise

import numpy as np
import pytest
from slow_cases import slow_where

from archsim.formats.search import inner_names, names
from archsim.workload.workload import load_workload

# Han et al., NIPS'15, Tables 4 and 5: Act%, Weights% and FLOP% of each layer. The last column is
# the product of the second with the first of the layer before, in whole per cent.
ALEXNET = {
    "conv1": (88, 84, 84), "conv2": (52, 38, 33), "conv3": (37, 35, 18), "conv4": (40, 37, 14),
    "conv5": (34, 37, 14), "fc6": (36, 9, 3), "fc7": (40, 9, 3), "fc8": (100, 25, 10),
}  # fmt: skip
VGG16 = {
    "conv1_1": (53, 58, 58), "conv1_2": (89, 22, 12), "conv2_1": (80, 34, 30),
    "conv2_2": (81, 36, 29), "conv3_1": (68, 53, 43), "conv3_2": (70, 24, 16),
    "conv3_3": (64, 42, 29), "conv4_1": (51, 32, 21), "conv4_2": (45, 27, 14),
    "conv4_3": (34, 34, 15), "conv5_1": (32, 35, 12), "conv5_2": (29, 29, 9),
    "conv5_3": (19, 36, 11), "fc6": (38, 4, 1), "fc7": (42, 4, 2), "fc8": (100, 23, 9),
}  # fmt: skip
# SCNN, ISCA'17, Figure 1, as github.com/james98kr/SCNN_simulation has it: shares of zeros among
# activations and weights.
SCNN_VGG16 = {
    "conv1_1": (0, 0.43), "conv1_2": (0.5, 0.79), "conv2_1": (0.11, 0.67), "conv2_2": (0.21, 0.65),
    "conv3_1": (0.19, 0.47), "conv3_2": (0.37, 0.78), "conv3_3": (0.31, 0.59),
    "conv4_1": (0.29, 0.68), "conv4_2": (0.5, 0.74), "conv4_3": (0.55, 0.66),
    "conv5_1": (0.61, 0.65), "conv5_2": (0.67, 0.71), "conv5_3": (0.68, 0.64),
}  # fmt: skip
SCNN_GOOGLENET = {
    "inception_3a.conv_1x1": (0.29, 0.62), "inception_3a.reduce_3x3": (0.29, 0.58),
    "inception_3a.conv_3x3": (0.33, 0.55), "inception_3a.reduce_5x5": (0.29, 0.64),
    "inception_3a.conv_5x5": (0.23, 0.65), "inception_3a.pool_proj": (0.04, 0.57),
    "inception_5b.conv_1x1": (0.69, 0.68), "inception_5b.reduce_3x3": (0.69, 0.67),
    "inception_5b.conv_3x3": (0.7, 0.63), "inception_5b.reduce_5x5": (0.69, 0.67),
    "inception_5b.conv_5x5": (0.54, 0.64), "inception_5b.pool_proj": (0.43, 0.68),
}  # fmt: skip


def of_han(rows):
    """(activations, weights) that go into each layer; the image is dense."""
    inputs = [100, *(act for act, _, _ in rows.values())]
    return {
        name: (act / 100, kept / 100)
        for act, (name, (_, kept, _)) in zip(inputs, rows.items(), strict=False)
    }


def of_scnn(rows):
    return {name: (1 - inputs, 1 - weights) for name, (inputs, weights) in rows.items()}


PUBLISHED = {
    "alexnet_han": of_han(ALEXNET),
    "vgg16_han": of_han(VGG16),
    "alexnet_scnn": {k: v for k, v in of_han(ALEXNET).items() if k.startswith("conv")},
    "vgg16_scnn": of_scnn(SCNN_VGG16),
    "googlenet_scnn": of_scnn(SCNN_GOOGLENET),
}
# SCNN's Table 1: convolutions, and billions of multiplications.
TABLE_1 = {"alexnet_scnn": (5, 0.69), "googlenet_scnn": (54, 1.1), "vgg16_scnn": (13, 15.3)}


@pytest.mark.parametrize("rows", [ALEXNET, VGG16])
def test_hans_columns_agree_with_each_other(rows):
    rows = [(100, 0, 0), *rows.values()]
    for (act, _, _), (_, kept, flops) in pairwise(rows):
        assert act * kept / 100 == pytest.approx(flops, abs=1)


@pytest.mark.parametrize("name", slow_where(lambda name: name.endswith("_han"), PUBLISHED))
def test_drawn_densities_are_the_published_ones(name):
    workload = load_workload(f"published/{name}")
    for layer_name, expected in PUBLISHED[name].items():
        layer = workload.layer(layer_name)
        tensors = workload.tensors(layer)
        for form, density in zip(("input", "pruned"), expected, strict=True):
            values = tensors.need(form)
            assert np.count_nonzero(values) / values.size == pytest.approx(density, rel=0.005)
        workload.release(layer)


def test_every_layer_has_its_own_line():
    for name, expected in PUBLISHED.items():
        layers = [layer for layer in load_workload(f"published/{name}").layers if layer.is_array]
        if name != "googlenet_scnn":
            assert [layer.name for layer in layers] == list(expected)


def test_between_two_published_modules_densities_go_evenly():
    workload = load_workload("published/googlenet_scnn")
    modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    for branch in ("conv_1x1", "reduce_3x3", "conv_3x3", "reduce_5x5", "conv_5x5", "pool_proj"):
        profiles = [workload.layer(f"inception_{m}.{branch}").profile for m in modules]
        for what in ("input", "weight"):
            shares = [getattr(profile.density, what) for profile in profiles]
            assert shares == pytest.approx(np.linspace(shares[0], shares[-1], 9), abs=1e-4)


@pytest.mark.parametrize("name", TABLE_1)
def test_layers_and_multiplications_are_those_of_scnns_table(name):
    layers = [layer for layer in load_workload(f"published/{name}").layers if layer.is_array]
    count, billions = TABLE_1[name]
    assert len(layers) == count
    # AlexNet's convolutions are 0.666 billion by their shapes.
    assert sum(layer.macs for layer in layers) / 1e9 == pytest.approx(billions, rel=0.04)


def test_dense_googlenet_is_the_same_network_without_zeros():
    sparse, dense = (load_workload(f"published/googlenet_{kind}") for kind in ("scnn", "dense"))
    assert [layer.shape for layer in dense.layers] == [layer.shape for layer in sparse.layers]
    layer = dense.layer("inception_5b.conv_5x5")
    assert dense.tensors(layer).need("input").all()
    assert dense.tensors(layer).need("pruned").all()


def test_what_is_drawn_is_said():
    for name in PUBLISHED:
        notes = load_workload(f"published/{name}").notes
        for what in ("weights", "activations"):
            said = next(note for note in notes if note.startswith(f"{what}: "))
            assert "PUBLISHED DENSITIES" in said
            assert "positions and values drawn" in said


def test_they_are_found_by_name_and_not_listed_with_the_others():
    found = inner_names("workloads")
    assert {f"published/{name}" for name in PUBLISHED} <= found.keys()
    assert not any("published" in str(path.parent.name) for path in names("workloads").values())
