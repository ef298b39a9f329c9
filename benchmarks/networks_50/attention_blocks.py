"""Networks of images that mix convolutions and attention: windows, channels, relative positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.blocks import ConvNext, Head
from benchmarks.networks_50.classic import conv_bn


def mlp(width: int) -> nn.Module:
    """Two linear layers with GELU between them."""
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Window(nn.Module):
    """Attention within windows of a plane, with a learned bias per distance; every second block
    is shifted by half a window, and what does not belong together is masked."""

    def __init__(self, width: int, side: int, *, shift: int, plane: int, heads: int = 4) -> None:
        super().__init__()
        self.side, self.shift, self.heads = side, shift, heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn((2 * side - 1) ** 2, heads) * 0.2)
        at = torch.stack(torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")).flatten(1)
        apart = (at[:, :, None] - at[:, None]).permute(1, 2, 0) + side - 1
        self.register_buffer("index", apart[..., 0] * (2 * side - 1) + apart[..., 1])
        self.register_buffer("mask", self._mask(plane) if shift else None)

    def _mask(self, plane: int) -> Tensor:
        part = torch.zeros(1, plane, plane, 1)
        edges = (0, plane - self.side, plane - self.shift, plane)
        for row in range(3):
            for column in range(3):
                rows, columns = (slice(edges[k], edges[k + 1]) for k in (row, column))
                part[:, rows, columns] = 3 * row + column
        flat = self._cut(part).squeeze(-1)
        return (flat[:, None] - flat[:, :, None]).ne(0).float() * -100.0

    def _cut(self, x: Tensor) -> Tensor:
        samples, rows, columns, width = x.shape
        s = self.side
        x = x.view(samples, rows // s, s, columns // s, s, width)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, width)

    def forward(self, x: Tensor) -> Tensor:
        samples, rows, columns, width = x.shape
        s, heads = self.side, self.heads
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        windows = self._cut(x)
        qkv = self.qkv(windows).reshape(-1, s * s, 3, heads, width // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q * (width // heads) ** -0.5) @ k.transpose(-2, -1)
        bias = self.table[self.index.view(-1)].view(s * s, s * s, heads).permute(2, 0, 1)
        scores = scores + bias.unsqueeze(0)
        if self.mask is not None:
            count = self.mask.shape[0]
            scores = scores.view(-1, count, heads, s * s, s * s) + self.mask[:, None][None]
            scores = scores.view(-1, heads, s * s, s * s)
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, s * s, width)
        y = self.out(y).view(samples, rows // s, columns // s, s, s, width)
        y = y.permute(0, 1, 3, 2, 4, 5).reshape(samples, rows, columns, width)
        return torch.roll(y, (self.shift, self.shift), (1, 2)) if self.shift else y


class SwinBlock(nn.Module):
    def __init__(self, width: int, side: int, *, shift: int, plane: int) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.window = Window(width, side, shift=shift, plane=plane)
        self.mlp = mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.window(self.before(x))
        return x + self.mlp(self.after(x))


class Merge(nn.Module):
    """Four neighbours become one token of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width, False)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, a::2, b::2] for b in (0, 1) for a in (0, 1)]
        return self.reduce(self.norm(torch.cat(parts, -1)))


class ChannelsLast(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, width, 4, 4), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).permute(0, 2, 3, 1))


class LastMean(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(x).mean((1, 2)))


def swin() -> nn.Module:
    """Liu et al. 2021: windows of 4 x 4, shifted by 2."""
    first = [SwinBlock(24, 4, shift=shift, plane=16) for shift in (0, 2)]
    second = [SwinBlock(48, 4, shift=shift, plane=8) for shift in (0, 2)]
    return nn.Sequential(ChannelsLast(24), *first, Merge(24), *second, LastMean(48))


class CrossCovariance(nn.Module):
    """Attention between channels instead of tokens, of rows of length one, with temperatures."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.temperature = nn.Parameter(torch.full((heads, 1, 1), 2.0))

    def forward(self, x: Tensor) -> Tensor:
        samples, tokens, width = x.shape
        qkv = self.qkv(x).reshape(samples, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 4, 1)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        scores = (q @ k.transpose(-2, -1) * self.temperature).softmax(-1)
        return self.out((scores @ v).permute(0, 3, 1, 2).reshape(samples, tokens, width))


class SplitTranspose(nn.Module):
    """EdgeNeXt's block: filters on groups of channels, each added to the next, then attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        part = width // 2
        self.part = part
        self.filter = nn.Conv2d(part, part, 3, 1, 1, groups=part)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CrossCovariance(width)
        self.mlp = mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        first, second = torch.split(x, self.part, 1)
        first = self.filter(first)
        x = torch.cat([first, second + first], 1)
        samples, width, rows, columns = x.shape
        y = x.flatten(2).transpose(1, 2)
        y = y + self.attention(self.before(y))
        y = y + self.mlp(self.after(y))
        return y.transpose(1, 2).reshape(samples, width, rows, columns)


def edgenext() -> nn.Module:
    """Maaz et al. 2022."""
    first = [nn.Conv2d(3, 24, 4, 4), ConvNext(24), SplitTranspose(24)]
    second = [nn.Conv2d(24, 48, 2, 2), ConvNext(48), SplitTranspose(48)]
    return nn.Sequential(*first, *second, Head(48))


class RelativeAttention(nn.Module):
    """Attention over a whole plane with a bias looked up by relative position."""

    def __init__(self, width: int, side: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn(heads, (2 * side - 1) ** 2) * 0.2)
        at = torch.stack(torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")).flatten(1)
        apart = at[:, :, None] - at[:, None] + side - 1
        self.register_buffer("index", apart[0] * (2 * side - 1) + apart[1])
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        samples, width, rows, columns = x.shape
        y = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm(y)).chunk(3, dim=-1)
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in (q, k, v))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=self.table[:, self.index][None])
        y = y + self.out(found.transpose(1, 2).flatten(2))
        y = y + self.mlp(y)
        return y.transpose(1, 2).reshape(samples, width, rows, columns)


class Mbconv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs), conv_bn(inputs, 4 * inputs, 1, act=nn.GELU),
            conv_bn(4 * inputs, 4 * inputs, 3, 2, groups=4 * inputs, act=nn.GELU),
            nn.Conv2d(4 * inputs, outputs, 1),
        )  # fmt: skip
        self.way = nn.Sequential(nn.MaxPool2d(2, 2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x) + self.branch(x)


def coatnet() -> nn.Module:
    """Dai et al. 2021: convolutions first, attention later."""
    early = [conv_bn(3, 16, 3, 2, act=nn.GELU), Mbconv(16, 24), Mbconv(24, 48)]
    late = [RelativeAttention(48, 8), nn.MaxPool2d(2, 2), RelativeAttention(48, 4)]
    return nn.Sequential(*early, *late, Head(48))
