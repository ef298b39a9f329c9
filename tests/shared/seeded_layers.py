"""Small seeded layers of all kinds for tests of RTL, and their windows as plain arrays."""

import numpy as np
from kernel_layers import Case

from archsim.workload.convolution import Geometry

KINDS = ("spatial", "1x1", "linear", "grouped", "depthwise")


def seeded_case(kind: str, seed: int) -> Case:
    """A layer of a kind: strides, paddings, dilations, int8 and uint8, dense to empty."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    groups = {"grouped": int(rng.integers(2, 4)), "depthwise": int(rng.integers(2, 36))}.get(
        kind, 1
    )
    each = 1 if kind == "depthwise" else int(rng.choice([16, rng.integers(1, 40 // groups)]))
    filters = groups * (1 if kind == "depthwise" else int(rng.integers(1, 4)))
    kernel, stride, dilation, padding = (1, 1), (1, 1), (1, 1), (0, 0, 0, 0)
    if kind not in {"1x1", "linear"}:
        kernel = tuple(int(n) for n in rng.integers(1, 4, 2))
        dilation = tuple(int(n) for n in rng.choice([1, 1, 2], 2))
        padding = tuple(int(n) for n in rng.integers(0, 2, 4))
    if kind != "linear":
        stride = tuple(int(n) for n in rng.integers(1, 3, 2))
    geometry = Geometry(
        kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    plane = (int(rng.integers(1, 12)), 1)
    if kind != "linear":
        plane = tuple(geometry.reach[axis] + int(rng.integers(1, 4)) for axis in (0, 1))
    low, high = ((-128, 128), (0, 256))[int(rng.integers(0, 2))]
    inputs = rng.integers(low, high, (groups * each, *plane))
    inputs = inputs >> int(rng.integers(0, 6))  # few terms as well as many
    inputs *= rng.random(inputs.shape) < rng.choice([1.0, 0.6, 0.2, 0.0], p=[0.4, 0.3, 0.2, 0.1])
    weights = rng.integers(-128, 128, (filters, each, *kernel))
    return Case(weights, inputs, geometry)


def windows_of(case: Case) -> np.ndarray:
    """What each window reads, by loops: (P, Q, C, R, S), zero in the padding."""
    C, height, width = case.activations.shape
    (P, Q), (R, S), geo = case.out_size, case.kernel, case.geometry
    out = np.zeros((P, Q, C, R, S), np.int64)
    for p, q, r, s in np.ndindex(P, Q, R, S):
        y = p * geo.stride[0] + r * geo.dilation[0] - geo.padding[0]
        x = q * geo.stride[1] + s * geo.dilation[1] - geo.padding[1]
        if 0 <= y < height and 0 <= x < width:
            out[p, q, :, r, s] = case.activations[:, y, x]
    return out


def outputs_of(case: Case) -> np.ndarray:
    """The layer's outputs (K, P, Q), by the definition of a grouped convolution."""
    windows, groups = windows_of(case), case.geometry.groups
    K, each = case.weights.shape[:2]
    per_group = K // groups
    return np.stack(
        [
            np.einsum(
                "pqcrs,crs->pq",
                windows[:, :, k // per_group * each : (k // per_group + 1) * each],
                case.weights[k],
            )
            for k in range(K)
        ]
    )
