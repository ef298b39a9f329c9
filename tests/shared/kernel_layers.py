"""Layers for the kernels' tests: the seeded fixture of five ResNet50-sized layers, and small
random ones.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import strategies as st

from archsim.workload.convolution import Geometry

# name: out and in channels, kernel, side of the plane, stride, padding
FIXTURE = {
    "c2_3x3": (64, 64, 3, 56, 1, 1),
    "c2_1x1": (64, 256, 1, 56, 1, 0),
    "c4_3x3": (256, 256, 3, 14, 1, 1),
    "c5_3x3": (512, 512, 3, 7, 1, 1),
    "c3_proj": (512, 256, 1, 56, 2, 0),
}


@dataclass(frozen=True)
class Case:
    """One layer: integer weights (K, C/g, R, S) and activations (C, H, W)."""

    weights: np.ndarray
    activations: np.ndarray
    geometry: Geometry

    @property
    def kernel(self):
        return self.weights.shape[2:]

    @property
    def out_size(self):
        return self.geometry.out_size(self.activations.shape[1:])

    @property
    def pixels(self):
        return self.out_size[0] * self.out_size[1]


@cache
def fixture_layers():
    """The five layers, drawn in order from one generator."""
    rng = np.random.default_rng(7)
    cases = {}
    for name, (K, C, R, side, stride, pad) in FIXTURE.items():
        weights = np.clip(np.round(rng.laplace(0, 18, (K, C, R, R))), -127, 127)
        weights[rng.random(weights.shape) < 0.6] = 0
        inputs = np.clip(np.round(rng.exponential(16, (C, side, side))), 0, 255)
        inputs[rng.random(inputs.shape) < 0.45] = 0
        geometry = Geometry(kernel=(R, R), stride=(stride, stride), padding=(pad,) * 4)
        cases[name] = Case(weights.astype(np.int16), inputs.astype(np.int16), geometry)
    return cases


@st.composite
def small_cases(draw, max_filters=9, low=0):
    """Small layers of every kind: strides, four paddings, dilation, groups, depthwise, empty."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    each = draw(st.integers(1, 4))
    depthwise = draw(st.integers(0, 5)) == 0
    if depthwise:
        groups, each = draw(st.integers(2, 6)), 1
    most = max(1, max_filters // groups)
    filters = groups if depthwise else groups * draw(st.sampled_from([most, *range(1, most)]))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    geometry = Geometry(
        kernel=kernel,
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=tuple(draw(st.integers(0, 2)) for _ in range(4)),
        dilation=(draw(st.sampled_from([1, 1, 2])), draw(st.sampled_from([1, 1, 2]))),
        groups=groups,
    )
    plane = []
    for axis in (0, 1):
        pads = geometry.padding[axis] + geometry.padding[axis + 2]
        least = max(1, geometry.reach[axis] + 1 - pads)
        plane.append(draw(st.integers(least, least + 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([1.0, 0.9, 0.5, 0.5, 0.1, 0.0]))
    weights = rng.integers(1, 128, (filters, each, *kernel))
    weights *= rng.random(weights.shape) < density
    inputs = rng.integers(min(low, 0), 256 if low == 0 else -low, (groups * each, *plane))
    inputs *= rng.random(inputs.shape) < draw(st.sampled_from([1.0, 0.9, 0.6, 0.6, 0.2, 0.0]))
    return Case(weights, inputs, geometry)


@st.composite
def crowded_cases(draw):
    """Small layers, half of them with few different filters and columns alive, which crowd few
    banks.
    """
    case = draw(small_cases(max_filters=40))
    every, stride = draw(st.sampled_from([1, 2, 4, 8])), case.geometry.stride[1]
    if every == 1:
        return case
    weights = case.weights * (np.arange(len(case.weights)) % every == 1)[:, None, None, None]
    columns = np.arange(case.activations.shape[2]) // stride % draw(st.sampled_from([1, 2])) == 0
    return Case(weights, case.activations * columns, case.geometry)
