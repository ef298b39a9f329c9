"""MobileNetV3-Large (Howard et al., ICCV'19) for ImageNet; keys as torchvision's."""

from typing import Any

import torch
from torch import Tensor, nn

INPUT = (3, 224, 224)
FRONT = "export"
PARAMETERS = 5_483_032  # torchvision model table; 5.4 M in the paper
MACS = 216_589_760  # 0.22 GFLOPs in torchvision's model table; 219 M in the paper

# kernel, hidden channels, outputs, squeeze-and-excite, hard-swish, stride: table 1 of the paper
BLOCKS = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


def _eighths(channels: int) -> int:
    """The nearest multiple of 8 that loses less than a tenth, as the paper's code rounds."""
    rounded = max(8, (channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _conv_norm(
    inputs: int, outputs: int, kernel: int, activation: type[nn.Module] | None = None, **shape: Any
) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **shape)
    parts: list[nn.Module] = [conv, nn.BatchNorm2d(outputs, eps=0.001, momentum=0.01)]
    return nn.Sequential(*parts, *([activation()] if activation else []))


class SqueezeExcitation(nn.Module):
    """A gate for each channel, from the channel means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _eighths(channels // 4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = nn.ReLU()
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        out: Tensor = self.scale_activation(gate) * x
        return out


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, squeeze-and-excite where asked for, project 1x1, residual edge."""

    def __init__(self, inputs: int, row: tuple[int, int, int, bool, bool, int]) -> None:
        super().__init__()
        kernel, hidden, outputs, squeezes, swish, stride = row
        activation = nn.Hardswish if swish else nn.ReLU
        layers: list[nn.Module] = []
        if hidden != inputs:
            layers.append(_conv_norm(inputs, hidden, 1, activation))
        layers.append(_conv_norm(hidden, hidden, kernel, activation, stride=stride, groups=hidden))
        if squeezes:
            layers.append(SqueezeExcitation(hidden))
        layers.append(_conv_norm(hidden, outputs, 1))
        self.block = nn.Sequential(*layers)
        self.has_edge = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return y + x if self.has_edge else y


class MobileNetV3(nn.Module):
    """The large network at width 1.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv_norm(3, 16, 3, nn.Hardswish, stride=2)]
        inputs = 16
        for row in BLOCKS:
            layers.append(InvertedResidual(inputs, row))
            inputs = row[2]
        layers.append(_conv_norm(inputs, 6 * inputs, 1, nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * inputs, 1280), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(1280, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return out


build = MobileNetV3
