"""Operators that reduce axes, and those that normalise over them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Given, Kind, optional
from sdalgo.importer.shaping import axes_of

Reduce = Callable[[Tensor, list[int], bool], Tensor]


def reduced_axes(given: Given, attrs: Attributes, rank: int) -> list[int]:
    """The axes that go, each from 0; none where nothing is reduced."""
    axes = axes_of(given, attrs)
    if not axes:
        return [] if attrs.get("noop_with_empty_axes", 0) else list(range(rank))
    if any(not -rank <= axis < rank for axis in axes):
        raise ValueError(f"axes {axes} of {rank}")
    return sorted({axis % rank for axis in axes})


def _reduced(reduce: Reduce, given: Given, attrs: Attributes) -> Tensor:
    axes = reduced_axes(given, attrs, given[0].ndim)
    if not axes:
        return given[0]
    return reduce(given[0], axes, bool(attrs.get("keepdims", 1)))


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in reversed(axes):
        x = x.prod(axis, keepdim=keep, dtype=x.dtype)
    return x


def _arg(largest: bool, given: Given, attrs: Attributes) -> Tensor:
    axis, x = attrs.get("axis", 0), given[0]
    best = x.amax(axis, keepdim=True) if largest else x.amin(axis, keepdim=True)
    hits = x == best  # the first of equal ones, or the last
    if attrs.get("select_last_index", 0):
        where = x.shape[axis] - 1 - hits.flip(axis).to(torch.uint8).argmax(axis, keepdim=True)
    else:
        where = hits.to(torch.uint8).argmax(axis, keepdim=True)
    return where if attrs.get("keepdims", 1) else where.squeeze(axis)


def _batch_norm(given: Given, attrs: Attributes) -> Tensor:
    x, scale, shift, mean, variance = given
    return F.batch_norm(x, mean, variance, scale, shift, eps=attrs.get("epsilon", 1e-5))


def _layer_norm(given: Given, attrs: Attributes) -> list[Tensor]:
    x, scale, shift = given[0], given[1], optional(given, 2)
    axes = list(range(attrs.get("axis", -1) % x.ndim, x.ndim))
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    inverse = torch.rsqrt((centred**2).mean(axes, keepdim=True) + attrs.get("epsilon", 1e-5))
    out = centred * inverse * scale
    return [out if shift is None else out + shift, mean, inverse]


def _rms_norm(given: Given, attrs: Attributes) -> Tensor:
    x, scale = given[0], given[1]
    axes = list(range(attrs.get("axis", -1) % x.ndim, x.ndim))
    mean = (x**2).mean(axes, keepdim=True)
    return x * torch.rsqrt(mean + attrs.get("epsilon", 1e-5)) * scale


def _instance_norm(given: Given, attrs: Attributes) -> Tensor:
    return _grouped(given, given[0].shape[1], attrs.get("epsilon", 1e-5))


def _grouped(given: Given, groups: int, epsilon: float) -> Tensor:
    x, scale, shift = given
    rows = x.reshape(x.shape[0], groups, -1)
    variance, mean = torch.var_mean(rows, dim=2, keepdim=True, correction=0)
    normal = ((rows - mean) * torch.rsqrt(variance + epsilon)).reshape(x.shape)
    sizes = [1, -1] + [1] * (x.ndim - 2)
    return normal * scale.reshape(sizes) + shift.reshape(sizes)


def _group_norm(given: Given, attrs: Attributes) -> Tensor:
    return _grouped(given, attrs["num_groups"], attrs.get("epsilon", 1e-5))


def _lp_norm(given: Given, attrs: Attributes) -> Tensor:
    p, axis = attrs.get("p", 2), attrs.get("axis", -1)
    norm = given[0].norm(p, axis, keepdim=True)
    return torch.where(norm == 0, 0.0, given[0] / torch.where(norm == 0, 1.0, norm))


def _mean_variance(given: Given, attrs: Attributes) -> Tensor:
    axes = list(attrs.get("axes", [0, 2, 3]))
    centred = given[0] - given[0].mean(axes, keepdim=True)
    return centred / ((centred**2).mean(axes, keepdim=True).sqrt() + 1e-9)


def _lrn(given: Given, attrs: Attributes) -> Tensor:
    if attrs["size"] % 2 == 0:
        raise ValueError(f"size {attrs['size']}: only odd ones are read")
    alpha, beta = attrs.get("alpha", 1e-4), attrs.get("beta", 0.75)
    return F.local_response_norm(given[0], attrs["size"], alpha, beta, attrs.get("bias", 1.0))


def _hardmax(given: Given, attrs: Attributes) -> Tensor:
    axis = attrs.get("axis", -1)
    where = _arg(True, given, {"axis": axis})
    return torch.zeros_like(given[0]).scatter(axis, where, 1.0)


_REDUCTIONS: dict[str, Reduce] = {
    "Mean": lambda x, a, k: x.mean(a, keepdim=k),
    "Sum": lambda x, a, k: x.sum(a, keepdim=k, dtype=x.dtype),
    "Max": lambda x, a, k: x.amax(a, keepdim=k),
    "Min": lambda x, a, k: x.amin(a, keepdim=k),
    "Prod": _product,
    "L1": lambda x, a, k: x.abs().sum(a, keepdim=k, dtype=x.dtype),
    "L2": lambda x, a, k: (x * x).sum(a, keepdim=k).sqrt(),
    "SumSquare": lambda x, a, k: (x * x).sum(a, keepdim=k, dtype=x.dtype),
    "LogSum": lambda x, a, k: x.sum(a, keepdim=k).log(),
    "LogSumExp": lambda x, a, k: torch.logsumexp(x, a, keepdim=k),
}
_EPS = ("axis", "epsilon", "stash_type")
KINDS: dict[str, Kind] = {
    **{
        f"Reduce{name}": Kind(
            rule="reduce", inputs=(1, 2), reads=("axes", "keepdims", "noop_with_empty_axes"),
            compute=partial(_reduced, reduce),
        )
        for name, reduce in _REDUCTIONS.items()
    },
    **{
        name: Kind(
            rule="reduce", reads=("axis", "keepdims", "select_last_index"),
            compute=partial(_arg, name == "ArgMax"),
        )
        for name in ("ArgMax", "ArgMin")
    },
    "Softmax": Kind(
        rule="softmax", reads=("axis",), compute=lambda g, a: F.softmax(g[0], a.get("axis", -1))
    ),
    "LogSoftmax": Kind(
        rule="softmax", reads=("axis",),
        compute=lambda g, a: F.log_softmax(g[0], a.get("axis", -1)),
    ),
    "Hardmax": Kind(
        rule="elementwise", reads=("axis",), compute=_hardmax, function="hardmax"
    ),
    "BatchNormalization": Kind(
        rule="point", inputs=(5, 5), reads=("epsilon",),
        only={"training_mode": 0, "spatial": 1}, compute=_batch_norm,
    ),
    "LayerNormalization": Kind(rule="layernorm", inputs=(2, 3), reads=_EPS, compute=_layer_norm),
    "RMSNormalization": Kind(rule="rmsnorm", inputs=(2, 2), reads=_EPS, compute=_rms_norm),
    "InstanceNormalization": Kind(
        rule="layernorm", inputs=(3, 3), reads=("epsilon",), compute=_instance_norm
    ),
    "GroupNormalization": Kind(
        rule="layernorm", inputs=(3, 3), compute=_group_norm,
        reads=("epsilon", "num_groups", "stash_type"),
    ),
    "MeanVarianceNormalization": Kind(rule="layernorm", reads=("axes",), compute=_mean_variance),
    "LpNormalization": Kind(
        rule="rmsnorm", reads=("axis",), only={"p": (1, 2)}, compute=_lp_norm
    ),
    "LRN": Kind(rule="point", reads=("size", "alpha", "beta", "bias"), compute=_lrn),
}  # fmt: skip
