"""Residual networks for CIFAR as He et al. (2016, section 4.2) have them: 6n + 2 layers, three
stages of 16, 32 and 64 channels, edges without weights (their option A).

Keys follow the trained networks of akamaster/pytorch_resnet_cifar10.
"""

import torch
from torch import Tensor, nn


class ZeroPadded(nn.Module):
    """An edge across which the shape changes: every second pixel, and channels of zeros."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(1, 2)  # a window of one pixel: every second one
        self.channels = (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        sides = (0, 0, 0, 0, self.channels, self.channels)
        return nn.functional.pad(self.pool(x), sides)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a residual edge."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = ZeroPadded(inputs, outputs) if stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        edge = x if self.shortcut is None else self.shortcut(x)
        y = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(y)) + edge)
        return out


class CifarResNet(nn.Module):
    """The network for 32x32 images.

    Args:
        blocks: in each stage, n.
        classes: outputs of the classifier.
    """

    def __init__(self, blocks: int, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(16, 16, blocks)
        self.layer2 = _stage(16, 32, blocks)
        self.layer3 = _stage(32, 64, blocks)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        y: Tensor = self.linear(torch.flatten(self.avgpool(x), 1))
        return y


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, outputs // inputs)
    rest = [BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)
