"""Convolutional networks that classify, and a generator: the blocks and depths of their papers,
with fewer channels, so that each is imported in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def conv_bn(  # noqa: PLR0913
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1,
    act: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:  # fmt: skip
    """A convolution that keeps its plane up to the stride, its norm and its activation."""
    parts = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*parts, *([act()] if act else []))


class Gate(nn.Module):
    """Squeeze and excitation: a map times one value per channel, from its means."""

    def __init__(self, channels: int, inner: int, gate: type[nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        means = F.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.second(F.relu(self.first(means))))


def alexnet() -> nn.Module:
    """Krizhevsky et al. 2012, without its norms over channels, as torchvision has it."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(16, 48, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(48, 96, 3, 1, 1), nn.ReLU(), nn.Conv2d(96, 64, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(64, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Dropout(),
        nn.Linear(576, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 128), nn.ReLU(),
        nn.Linear(128, 10),
    )  # fmt: skip


def vgg11_bn() -> nn.Module:
    """Simonyan and Zisserman 2014, configuration A with norms."""
    parts: list[nn.Module] = []
    channels = 3
    for width in (16, 0, 32, 0, 64, 64, 0, 96, 96, 0, 96, 96, 0):
        if width:
            parts += [nn.Conv2d(channels, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(True)]
        else:
            parts.append(nn.MaxPool2d(2, 2))
        channels = width or channels
    head = [nn.Linear(384, 128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 10)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten(), *head)


class Residual(nn.Module):
    """A branch plus its input, or plus a 1x1 convolution of it where their shapes differ."""

    def __init__(self, branch: nn.Module, shapes: tuple[int, int], stride: int) -> None:
        super().__init__()
        inputs, outputs = shapes
        same = inputs == outputs and stride == 1
        self.branch = branch
        self.way = nn.Identity() if same else conv_bn(inputs, outputs, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.way(x))


def _staged(
    block: Callable[[int, int, int], nn.Module], stem: nn.Module, widths: list[int],
    depths: list[int],
) -> nn.Module:  # fmt: skip
    parts, before = [stem], widths[0]
    for stage, (width, depth) in enumerate(zip(widths[1:], depths, strict=True)):
        for number in range(depth):
            parts.append(block(before, width, 2 if stage and not number else 1))
            before = width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def resnet18() -> nn.Module:
    """He et al. 2015, basic blocks."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        branch = nn.Sequential(
            conv_bn(inputs, outputs, 3, stride), conv_bn(outputs, outputs, 3, act=None)
        )
        return Residual(branch, (inputs, outputs), stride)

    stem = nn.Sequential(conv_bn(3, 16, 7, 2), nn.MaxPool2d(3, 2, 1))
    return _staged(block, stem, [16, 16, 32, 64, 128], [2, 2, 2, 2])


def se_resnext50() -> nn.Module:
    """Xie et al. 2016 (groups) with the gates of Hu et al. 2017, bottleneck blocks."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        inner = outputs // 2
        branch = nn.Sequential(
            conv_bn(inputs, inner, 1), conv_bn(inner, inner, 3, stride, groups=8),
            conv_bn(inner, outputs, 1, act=None), Gate(outputs, outputs // 8),
        )  # fmt: skip
        return Residual(branch, (inputs, outputs), stride)

    stem = nn.Sequential(conv_bn(3, 16, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True))
    return _staged(block, stem, [16, 32, 64, 128, 192], [3, 4, 6, 3])


class Inception(nn.Module):
    """Four branches of one map, side by side."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([
            conv_bn(inputs, width, 1),
            nn.Sequential(conv_bn(inputs, width, 1), conv_bn(width, 2 * width, 3)),
            nn.Sequential(conv_bn(inputs, width // 2, 1), conv_bn(width // 2, width, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv_bn(inputs, width, 1)),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def googlenet() -> nn.Module:
    """Szegedy et al. 2014, nine modules, with norms."""
    parts: list[nn.Module] = [
        conv_bn(3, 16, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True), conv_bn(16, 16, 1),
        conv_bn(16, 48, 3), nn.MaxPool2d(3, 2, ceil_mode=True),
    ]  # fmt: skip
    channels = 48
    for width in (8, 12, 0, 12, 12, 12, 16, 16, 0, 16, 24):
        parts.append(Inception(channels, width) if width else nn.MaxPool2d(3, 2, ceil_mode=True))
        channels = 5 * width or channels
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(channels, 10)]
    return nn.Sequential(*parts, *head, nn.Softmax(1))


class Dense(nn.Module):
    """A block in which each layer reads all before it."""

    def __init__(self, inputs: int, growth: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(inputs + growth * k), nn.ReLU(),
                nn.Conv2d(inputs + growth * k, 4 * growth, 1, bias=False),
                nn.BatchNorm2d(4 * growth), nn.ReLU(),
                nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False),
            )
            for k in range(depth)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


def densenet121() -> nn.Module:
    """Huang et al. 2016: 6, 12, 24 and 16 layers, whose norms come first and cannot fold."""
    growth, channels = 6, 12
    parts: list[nn.Module] = [conv_bn(3, channels, 7, 2), nn.MaxPool2d(3, 2, 1)]
    for stage, depth in enumerate((6, 12, 24, 16)):
        parts.append(Dense(channels, growth, depth))
        channels += growth * depth
        if stage < 3:
            norm = [nn.BatchNorm2d(channels), nn.ReLU()]
            parts += [*norm, nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    head = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, *head, nn.Linear(channels, 10))


class Shuffle(nn.Module):
    """Half of the channels pass, half are worked on, and both are interleaved."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        own = half if stride == 1 else inputs
        self.stride = stride
        self.branch = nn.Sequential(
            conv_bn(own, half, 1), conv_bn(half, half, 3, stride, groups=half, act=None),
            conv_bn(half, half, 1),
        )  # fmt: skip
        down = [conv_bn(inputs, inputs, 3, stride, groups=inputs, act=None)]
        self.way = nn.Sequential(*down, conv_bn(inputs, half, 1)) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1) if self.stride == 1 else (x, x)
        y = torch.cat([self.way(first), self.branch(second)], 1)
        samples, channels, rows, columns = y.shape
        y = y.view(samples, 2, channels // 2, rows, columns).transpose(1, 2).contiguous()
        return y.view(samples, channels, rows, columns)


def shufflenet_v2() -> nn.Module:
    """Ma et al. 2018."""
    stem = nn.Sequential(conv_bn(3, 16, 3, 2), nn.MaxPool2d(3, 2, 1))
    parts, before = [stem], 16
    for width, depth in ((32, 4), (64, 8), (128, 4)):
        for number in range(depth):
            parts.append(Shuffle(before, width, 1 if number else 2))
            before = width
    parts += [conv_bn(before, 128, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(128, 10))


def dcgan_generator() -> nn.Module:
    """Radford et al. 2015: transposed convolutions from a vector to an image."""
    parts: list[nn.Module] = []
    widths = (64, 64, 32, 16, 8)
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        stride, padding = (2, 1) if number else (1, 0)
        parts += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
            nn.BatchNorm2d(outputs), nn.ReLU(),
        ]  # fmt: skip
    last = nn.ConvTranspose2d(8, 3, 3, 2, 1, output_padding=1)
    return nn.Sequential(*parts, last, nn.Tanh())
