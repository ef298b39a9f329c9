"""Drawn tensors cost what the measured ones cost, on machines whose cycles values decide.

No number here was fitted to cycles: profiles hold statistics of tensors only.
"""

import numpy as np
import profile_cycles as cycles
import pytest
from profile_layers import photo_layer

from archsim.workload.profile import draw
from sdalgo.profile import measure, nbytes

# filters, channels, side, kernel: early and late layers, 3x3 and 1x1; odd seeds have signed inputs
SHAPES = [
    (64, 32, 56, 3),
    (128, 96, 28, 1),
    (128, 64, 28, 3),
    (256, 128, 14, 1),
    (128, 128, 14, 3),
    (64, 24, 56, 1),
    (128, 256, 7, 3),
    (96, 160, 14, 1),
]


def cost(layer):
    smartdeal = (
        cycles.smartdeal_spatial(layer["input"], layer["coef"], 1, 1)
        if layer["coef"].ndim == 4
        else cycles.smartdeal_pointwise(layer["input"], layer["coef"])
    )
    return {
        "smartdeal": smartdeal,
        "bit_pragmatic": cycles.bit_pragmatic(layer["input"]),
        "scnn": cycles.scnn(layer["input"], layer["pruned"]),
        "cambricon_x": cycles.cambricon(layer["pruned"]),
    }


@pytest.fixture(scope="module")
def costs():
    """Per layer: cycles of the measured tensors, and the mean of two draws, by machine."""
    found = []
    for seed, (filters, channels, side, kernel) in enumerate(SHAPES):
        layer = photo_layer(filters, channels, side, kernel, seed)
        profile = measure("conv", layer.arrays)
        assert nbytes(profile) <= 4096
        draws = [
            cost({what: draw(profile, what, a.shape, s) for what, a in layer.arrays.items()})
            for s in (0, 1)
        ]
        drawn = {machine: np.mean([d[machine] for d in draws]) for machine in draws[0]}
        found.append((cost(layer.arrays), drawn))
    return found


@pytest.mark.parametrize(
    ("machine", "total", "worst"),
    [
        ("smartdeal", 0.03, 0.10),
        ("bit_pragmatic", 0.02, 0.05),
        ("scnn", 0.04, 0.10),
        ("cambricon_x", 0.03, 0.10),
    ],
)
@pytest.mark.slow
def test_cycles_of_drawn_layers_are_those_of_measured_ones(costs, machine, total, worst):
    pairs = np.array([(measured[machine], drawn[machine]) for measured, drawn in costs])
    gaps = pairs[:, 1] / pairs[:, 0] - 1
    assert abs(pairs[:, 1].sum() / pairs[:, 0].sum() - 1) < total
    assert np.abs(gaps).max() < worst


def test_the_same_histograms_without_structure_cost_something_else():
    """The comparison can fail: shuffled tensors keep every density and histogram of a layer."""
    rng = np.random.default_rng(0)
    totals = np.zeros((2, 4))
    for seed, shape in enumerate(SHAPES):
        arrays = photo_layer(*shape, seed).arrays
        shuffled = {
            what: rng.permutation(array.reshape(-1)).reshape(array.shape)
            for what, array in arrays.items()
            if what != "coef"
        }
        totals += [list(cost(arrays).values()), list(cost({**arrays, **shuffled}).values())]
    smartdeal, _, _, cambricon_x = totals[1] / totals[0] - 1
    assert smartdeal > 0.05
    assert cambricon_x < -0.20
