"""Encoders: of images, of text, and of both ends of a sequence; with the attention of their papers
written out, as the usual implementations do.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.blocks import Patches
from benchmarks.networks_50.classic import conv_bn

WORDS, WIDTH, HEADS = 512, 64, 4


def split_heads(x: Tensor, heads: int = HEADS) -> Tensor:
    """(N, T, C) to (N, heads, T, C / heads)."""
    return x.view(x.shape[0], -1, heads, x.shape[-1] // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(N, heads, T, D) to (N, T, heads D)."""
    return x.transpose(1, 2).reshape(x.shape[0], -1, x.shape[1] * x.shape[3])


class Attention(nn.Module):
    """Attention of x to y, with what is added to its scores."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS, *, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width, bias) for _ in range(4))

    def forward(self, x: Tensor, y: Tensor | None = None, added: Tensor | None = None) -> Tensor:
        y = x if y is None else y
        q, k, v = (split_heads(z, self.heads) for z in (self.q(x), self.k(y), self.v(y)))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        scores = scores if added is None else scores + added
        return self.out(join_heads(scores.softmax(-1) @ v))


def mlp(width: int = WIDTH) -> nn.Module:
    """Two linear layers with GELU between them."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class VitBlock(nn.Module):
    """Norms come first; attention by torch's own function."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.qkv, self.out, self.mlp = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), mlp()

    def forward(self, x: Tensor) -> Tensor:
        samples, tokens, _ = x.shape
        qkv = self.qkv(self.before(x)).reshape(samples, tokens, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(samples, tokens, WIDTH)
        x = x + self.out(y)
        return x + self.mlp(self.after(x))


class Vit(nn.Module):
    """Dosovitskiy et al. 2020, with the second token of Touvron et al. 2020 (DeiT)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = Patches(WIDTH)
        self.token, self.second = (nn.Parameter(torch.randn(1, 1, WIDTH) * 0.5) for _ in range(2))
        self.places = nn.Parameter(torch.randn(1, 66, WIDTH) * 0.5)
        self.blocks = nn.Sequential(*(VitBlock() for _ in range(3)))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head, self.taught = nn.Linear(WIDTH, 10), nn.Linear(WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        first = [token.expand(x.shape[0], -1, -1) for token in (self.token, self.second)]
        x = self.norm(self.blocks(torch.cat([*first, x], 1) + self.places))
        return (self.head(x[:, 0]) + self.taught(x[:, 1])) / 2


def vit() -> nn.Module:
    return Vit()


class BertLayer(nn.Module):
    """Norms come last."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.mlp = Attention(), mlp()
        self.first, self.second = nn.LayerNorm(WIDTH, eps=1e-12), nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.first(x + self.attention(x, added=mask))
        return self.second(x + self.mlp(x))


class Bert(nn.Module):
    """Devlin et al. 2018: an embedding of three tables, a padding mask, a pooled first token."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(64, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer() for _ in range(3))
        self.pooler, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2)
        self.register_buffer("at", torch.arange(64)[None])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        tokens = input_ids.shape[1]
        x = self.words(input_ids) + self.places(self.at[:, :tokens])
        x = self.norm(x + self.kinds(torch.zeros_like(input_ids)))
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, mask)
        return x, self.head(torch.tanh(self.pooler(x[:, 0])))


def bert() -> nn.Module:
    return Bert()


class DetrLayer(nn.Module):
    """An encoder's layer, or with `memory` a decoder's; places are added to queries and keys."""

    def __init__(self, *, crossed: bool) -> None:
        super().__init__()
        self.own = nn.MultiheadAttention(WIDTH, HEADS)
        self.crossed = nn.MultiheadAttention(WIDTH, HEADS) if crossed else None
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3 if crossed else 2))
        self.first, self.second = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(
        self, x: Tensor, places: Tensor, memory: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        q = x + places
        x = self.norms[0](x + self.own(q, q, x, need_weights=False)[0])
        if self.crossed is not None and memory is not None:
            seen, at = memory
            found = self.crossed(x + places, seen + at, seen, need_weights=False)[0]
            x = self.norms[1](x + found)
        return self.norms[-1](x + self.second(F.relu(self.first(x))))


class Detr(nn.Module):
    """Carion et al. 2020: a convolutional body, an encoder, and learned queries that are decoded;
    tokens come first, as torch's own attention has them."""

    def __init__(self) -> None:
        super().__init__()
        body = [conv_bn(3, 16, 7, 4), conv_bn(16, 32, 3, 2), nn.Conv2d(32, WIDTH, 1)]
        self.body = nn.Sequential(*body)
        self.rows, self.columns = (nn.Parameter(torch.rand(8, WIDTH // 2)) for _ in range(2))
        self.queries = nn.Parameter(torch.rand(12, WIDTH))
        self.encoder = nn.ModuleList(DetrLayer(crossed=False) for _ in range(2))
        self.decoder = nn.ModuleList(DetrLayer(crossed=True) for _ in range(2))
        self.kinds = nn.Linear(WIDTH, 6)
        self.box = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 4))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        y = self.body(image)
        rows, columns = y.shape[-2:]
        across = self.columns[:columns].unsqueeze(0).repeat(rows, 1, 1)
        down = self.rows[:rows].unsqueeze(1).repeat(1, columns, 1)
        places = torch.cat([across, down], -1).flatten(0, 1).unsqueeze(1)
        x = y.flatten(2).permute(2, 0, 1)
        for layer in self.encoder:
            x = layer(x, places)
        queries = self.queries.unsqueeze(1)
        z = torch.zeros_like(queries)
        for layer in self.decoder:
            z = layer(z, queries, (x, places))
        z = z.transpose(0, 1)
        return self.kinds(z), self.box(z).sigmoid()


def detr() -> nn.Module:
    return Detr()


class LinearAttentionBlock(nn.Module):
    """Katharopoulos et al. 2020: keys times values first, so that cost is linear in tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.mlp = mlp()

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        q, k, v = (split_heads(z) for z in (self.q(y), self.k(y), self.v(y)))
        q, k = F.elu(q) + 1, F.elu(k) + 1
        state = torch.einsum("nhtd,nhte->nhde", k, v)
        scale = 1 / (torch.einsum("nhtd,nhd->nht", q, k.sum(2)) + 1e-6)
        found = torch.einsum("nhtd,nhde,nht->nhte", q, state, scale)
        x = x + self.out(join_heads(found))
        return x + self.mlp(self.after(x))


class LinearTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.blocks = nn.Sequential(*(LinearAttentionBlock() for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.words(input_ids))).mean(1))


def linear_attention() -> nn.Module:
    return LinearTransformer()
