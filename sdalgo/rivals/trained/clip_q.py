"""After CLIP-Q (Tung and Mori 2018): pruning and quantisation anew in every forward pass.

A share of the positive and of the negative weights, the smallest, is taken as zero; what is left
of either side is cut into even intervals, and each weight stands for its interval's mean. The
float weights behind go on learning, so none is lost for good. The paper finds share and bits for
each layer by Bayesian optimisation; here they are the same for all.
"""

import math

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.quantisers import WeightQuantiser, frozen, quantise_weights
from sdalgo.rivals.trained.stored import FLOAT_BITS, Indexed, Stored
from sdalgo.rivals.trained.straight_through import replaced


class ClippedWeight(WeightQuantiser):
    """A weight of zero and 2^bits - 1 means."""

    def __init__(self, share: float, bits: int) -> None:
        super().__init__()
        self.share = share
        self.levels = (2 ** (bits - 1) - 1, 2 ** (bits - 1))  # of negative, of positive weights

    def forward(self, weight: Tensor) -> Tensor:
        codes, table = self.partition(weight.detach())
        return replaced(weight, table[codes])

    def partition(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return (codes in the weight's shape, table): 0 is zero."""
        flat = weight.reshape(-1)
        codes = torch.zeros(len(flat), dtype=torch.int64)
        table = [torch.zeros(1)]
        first = 1
        for sign, levels in zip((-1, 1), self.levels, strict=True):
            side = torch.nonzero(flat * sign > 0).reshape(-1)
            places, means = _intervals(flat[side] * sign, self.share, levels)
            codes[side] = torch.where(places < 0, 0, places + first)
            table.append(means * sign)
            first += levels
        return codes.reshape(weight.shape), torch.cat(table)

    def stored(self, weight: Tensor) -> Stored:
        codes, table = self.partition(weight)
        return Indexed(
            shape=tuple(weight.shape), codes=codes.numpy(), table=table.numpy(),
            table_bits=FLOAT_BITS * (len(table) - 1), sparse=True,
        )  # fmt: skip


def _intervals(sizes: Tensor, share: float, levels: int) -> tuple[Tensor, Tensor]:
    """Return (interval of each size, -1 where it is clipped, mean of each interval)."""
    count = len(sizes)
    clipped = math.floor(share * count)
    if count == clipped:
        return torch.full((count,), -1), torch.zeros(levels)
    low = sizes.kthvalue(clipped).values if clipped else sizes.new_zeros(())
    width = (sizes.max() - low) / levels
    kept = sizes > low
    places = ((sizes - low) / width).floor().to(torch.int64).clamp(0, levels - 1)
    wide = sizes[kept].to(torch.float64)
    sums = torch.bincount(places[kept], wide, minlength=levels)
    counts = torch.bincount(places[kept], minlength=levels).clamp(min=1)
    return torch.where(kept, places, -1), (sums / counts).to(torch.float32)


class ClipQ(Method):
    """Clipping and partition with one share and number of bits for all layers."""

    name = "CLIP-Q-like"

    def __init__(self, share: float = 0.5, bits: int = 3) -> None:
        self.share, self.bits = share, bits
        self.setting = f"{share:.0%} zero, {bits} bits"

    def begin(self, model: nn.Module) -> None:
        quantise_weights(model, lambda _name, _layer: ClippedWeight(self.share, self.bits))

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
