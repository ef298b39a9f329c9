"""ResNet-164 for CIFAR: pre-activation bottlenecks, 18 in each of three stages, 10 classes.

The network of the paper's Table III, after "Identity Mappings in Deep Residual Networks".
"""

import torch
from torch import Tensor, nn

from sdalgo.channels import ChannelGroup

INPUT = (3, 32, 32)
PARAMETERS = 1_703_258  # 1.7 M in the pre-activation ResNet paper; 6.75 MB in paper Table III
MACS = 247_646_720  # 0.25 G, half the FLOPs usual for ResNet-164 on CIFAR


class PreActBottleneck(nn.Module):
    """Normalise, activate, convolve: 1x1, 3x3 (which strides), 1x1."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * 4
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.relu = nn.ReLU()
        changes = stride != 1 or inputs != outputs
        edge = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False)) if changes else None
        self.downsample = edge

    def forward(self, x: Tensor) -> Tensor:
        edge = x if self.downsample is None else self.downsample(x)
        y = self.conv1(self.relu(self.bn1(x)))
        y = self.conv2(self.relu(self.bn2(y)))
        out: Tensor = self.conv3(self.relu(self.bn3(y))) + edge
        return out


class ResNet164(nn.Module):
    """The network for 32x32 images.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.layer1 = _stage(16, 16, 1)
        self.layer2 = _stage(64, 32, 2)
        self.layer3 = _stage(128, 64, 2)
        self.bn = nn.BatchNorm2d(256)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(256, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        y: Tensor = self.fc(torch.flatten(self.avgpool(self.relu(self.bn(x))), 1))
        return y


def _stage(inputs: int, width: int, stride: int) -> nn.Sequential:
    blocks = [PreActBottleneck(inputs, width, stride)]
    blocks += [PreActBottleneck(width * 4, width, 1) for _ in range(17)]
    return nn.Sequential(*blocks)


def channel_groups() -> list[ChannelGroup]:
    """Return what channel pruning may shrink: the channels inside the blocks.

    Those between blocks are added to one another, so a channel there belongs to a whole stage.
    """
    blocks = [f"layer{stage}.{index}" for stage in (1, 2, 3) for index in range(18)]
    return [
        ChannelGroup(
            maker=f"{block}.conv{n}", norm=f"{block}.bn{n + 1}", reader=f"{block}.conv{n + 1}"
        )
        for block in blocks
        for n in (1, 2)
    ]


build = ResNet164
