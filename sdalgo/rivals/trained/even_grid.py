"""Numbers on an even grid between the smallest and the largest of them."""

import torch
from torch import Tensor

from sdalgo.rivals.trained.quantisers import InputQuantiser
from sdalgo.rivals.trained.straight_through import replaced

_NEW = 0.1  # share of a batch in the running extremes, as in batch normalisation


def places(values: Tensor, low: Tensor, high: Tensor, most: int) -> Tensor:
    """Return the nearest of the places 0 .. most between `low` and `high`."""
    return ((values - low) / unit(low, high, most)).round().clamp(0, most)


def unit(low: Tensor, high: Tensor, most: int) -> Tensor:
    """Return the distance between two places; 1 where all values are alike."""
    width = (high - low) / most
    return torch.where(width > 0, width, 1.0)


def on_grid(values: Tensor, low: Tensor, high: Tensor, most: int) -> Tensor:
    """Return the nearest value of the grid."""
    return places(values, low, high, most) * unit(low, high, most) + low


def at_random(values: Tensor, most: int) -> Tensor:
    """Return one of the two values of the grid beside each number, right in the mean."""
    low, high = values.min(), values.max()
    width = unit(low, high, most)
    up = torch.rand_like(values)
    return ((values - low) / width + up).floor().clamp(0, most) * width + low


class RangeInput(InputQuantiser):
    """Inputs on 2^bits places between their extremes.

    In training the extremes are means over the samples of a batch; their running mean is used
    afterwards.
    """

    scales = 2
    extremes: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.most = 2**bits - 1
        self.register_buffer("extremes", torch.full((2,), torch.nan))

    def forward(self, values: Tensor) -> Tensor:
        low, high = self._extremes(values.detach())
        return replaced(values, on_grid(values.detach(), low, high, self.most))

    def _extremes(self, values: Tensor) -> tuple[Tensor, Tensor]:
        if self.training or bool(self.extremes.isnan().any()):
            flat = values.flatten(1)
            now = torch.stack([flat.min(1).values.mean(), flat.max(1).values.mean()])
            first = bool(self.extremes.isnan().any())
            self.extremes.copy_(now if first else self.extremes.lerp(now, _NEW))
            return now[0], now[1]
        return self.extremes[0], self.extremes[1]
