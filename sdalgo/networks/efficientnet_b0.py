"""EfficientNet-B0; state dicts are interchangeable with torchvision's `efficientnet_b0`."""

from functools import partial

import torch
from torch import Tensor, nn

from sdalgo.networks import _blocks

INPUT = (3, 224, 224)
PARAMETERS = 5_288_548  # torchvision model table
MACS = 385_814_752  # 0.39 GFLOPs in torchvision's model table

# expansion, kernel, stride, output channels, blocks: table 1 of the EfficientNet paper
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
conv_norm = partial(_blocks.conv_norm, nn.SiLU)


class SqueezeExcitation(nn.Module):
    """A gate for each channel, from the channel means."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = nn.SiLU(inplace=True)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        out: Tensor = self.scale_activation(gate) * x
        return out


class MBConv(nn.Module):
    """Expand 1x1, depthwise, squeeze-and-excite, project 1x1, residual edge."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_norm(inputs, hidden, 1))
        layers += [
            conv_norm(hidden, hidden, kernel, stride=stride, groups=hidden),
            SqueezeExcitation(hidden, max(1, inputs // 4)),
            nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        ]
        self.block = nn.Sequential(*layers)
        self.has_edge = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return y + x if self.has_edge else y


class EfficientNetB0(nn.Module):
    """The network; torchvision's stochastic depth exists in training alone and has no weights.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        stages: list[nn.Module] = [conv_norm(3, 32, 3, stride=2)]
        inputs = 32
        for expansion, kernel, stride, outputs, blocks in STAGES:
            stage = [MBConv(inputs, outputs, expansion, kernel, stride)]
            stage += [MBConv(outputs, outputs, expansion, kernel, 1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*stage))
            inputs = outputs
        stages.append(conv_norm(320, 1280, 1))
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return y


build = EfficientNetB0
