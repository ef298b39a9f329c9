"""MobileNetV2 for CIFAR-10: the same layers at width 1, strides for 32x32 images.

The network of the paper's Tables V, VI and XI, whose blocks that change the channel count without
a stride carry a 1x1 convolution on the residual edge.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdalgo.networks._blocks import projection
from sdalgo.networks.mobilenet_v2 import STAGES

INPUT = (3, 32, 32)
PARAMETERS = 2_296_922  # 8.63 MiB of convolution and linear weights (paper Table V), and norms
MACS = 91_154_944  # counted layer by layer

STRIDES = (1, 1, 2, 2, 1, 2, 1)  # of the first block of each stage


class Block(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; an edge wherever the stride is 1."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.conv1 = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.has_edge = stride == 1
        changes = self.has_edge and inputs != outputs
        self.shortcut = projection(inputs, outputs) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        out: Tensor = self.bn3(self.conv3(y))
        return out + self.shortcut(x) if self.has_edge else out


class MobileNetV2Cifar(nn.Module):
    """The network for 32x32 images.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        blocks: list[nn.Module] = []
        inputs = 32
        for (expansion, outputs, count, _), stride in zip(STAGES, STRIDES, strict=True):
            for index in range(count):
                blocks.append(Block(inputs, outputs, expansion, stride if index == 0 else 1))
                inputs = outputs
        self.layers = nn.Sequential(*blocks)
        self.conv2 = nn.Conv2d(320, 1280, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(1280)
        self.linear = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.bn2(self.conv2(x)))
        y: Tensor = self.linear(torch.flatten(F.avg_pool2d(x, 4), 1))
        return y


build = MobileNetV2Cifar
