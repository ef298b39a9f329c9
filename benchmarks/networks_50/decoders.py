"""Language models: GPT-2 on a prompt and on one token with its cache, T5, and a block of Llama."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.transformers import (
    HEADS,
    WIDTH,
    WORDS,
    Attention,
    join_heads,
    split_heads,
)  # fmt: skip


class Gpt2Block(nn.Module):
    """Norms come first; one matrix makes queries, keys and values; the tanh form of GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        q, k, v = self.qkv(self.before(x)).split(WIDTH, 2)
        q, k, v = (split_heads(z) for z in (q, k, v))
        if past is not None:
            k, v = torch.cat([past[0], k], -2), torch.cat([past[1], v], -2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if past is None:
            tokens = x.shape[1]
            seen = torch.tril(torch.ones(tokens, tokens, dtype=torch.bool))
            scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        x = x + self.out(join_heads(scores.softmax(-1) @ v))
        y = self.down(F.gelu(self.up(self.after(x)), approximate="tanh"))
        return x + y, torch.stack([k, v])


class Gpt2(nn.Module):
    """Radford et al. 2019; the last layer's weights are those of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(64, WIDTH)
        self.blocks = nn.ModuleList(Gpt2Block() for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH)

    def embedded(self, input_ids: Tensor, start: int) -> Tensor:
        """Words and their places."""
        at = torch.arange(start, start + input_ids.shape[1])
        return self.words(input_ids) + self.places(at)[None]

    def forward(self, input_ids: Tensor) -> Tensor:
        x = self.embedded(input_ids, 0)
        for block in self.blocks:
            x, _ = block(x)
        return self.norm(x) @ self.words.weight.T


class Gpt2Decode(Gpt2):
    """One token after `past` (layers, 2, N, heads, cached tokens, D); gives the longer cache."""

    def forward(self, input_ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embedded(input_ids, past.shape[4])
        kept = []
        for number, block in enumerate(self.blocks):
            x, present = block(x, past[number])
            kept.append(present)
        return F.linear(self.norm(x), self.words.weight), torch.stack(kept)


def gpt2_prefill() -> nn.Module:
    return Gpt2()


def gpt2_decode() -> nn.Module:
    return Gpt2Decode()


class RootMean(nn.Module):
    """Root-mean-square norm, written out as T5 and Llama do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        square = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(square + 1e-6))


def buckets(apart: Tensor, *, both: bool) -> Tensor:
    """T5's buckets of distances: near ones apart, far ones on a logarithmic scale."""
    count, limit, found = 32, 128, torch.zeros_like(apart)
    if both:
        count //= 2
        found, apart = (apart > 0).long() * count, apart.abs()
    else:
        apart = -torch.min(apart, torch.zeros_like(apart))
    exact = count // 2
    far = exact + (torch.log(apart.float().clamp(min=1) / exact) / math.log(limit / exact)
                   * (count - exact)).long()  # fmt: skip
    return found + torch.where(apart < exact, apart, far.clamp(max=count - 1))


class T5Attention(Attention):
    """No biases, no scale."""

    def __init__(self) -> None:
        super().__init__(bias=False)
        self.q.weight.data /= math.sqrt(WIDTH // HEADS)

    def forward(self, x: Tensor, y: Tensor | None = None, added: Tensor | None = None) -> Tensor:
        y = x if y is None else y
        q, k, v = (split_heads(z) for z in (self.q(x), self.k(y), self.v(y)))
        scores = torch.matmul(q, k.transpose(3, 2))
        scores = scores if added is None else scores + added
        return self.out(join_heads(torch.matmul(scores.float().softmax(-1), v)))


class T5Layer(nn.Module):
    def __init__(self, *, crossed: bool) -> None:
        super().__init__()
        self.own, self.crossed = T5Attention(), T5Attention() if crossed else None
        self.norms = nn.ModuleList(RootMean() for _ in range(3 if crossed else 2))
        self.up, self.down = nn.Linear(WIDTH, 128, False), nn.Linear(128, WIDTH, False)

    def forward(self, x: Tensor, bias: Tensor, memory: Tensor | None = None) -> Tensor:
        x = x + self.own(self.norms[0](x), added=bias)
        if self.crossed is not None:
            x = x + self.crossed(self.norms[1](x), memory)
        return x + self.down(F.relu(self.up(self.norms[-1](x))))


class T5(nn.Module):
    """Raffel et al. 2019: encoder and decoder with relative positions, in one graph."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.far, self.near = nn.Embedding(32, HEADS), nn.Embedding(32, HEADS)
        self.encoder = nn.ModuleList(T5Layer(crossed=False) for _ in range(2))
        self.decoder = nn.ModuleList(T5Layer(crossed=True) for _ in range(2))
        self.after, self.last = RootMean(), RootMean()

    @staticmethod
    def _bias(table: nn.Module, tokens: int, *, both: bool) -> Tensor:
        at = torch.arange(tokens)
        apart = at[None, :] - at[:, None]
        bias = table(buckets(apart, both=both)).permute(2, 0, 1).unsqueeze(0)
        return bias if both else bias + (apart > 0).float() * -1e9

    def forward(self, input_ids: Tensor, decoder_input_ids: Tensor) -> Tensor:
        x, z = self.words(input_ids), self.words(decoder_input_ids)
        bias = self._bias(self.far, input_ids.shape[1], both=True)
        for layer in self.encoder:
            x = layer(x, bias)
        x, bias = self.after(x), self._bias(self.near, decoder_input_ids.shape[1], both=False)
        for layer in self.decoder:
            z = layer(z, bias, x)
        return F.linear(self.last(z) * WIDTH**-0.5, self.words.weight)


def t5() -> nn.Module:
    return T5()


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: halves of a head are turned by an angle that grows with the token."""
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


class LlamaBlock(nn.Module):
    """Touvron et al. 2023: two heads of keys serve four of queries; SwiGLU."""

    def __init__(self, kept: int = 2) -> None:
        super().__init__()
        own = WIDTH // HEADS * kept
        self.kept = kept
        self.before, self.after = nn.RMSNorm(WIDTH, eps=1e-5), nn.RMSNorm(WIDTH, eps=1e-5)
        self.q, self.out = nn.Linear(WIDTH, WIDTH, False), nn.Linear(WIDTH, WIDTH, False)
        self.k, self.v = nn.Linear(WIDTH, own, False), nn.Linear(WIDTH, own, False)
        self.gate, self.up = nn.Linear(WIDTH, 176, False), nn.Linear(WIDTH, 176, False)
        self.down = nn.Linear(176, WIDTH, False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        y = self.before(x)
        q = turned(split_heads(self.q(y)), cos, sin)
        k = turned(split_heads(self.k(y), self.kept), cos, sin)
        v = split_heads(self.v(y), self.kept)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.out(join_heads(found))
        y = self.after(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.blocks = nn.ModuleList(LlamaBlock() for _ in range(2))
        self.norm, self.head = nn.RMSNorm(WIDTH, eps=1e-5), nn.Linear(WIDTH, WORDS, False)
        half = WIDTH // HEADS // 2
        self.register_buffer("rates", 10000.0 ** (-torch.arange(half).float() / half))

    def forward(self, input_ids: Tensor) -> Tensor:
        at = torch.arange(input_ids.shape[1]).float()
        angle = torch.outer(at, self.rates)
        angle = torch.cat([angle, angle], -1)
        x = self.words(input_ids)
        for block in self.blocks:
            x = block(x, angle.cos(), angle.sin())
        return self.head(self.norm(x))


def llama() -> nn.Module:
    return Llama()
