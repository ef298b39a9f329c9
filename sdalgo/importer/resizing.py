"""Resize: another size by interpolation, as ONNX defines it axis by axis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Given, Kind, numbers, optional

Taps = list[tuple[Tensor, Tensor]]
"""(where in the axis, with what weight) of every output; several taps make one output."""


def resized_shape(given: Given, attrs: Attributes) -> tuple[list[int], list[float]]:
    """Sizes that a Resize asks for, and the scale of each axis; ValueError where it says none."""
    shape = list(given[0].shape)
    scales, sizes = optional(given, 2), numbers(optional(given, 3))
    axes = [axis % len(shape) for axis in attrs.get("axes", range(len(shape)))]
    found, factors = list(shape), [1.0] * len(shape)
    if sizes:
        wanted = _kept_ratio([shape[axis] for axis in axes], sizes, attrs)
        for axis, size in zip(axes, wanted, strict=True):
            found[axis], factors[axis] = size, size / shape[axis]
    elif scales is not None and scales.numel():
        for axis, scale in zip(axes, scales.tolist(), strict=True):
            found[axis], factors[axis] = math.floor(shape[axis] * scale), scale
    else:
        raise ValueError("it says neither scales nor sizes")
    if min(found) < 1:
        raise ValueError(f"sizes {found}: at least 1 each")
    return found, factors


def _kept_ratio(shape: list[int], sizes: list[int], attrs: Attributes) -> list[int]:
    policy = attrs.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return sizes
    ratios = [size / n for size, n in zip(sizes, shape, strict=True)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [math.floor(scale * n + 0.5) for n in shape]


def _coordinates(size: int, out: int, scale: float, mode: str) -> Tensor:
    """Where in the axis each output lies."""
    at = torch.arange(out, dtype=torch.float64)
    if mode == "asymmetric":
        return at / scale
    if mode == "align_corners":
        return at * ((size - 1) / (out - 1)) if out > 1 else torch.zeros(out, dtype=torch.float64)
    if mode == "pytorch_half_pixel" and out == 1:
        return torch.zeros(1, dtype=torch.float64)
    if mode == "half_pixel_symmetric":
        centre = size / 2 * (1 - out / (scale * size))
        return centre + (at + 0.5) / scale - 0.5
    return (at + 0.5) / scale - 0.5


def _nearest(at: Tensor, rounding: str) -> Tensor:
    if rounding == "floor":
        return at.floor()
    if rounding == "ceil":
        return at.ceil()
    if rounding == "round_prefer_ceil":
        return (at + 0.5).floor()
    return (at - 0.5).ceil()


def _taps(at: Tensor, size: int, attrs: Attributes) -> Taps:
    mode = attrs.get("mode", "nearest")
    if mode == "nearest":
        rounding = attrs.get("nearest_mode", "round_prefer_floor")
        return [(_nearest(at, rounding), torch.ones_like(at))]
    below = at.floor()
    part = at - below
    if mode == "linear":
        return [(below, 1 - part), (below + 1, part)]
    a = attrs.get("cubic_coeff_a", -0.75)
    taps = []
    for offset in (-1, 0, 1, 2):
        d = (part - offset).abs()
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        taps.append((below + offset, torch.where(d <= 1, near, far)))
    if not attrs.get("exclude_outside", 0):
        return taps
    inside = [(w, torch.where((w >= 0) & (w < size), weight, 0.0)) for w, weight in taps]
    total = torch.stack([weight for _, weight in inside]).sum(0)
    return [(where, weight / total) for where, weight in inside]


def _resize(given: Given, attrs: Attributes) -> Tensor:
    x, dtype = given[0], given[0].dtype
    shape, scales = resized_shape(given, attrs)
    mode = attrs.get("coordinate_transformation_mode", "half_pixel")
    for axis, (size, out, scale) in enumerate(zip(x.shape, shape, scales, strict=True)):
        if size == out and scale == 1:
            continue
        torch.empty(out, dtype=torch.float64)
        at = _coordinates(size, out, scale, mode)
        parts = []
        for where, weight in _taps(at, size, attrs):
            taken = x.index_select(axis, where.clamp(0, size - 1).to(torch.int64))
            if bool((weight == 1).all()):
                parts.append(taken)
                continue
            sizes = [out if i == axis else 1 for i in range(x.ndim)]
            parts.append(taken * weight.to(torch.float32).reshape(sizes))
        x = sum(parts[1:], parts[0])
    return x.to(dtype)


KINDS: dict[str, Kind] = {
    "Resize": Kind(
        rule="resize", inputs=(1, 4), compute=_resize,
        reads=("cubic_coeff_a", "exclude_outside", "extrapolation_value", "axes"),
        only={
            "mode": ("nearest", "linear", "cubic"), "antialias": 0,
            "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
            "coordinate_transformation_mode": (
                "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                "asymmetric",
            ),
            "keep_aspect_ratio_policy": ("stretch", "not_larger", "not_smaller"),
        },
    ),
}  # fmt: skip
