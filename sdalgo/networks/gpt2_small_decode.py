"""One step of GPT-2 small that has 1,024 tokens behind it: their keys and values are cached.

GPT-2 has 1,024 positions, so the step's own token takes the last of them, as in a window that
slides. The cache is a buffer of each block; `fill` computes it from tokens, as a prefill would.
"""

import torch
from torch import Tensor, nn

from sdalgo.networks import gpt2_small
from sdalgo.networks._attention import attend
from sdalgo.networks.gpt2_small import FRONT, HEADS, PARAMETERS, POSITIONS, VOCABULARY, WIDTH

__all__ = ["CACHED", "FRONT", "INPUT", "MACS", "PARAMETERS", "VOCABULARY", "build", "fill"]
INPUT = (1,)  # one token id
CACHED = 1024
MACS = 142_424_832  # 12 * (12 * 768^2 + 2 * 1025 * 768) + 768 * 50257


class CachedAttention(gpt2_small.Attention):
    """Attention of one token to the cached ones and itself."""

    cached_keys: Tensor
    cached_values: Tensor

    def __init__(self) -> None:
        super().__init__()
        shape = (1, HEADS, CACHED, WIDTH // HEADS)
        self.register_buffer("cached_keys", torch.zeros(shape), persistent=False)
        self.register_buffer("cached_values", torch.zeros(shape), persistent=False)

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys = torch.cat([self.cached_keys, key], 2)
        return attend(query, keys, torch.cat([self.cached_values, value], 2))


class _KeptAttention(gpt2_small.Attention):
    """Attention of a prefill that keeps its keys and values."""

    kept: tuple[Tensor, Tensor]

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        self.kept = key, value
        return super().attend(query, key, value)


def build() -> nn.Module:
    """Return the network with an empty cache: zeros."""
    return gpt2_small.GPT2(CachedAttention, start=POSITIONS - 1)


def fill(model: nn.Module, ids: Tensor) -> None:
    """Set the cache, in place, to keys and values of `ids`, (1, 1024)."""
    with torch.device("meta"):
        prefill = gpt2_small.GPT2(_KeptAttention)
    prefill.load_state_dict(model.state_dict(), assign=True)
    with torch.no_grad():
        prefill.eval()(ids)
    made = [m for m in prefill.modules() if isinstance(m, _KeptAttention)]
    steps = [m for m in model.modules() if isinstance(m, CachedAttention)]
    for source, step in zip(made, steps, strict=True):
        step.cached_keys, step.cached_values = (part.clone() for part in source.kept)
