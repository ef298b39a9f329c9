"""Stochastic weight averaging of networks whose weights may be codes (paper IV, appendix E).

Codes are averaged as values: their sum, in units of 2^p_min, is an integer, and the mean is moved
to the nearest member of P and zero. Everything else is a running mean in float. Statistics of batch
normalisation cannot be averaged and are estimated anew.
"""

import copy
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sdalgo.norm_statistics import batch_norms, taken_anew
from sdalgo.training.convert import decomposed_weights
from sdalgo.training.weight import DecomposedWeight


class Average:
    """The mean of a network over epochs; empty until the first `add`.

    Args:
        small: where mean codes below the smallest power go: to the nearer of it and zero, or all
            to zero.
    """

    def __init__(self, small: Literal["nearest", "zero"] = "nearest") -> None:
        self.small = small
        self.count = 0
        self.means: dict[str, Tensor] = {}
        self.sums: dict[str, Tensor] = {}  # int32, by layer

    @torch.no_grad()
    def add(self, model: nn.Module) -> None:
        """Take in the network as it is now."""
        self.count += 1
        for name, value in model.named_parameters():
            mean = self.means.setdefault(name, torch.zeros_like(value))
            mean.add_((value - mean) / self.count)
        for name, held in decomposed_weights(model).items():
            total = self.sums.setdefault(name, torch.zeros_like(held.code, dtype=torch.int32))
            total.add_(_units(held))

    @torch.no_grad()
    def model(self, like: nn.Module) -> nn.Module:
        """Return a copy of `like` that holds the mean."""
        mean = copy.deepcopy(like)
        for name, value in mean.named_parameters():
            value.copy_(self.means[name])
        for name, held in decomposed_weights(mean).items():
            values = self.sums[name] * (2.0**held.p_min / self.count)
            if self.small == "zero":
                values.masked_fill_(values.abs() < 2.0**held.p_min, 0)
            held.set_values(values)
        return mean

    def state_dict(self) -> dict[str, Any]:
        """Return everything, for a checkpoint."""
        return {"count": self.count, "means": self.means, "sums": self.sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.count, self.means, self.sums = state["count"], state["means"], state["sums"]


def _units(held: DecomposedWeight) -> Tensor:
    """Ce in units of 2^p_min, int32."""
    code = held.code.to(torch.int32)
    return code.sign() << (code.abs() - 1).clamp_(min=0)


@torch.no_grad()
def estimate_norms(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the statistics of batch normalisation to the mean over `batches`, in place."""
    norms = batch_norms(model)
    if not norms:
        return
    model.train()
    with taken_anew(norms):
        for batch in batches:
            model(batch)
    model.eval()
