"""Residual networks for CIFAR as He et al. (2016, section 4.2) have them: 6n + 2 layers, three
stages of 16, 32 and 64 channels, edges without weights (their option A).

Keys follow the trained networks of akamaster/pytorch_resnet_cifar10.
"""

import torch
from torch import Tensor, nn

from sdalgo.networks._blocks import BasicBlock


class ZeroPadded(nn.Module):
    """An edge across which the shape changes: every second pixel, and channels of zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(1, stride)  # a window of one pixel: every second one
        self.channels = (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        sides = (0, 0, 0, 0, self.channels, self.channels)
        return nn.functional.pad(self.pool(x), sides)


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
    first = BasicBlock(inputs, outputs, outputs // inputs, ZeroPadded)
    rest = [BasicBlock(outputs, outputs, 1, ZeroPadded) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)
