"""ResNet-18 for CIFAR: 3x3 stem without pooling, four stages of two basic blocks, 10 classes.

The network of the paper's Tables II, V and VI. Keys follow torchvision's `resnet18`.
"""

import torch
from torch import Tensor, nn

from sdalgo.networks._blocks import BasicBlock

INPUT = (3, 32, 32)
PARAMETERS = 11_173_962  # 11 164 352 convolution and linear weights (paper Table II), 9 610 others
MACS = 555_422_720  # paper Table II: 1110.8 MFLOPs, two to a multiply-add


class ResNet18(nn.Module):
    """The network for 32x32 images.

    Args:
        classes: outputs of the classifier.
        channels: of the input.
    """

    def __init__(self, classes: int = 10, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        y: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return y


build = ResNet18
