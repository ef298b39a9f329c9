"""Networks without attention from the years of transformers: large kernels, mixers, normless and
gated ones, each with the block of its paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.classic import conv_bn


class ChannelNorm(nn.Module):
    """Layer norm of a map's channels, as ConvNeXt writes it between its stages."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.full((channels,), v)) for v in (1.0, 0.0))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        square = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(square + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNext(nn.Module):
    """A 7x7 filter per channel, a norm and two linear layers with channels last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, 7, 1, 3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.wide(x).permute(0, 2, 3, 1))
        y = self.scale * self.down(F.gelu(self.up(y)))
        return x + y.permute(0, 3, 1, 2)


class Head(nn.Module):
    """The mean over a plane, a norm and a linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(x.mean((-2, -1))))


def convnext() -> nn.Module:
    """Liu et al. 2022."""
    widths = (16, 32, 64)
    parts: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0])]
    for stage, width in enumerate(widths):
        if stage:
            before = widths[stage - 1]
            parts += [ChannelNorm(before), nn.Conv2d(before, width, 2, 2)]
        parts += [ConvNext(width) for _ in range(2)]
    return nn.Sequential(*parts, Head(widths[-1]))


class Patches(nn.Module):
    """An image as tokens (N, T, C)."""

    def __init__(self, width: int, side: int = 8, channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, side, side)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).flatten(2).transpose(1, 2)


class Mixer(nn.Module):
    """Linear layers across tokens, then across channels."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 32), nn.GELU(), nn.Linear(32, tokens))
        self.channels = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.before(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.after(x))


class MeanOfTokens(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(x).mean(1))


def mlp_mixer() -> nn.Module:
    """Tolstikhin et al. 2021."""
    blocks = [Mixer(48, 64) for _ in range(3)]
    return nn.Sequential(Patches(48), *blocks, MeanOfTokens(48))


class SpatialGate(nn.Module):
    """Half of the channels times a linear function, across tokens, of the other half."""

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(width), nn.Linear(tokens, tokens)
        nn.init.ones_(self.mix.bias)

    def forward(self, x: Tensor) -> Tensor:
        kept, gate = x.chunk(2, dim=-1)
        return kept * self.mix(self.norm(gate).transpose(-1, -2)).transpose(-1, -2)


class GatedMixer(nn.Module):
    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"),
            SpatialGate(2 * width, tokens), nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def gmlp() -> nn.Module:
    """Liu et al. 2021, with the tanh form of GELU."""
    blocks = [GatedMixer(48, 64) for _ in range(3)]
    return nn.Sequential(Patches(48), *blocks, MeanOfTokens(48))


class PoolMixer(nn.Module):
    """A pool less its input takes attention's place; group norm of one group."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.after = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.mlp = nn.Sequential(
            nn.Conv2d(width, 4 * width, 1), nn.GELU(), nn.Conv2d(4 * width, width, 1)
        )
        self.scales = nn.Parameter(torch.full((2, width, 1, 1), 0.4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        x = x + self.scales[0] * (self.pool(y) - y)
        return x + self.scales[1] * self.mlp(self.after(x))


def poolformer() -> nn.Module:
    """Yu et al. 2021."""
    first = [nn.Conv2d(3, 24, 7, 4, 2), *(PoolMixer(24) for _ in range(2))]
    second = [nn.Conv2d(24, 48, 3, 2, 1), *(PoolMixer(48) for _ in range(2))]
    return nn.Sequential(*first, *second, Head(48))


class Ghost(nn.Module):
    """Half of the outputs come from cheap filters of the other half."""

    def __init__(self, inputs: int, outputs: int, *, relu: bool) -> None:
        super().__init__()
        half = outputs // 2 + outputs % 2
        act = nn.ReLU if relu else None
        self.outputs = outputs
        self.first = conv_bn(inputs, half, 1, act=act)
        self.cheap = conv_bn(half, half, 3, groups=half, act=act)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return torch.cat([y, self.cheap(y)], 1)[:, : self.outputs]


class GhostBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = 3 * inputs + 1  # an odd number, so that the cut above cuts
        down = [conv_bn(wide, wide, 3, 2, groups=wide, act=None)] if stride == 2 else []
        self.branch = nn.Sequential(
            Ghost(inputs, wide, relu=True), *down, Ghost(wide, outputs, relu=False)
        )
        self.way = nn.Identity() if stride == 1 and inputs == outputs else nn.Sequential(
            conv_bn(inputs, inputs, 3, stride, groups=inputs, act=None),
            conv_bn(inputs, outputs, 1, act=None),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + self.way(x)


def ghostnet() -> nn.Module:
    """Han et al. 2019."""
    shapes = ((8, 8, 1), (8, 12, 2), (12, 12, 1), (12, 24, 2), (24, 24, 1))
    blocks = [GhostBlock(*shape) for shape in shapes]
    head = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(24, 64, 1), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(conv_bn(3, 8, 3, 2), *blocks, *head, nn.Linear(64, 10))


class StandardisedConv(nn.Conv2d):
    """Weights are standardised each time: an exporter writes their norm into the graph."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        mean, var = w.mean((1, 2, 3), keepdim=True), w.var((1, 2, 3), keepdim=True, unbiased=False)
        fan = w[0].numel()
        w = (w - mean) / torch.sqrt(torch.clamp(var * fan, min=1e-4))
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Normless(nn.Module):
    """NFNet's block: scaled activations instead of norms."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = StandardisedConv(inputs, outputs, 3, stride, 1)
        self.second = StandardisedConv(outputs, outputs, 3, 1, 1, groups=4)
        self.third = StandardisedConv(outputs, outputs, 1)
        same = stride == 1 and inputs == outputs
        self.way = None if same else StandardisedConv(inputs, outputs, 1)
        self.pool = nn.AvgPool2d(2, 2, ceil_mode=True) if stride == 2 else nn.Identity()
        self.gain = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(x) * 1.7881 * 0.97
        way = x if self.way is None else self.way(self.pool(y))
        y = F.silu(self.first(y)) * 1.7881
        y = self.third(F.silu(self.second(y)) * 1.7881)
        return way + y * self.gain * 0.2


def nfnet() -> nn.Module:
    """Brock et al. 2021."""
    blocks = [Normless(16, 16, 1), Normless(16, 32, 2), Normless(32, 32, 1), Normless(32, 64, 2)]
    head = [nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(StandardisedConv(3, 16, 3, 2, 1), *blocks, *head)


class EfficientGate(nn.Module):
    """A filter of three taps along the channels gates them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x.mean((2, 3)).unsqueeze(1))
        return x * y.sigmoid().view(x.shape[0], -1, 1, 1).expand_as(x)


class EcaBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv_bn(inputs, outputs, 3, stride), conv_bn(outputs, outputs, 3, act=None),
            EfficientGate(),
        )  # fmt: skip
        down = [nn.AvgPool2d(2, 2)] if stride == 2 else []
        self.way = nn.Sequential(*down, conv_bn(inputs, outputs, 1, act=None))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.way(x))


def eca_resnet() -> nn.Module:
    """Wang et al. 2019, on a ResNet of type D."""
    blocks = [EcaBlock(16, 16, 1), EcaBlock(16, 32, 2), EcaBlock(32, 64, 2)]
    stem = [conv_bn(3, 8, 3, 2), conv_bn(8, 16, 3), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
