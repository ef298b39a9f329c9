"""How far a network with rebuilt weights still says what the original said, without labels."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdalgo.pow2 import Float32


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Logits of two networks on the same images.

    Attributes:
        cosine: mean over images of the cosine between the logits; `worst` the least of them.
        top1: share of images with the same best class.
        top5: mean overlap of the five best classes, 0..1.
    """

    images: int
    cosine: float
    worst: float
    top1: float
    top5: float


def cosines(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosine between each pair of rows, (N,); 0 for a row of zeros."""
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return np.asarray((one * two).sum(axis=1) / np.where(norms > 0, norms, 1))


def with_weights(model: nn.Module, rebuilt: Mapping[str, Float32]) -> nn.Module:
    """Return a copy of a network with other weights, by their name in the state dict."""
    other = copy.deepcopy(model)
    state: dict[str, Tensor] = other.state_dict()
    for name, weight in rebuilt.items():
        state[name].copy_(torch.from_numpy(weight).reshape(state[name].shape))
    return other


def compare(one: NDArray[np.generic], two: NDArray[np.generic]) -> Agreement:
    """Compare logits (N, classes), or maps (N, ...), whose entries then stand for classes."""
    a, b = (x.reshape(len(x), -1).astype(np.float64) for x in (one, two))
    cosine = cosines(a, b)
    best = [np.argsort(-x, axis=1, kind="stable")[:, :5] for x in (a, b)]
    shared = [len(set(p) & set(q)) / len(p) for p, q in zip(*best, strict=True)]
    return Agreement(
        images=len(a), cosine=float(cosine.mean()), worst=float(cosine.min()),
        top1=float((best[0][:, 0] == best[1][:, 0]).mean()), top5=float(np.mean(shared)),
    )  # fmt: skip


def agreement(
    model: nn.Module, rebuilt: dict[str, Float32], images: NDArray[np.generic]
) -> Agreement:
    """Compare `model` with a copy that has other weights.

    Args:
        rebuilt: weights by their name in the state dict; others stay.
        images: (N, ...) as the network takes them.
    """
    other = with_weights(model, rebuilt)
    batch = torch.from_numpy(np.ascontiguousarray(images))
    with torch.inference_mode():
        return compare(model.eval()(batch).numpy(), other.eval()(batch).numpy())
