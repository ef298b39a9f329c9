"""Transformers of sound: Whisper's encoder and a conformer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.transformers import HEADS, WIDTH, Attention, join_heads, split_heads


class WhisperLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.first, self.second = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before(x))
        return x + self.second(F.gelu(self.first(self.after(x))))


class Whisper(nn.Module):
    """Radford et al. 2022: two convolutions over time halve it, then an encoder."""

    def __init__(self, bands: int = 40, frames: int = 96) -> None:
        super().__init__()
        self.first = nn.Conv1d(bands, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.layers = nn.Sequential(*(WhisperLayer() for _ in range(2)))
        self.norm = nn.LayerNorm(WIDTH)
        at, rate = torch.arange(frames // 2), torch.arange(WIDTH // 2)
        angle = at[:, None] * torch.exp(-rate * math.log(1e4) / (WIDTH // 2 - 1))[None]
        self.register_buffer("places", torch.cat([angle.sin(), angle.cos()], 1))

    def forward(self, mel: Tensor) -> Tensor:
        x = F.gelu(self.second(F.gelu(self.first(mel))))
        return self.norm(self.layers(x.permute(0, 2, 1) + self.places))


def whisper_encoder() -> nn.Module:
    return Whisper()


class Half(nn.Module):
    """A feed-forward module of which half is added."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.SiLU(),
            nn.Linear(4 * WIDTH, WIDTH),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * self.branch(x)


class TimeConv(nn.Module):
    """A gated 1x1 convolution, a filter of 15 frames per channel, norm, swish."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.first = nn.Conv1d(WIDTH, 2 * WIDTH, 1)
        self.filter = nn.Conv1d(WIDTH, WIDTH, 15, padding=7, groups=WIDTH)
        self.batch, self.last = nn.BatchNorm1d(WIDTH), nn.Conv1d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.glu(self.first(self.norm(x).transpose(1, 2)), dim=1)
        return x + self.last(F.silu(self.batch(self.filter(y)))).transpose(1, 2)


class RelativeScores(nn.Module):
    """Attention with Transformer-XL's relative positions: a second product, shifted row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.places = nn.Linear(WIDTH, WIDTH, False)
        size = (HEADS, 1, WIDTH // HEADS)
        self.content, self.place = (nn.Parameter(torch.randn(size) * 0.2) for _ in range(2))

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        y = self.norm(x)
        q, k, v = (split_heads(z) for z in (self.q(y), self.k(y), self.v(y)))
        places = split_heads(self.places(at))
        same = torch.matmul(q + self.content, k.transpose(-2, -1))
        apart = torch.matmul(q + self.place, places.transpose(-2, -1))
        samples, heads, tokens, wide = apart.shape
        apart = F.pad(apart, (1, 0)).view(samples, heads, wide + 1, tokens)
        apart = apart[:, :, 1:].view(samples, heads, tokens, wide)[..., :tokens]
        scores = (same + apart) / math.sqrt(WIDTH // HEADS)
        return x + self.out(join_heads(torch.matmul(scores.softmax(-1), v)))


class ConformerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = Half(), Half()
        self.attention, self.conv, self.norm = RelativeScores(), TimeConv(), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        return self.norm(self.after(self.conv(self.attention(self.before(x), at))))


class Conformer(nn.Module):
    """Gulati et al. 2020: frames are thinned by four with planes, then two blocks."""

    def __init__(self, bands: int = 40) -> None:
        super().__init__()
        self.thin = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 16, 3, 2), nn.ReLU()
        )
        self.into = nn.Linear(16 * (((bands - 1) // 2 - 1) // 2), WIDTH)
        self.blocks = nn.ModuleList(ConformerBlock() for _ in range(2))
        self.head = nn.Linear(WIDTH, 32)
        rate = torch.exp(-torch.arange(0, WIDTH, 2) * math.log(1e4) / WIDTH)
        self.register_buffer("rate", rate)

    def forward(self, features: Tensor) -> Tensor:
        x = self.thin(features.unsqueeze(1))
        samples, channels, frames, bands = x.shape
        x = self.into(x.transpose(1, 2).reshape(samples, frames, channels * bands))
        angle = torch.arange(frames - 1, -frames, -1)[:, None] * self.rate[None]
        at = torch.cat([angle.sin(), angle.cos()], 1)[None]
        for block in self.blocks:
            x = block(x, at)
        return self.head(x).log_softmax(-1)


def conformer() -> nn.Module:
    return Conformer()
