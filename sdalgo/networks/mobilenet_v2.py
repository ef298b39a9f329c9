"""MobileNetV2 for ImageNet; state dicts are interchangeable with torchvision's `mobilenet_v2`."""

from functools import partial

import torch
from torch import Tensor, nn

from sdalgo.networks import _blocks

INPUT = (3, 224, 224)
PARAMETERS = 3_504_872  # torchvision model table
MACS = 300_774_272  # 0.30 GFLOPs in torchvision's model table

# expansion, output channels, blocks, first stride: table 2 of the MobileNetV2 paper
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
conv_norm = partial(_blocks.conv_norm, nn.ReLU6)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1, with an edge where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_norm(inputs, hidden, 1))
        layers += [
            conv_norm(hidden, hidden, 3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.has_edge = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.has_edge else y


class MobileNetV2(nn.Module):
    """The network at width 1.

    Args:
        classes: outputs of the classifier.
        strides: first strides of the seven stages, then of the first convolution.
    """

    def __init__(self, classes: int = 1000, strides: tuple[int, ...] | None = None) -> None:
        super().__init__()
        strides = strides or (*(stage[3] for stage in STAGES), 2)
        layers: list[nn.Module] = [conv_norm(3, 32, 3, stride=strides[-1])]
        inputs = 32
        for (expansion, outputs, blocks, _), stride in zip(STAGES, strides, strict=False):
            for block in range(blocks):
                step = stride if block == 0 else 1
                layers.append(InvertedResidual(inputs, outputs, step, expansion))
                inputs = outputs
        layers.append(conv_norm(inputs, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return y


build = MobileNetV2
