"""ResNet-50 for ImageNet; state dicts are interchangeable with torchvision's `resnet50`."""

import torch
from torch import Tensor, nn

from sdalgo.networks._blocks import projection

INPUT = (3, 224, 224)
PARAMETERS = 25_557_032  # torchvision model table
MACS = 4_089_184_256  # torchvision model table: 4.09 GFLOPs, multiply-adds


class Bottleneck(nn.Module):
    """1x1, 3x3 (which strides), 1x1, and a residual edge."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int = 1) -> None:
        super().__init__()
        outputs = width * 4
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        changes = stride != 1 or inputs != outputs
        self.downsample = projection(inputs, outputs, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        edge = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        out: Tensor = self.relu(self.bn3(self.conv3(y)) + edge)
        return out


class ResNet50(nn.Module):
    """Four stages of 3, 4, 6 and 3 bottlenecks.

    Args:
        classes: outputs of the classifier.
        dilate_last: the last stage dilates by 2 in place of its stride (output stride 16).
    """

    def __init__(self, classes: int = 1000, dilate_last: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(64, 64, 3, (1, 1, 1))
        self.layer2 = _stage(256, 128, 4, (2, 1, 1))
        self.layer3 = _stage(512, 256, 6, (2, 1, 1))
        self.layer4 = _stage(1024, 512, 3, (1, 1, 2) if dilate_last else (2, 1, 1))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        y: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return y


def _stage(inputs: int, width: int, blocks: int, first: tuple[int, int, int]) -> nn.Sequential:
    """Make a stage; `first` is the first block's stride and dilation and the others' dilation."""
    stride, dilation, later = first
    layers = [Bottleneck(inputs, width, stride, dilation)]
    layers += [Bottleneck(width * 4, width, 1, later) for _ in range(blocks - 1)]
    return nn.Sequential(*layers)


build = ResNet50
