"""Network Slimming (Liu et al. 2017): the channels whose scale of normalisation is least are cut.

In the first epoch the sizes of the scales are in the loss, which draws them to zero; then the
smallest of all layers go, a share of them together, and the rest is trained on. Which channels can
go is in `channels`; of a depthwise convolution behind another the last scale counts. A quarter of
each layer stays: without that, on a small network, the threshold leaves layers of one channel. What
is left is stored in 16 bits, as in Fig. 6 of the SmartDeal paper.
"""

import math

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.channels import Chain, chains, keep
from sdalgo.rivals.trained.method import Method, halves
from sdalgo.rivals.trained.stored import Stored

LEAST = 0.25
"""Of a layer's channels that stay in any case."""
WIDTH_BITS = 16
"""Of the number of channels that a layer is left with."""


def smallest(scales: list[Tensor], share: float) -> list[Tensor]:
    """Return which channels stay, of each layer, when a share of all goes, the smallest first.

    The largest quarter of a layer stays in any case.
    """
    sizes = torch.cat([_guarded(each.abs()) for each in scales])
    gone = math.floor(share * len(sizes))
    stays = torch.ones(len(sizes), dtype=torch.bool)
    stays[sizes.argsort(stable=True)[:gone]] = False
    stays |= sizes.isinf()
    parts = torch.split(stays, [len(each) for each in scales])
    return [torch.nonzero(part).reshape(-1) for part in parts]


def _guarded(sizes: Tensor) -> Tensor:
    """The sizes, infinite where a channel stays in any case."""
    safe = sizes.argsort(descending=True, stable=True)[: math.ceil(LEAST * len(sizes))]
    return sizes.index_fill(0, safe, torch.inf)


class Slimming(Method):
    """Channels cut by their scales after the first epoch.

    Args:
        share: of the channels that can go.
        pull: of the sizes of the scales in the loss.
    """

    name = "Network Slimming"

    def __init__(self, share: float = 0.5, pull: float = 1e-4) -> None:
        self.share, self.pull = share, pull
        self.setting = f"{share:.0%} of channels, 16 bits"
        self.chains: list[Chain] = []
        self.cut = False

    def begin(self, model: nn.Module) -> None:
        self.chains = chains(model)

    def before_step(self, model: nn.Module) -> None:
        for scale in () if self.cut else self._scales(model):
            assert scale.grad is not None
            scale.grad += self.pull * scale.detach().sign()

    def after_epoch(self, model: nn.Module) -> None:
        if self.cut:
            return
        scales = [scale.detach() for scale in self._scales(model)]
        for chain, kept in zip(self.chains, smallest(scales, self.share), strict=True):
            keep(model, chain, kept)
        self.cut = True

    def _scales(self, model: nn.Module) -> list[nn.Parameter]:
        return [model.get_parameter(f"{chain.norms[-1]}.weight") for chain in self.chains]

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return halves(model)

    def side_bits(self, model: nn.Module) -> int:
        return super().side_bits(model) + WIDTH_BITS * len(self.chains)
