"""ThiNet (Luo, Wu, Lin 2017): the channels that the next layer misses least are cut.

Layer after layer, at places drawn from the next layer's outputs, each channel's part in the sum is
written down. Channels go one by one, the one first whose going leaves the least squared sum of all
that are gone; those that stay are weighed by least squares, so that they make up for the others.
The paper trains an epoch after each layer; here all layers are cut before the two epochs. What is
left is stored in 16 bits, as in Fig. 6 of the SmartDeal paper.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sdalgo.fit import Float64
from sdalgo.rivals.trained.channels import Chain, chains, keep
from sdalgo.rivals.trained.method import Method, halves
from sdalgo.rivals.trained.slimming import WIDTH_BITS
from sdalgo.rivals.trained.stored import Stored

_PLACES = 10  # of each image's outputs, as in the paper
_SEED = 0


def greedy(parts: Float64, gone: int) -> NDArray[np.int64]:
    """Return the numbers of the channels that stay.

    Args:
        parts: (samples, channels), what each gives to a sum.
        gone: how many go.
    """
    products = parts.T @ parts
    left = list(range(parts.shape[1]))
    # Of the sum that is gone with each channel that is left: 2 * (sum of products) + own.
    together = np.zeros(parts.shape[1])
    for _ in range(gone):
        costs = 2 * together[left] + products[left, left]
        worst = left.pop(int(np.argmin(costs)))
        together += products[worst]
    return np.array(left, np.int64)


def weighed(parts: Float64, kept: NDArray[np.int64]) -> Float64:
    """Return the factors of the channels that stay by which their sum is nearest to all."""
    found, *_ = np.linalg.lstsq(parts[:, kept], parts.sum(axis=1), rcond=None)
    return np.asarray(found)


class ThiNet(Method):
    """Channels cut by what the next layer computes with them, before the first step."""

    name = "ThiNet"

    def __init__(self, share: float = 0.5) -> None:
        self.share = share
        self.setting = f"{share:.0%} of channels, 16 bits"
        self.chains: list[Chain] = []

    def look(self, model: nn.Module, images: Tensor) -> None:
        self.chains = chains(model)
        generator = np.random.default_rng(_SEED)
        for chain in self.chains:
            parts = shares(model, chain.taker, images, generator)
            kept = greedy(parts, math.floor(self.share * parts.shape[1]))
            factors = torch.from_numpy(weighed(parts, kept)).to(torch.float32)
            keep(model, chain, torch.from_numpy(kept))
            taker = model.get_parameter(f"{chain.taker}.weight")
            with torch.no_grad():
                taker.mul_(factors.reshape(1, -1, *[1] * (taker.ndim - 2)))

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return halves(model)

    def side_bits(self, model: nn.Module) -> int:
        return super().side_bits(model) + WIDTH_BITS * len(self.chains)


def shares(model: nn.Module, taker: str, images: Tensor, generator: np.random.Generator) -> Float64:
    """Return what each input channel gives to drawn outputs of a layer, (samples, channels)."""
    layer = model.get_submodule(taker)
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.eval()(images)
    hook.remove()
    windows = _windows(layer, seen[0])
    count, _, _, positions = windows.shape
    weight = layer.get_parameter("weight").detach()
    draws = min(_PLACES, positions)
    places = torch.from_numpy(generator.integers(0, positions, (count, draws)))
    filters = torch.from_numpy(generator.integers(0, len(weight), (count, draws)))
    kernels = weight.reshape(len(weight), weight.shape[1], -1)[filters]
    chosen = windows[torch.arange(count)[:, None], :, :, places]
    parts = (chosen.double() * kernels.double()).sum(dim=-1)
    return np.asarray(parts.reshape(count * draws, -1).numpy())


def _windows(layer: nn.Module, inputs: Tensor) -> Tensor:
    """What a layer multiplies, (images, channels, entries of a kernel, positions)."""
    if isinstance(layer, nn.Linear):
        return inputs[:, :, None, None]
    assert isinstance(layer, nn.Conv2d)
    assert isinstance(layer.padding, tuple)
    columns = functional.unfold(
        inputs, layer.weight.shape[2:], layer.dilation, layer.padding, layer.stride
    )
    return columns.reshape(len(inputs), inputs.shape[1], -1, columns.shape[-1])
