"""DenseNet-121 (Huang et al., CVPR'17) for ImageNet; keys as torchvision's `densenet121`."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

INPUT = (3, 224, 224)
FRONT = "export"
PARAMETERS = 7_978_856  # torchvision model table
MACS = 2_834_161_664  # 2.83 GFLOPs in torchvision's model table

GROWTH, BLOCKS = 32, (6, 12, 24, 16)


def _norm_conv(number: int, inputs: int, outputs: int, kernel: int) -> list[tuple[str, nn.Module]]:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [
        (f"norm{number}", nn.BatchNorm2d(inputs)), (f"relu{number}", nn.ReLU(inplace=True)),
        (f"conv{number}", conv),
    ]  # fmt: skip


class Layer(nn.Sequential):
    """1x1 to four times the growth, 3x3 to the growth; its result joins what it has read."""

    def __init__(self, inputs: int) -> None:
        parts = _norm_conv(1, inputs, 4 * GROWTH, 1) + _norm_conv(2, 4 * GROWTH, GROWTH, 3)
        super().__init__(OrderedDict(parts))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return torch.cat([x, made], 1)


class DenseNet(nn.Module):
    """Four dense blocks; 1x1 convolutions that halve the channels, and pools, between them.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        channels = 2 * GROWTH
        parts: list[tuple[str, nn.Module]] = [
            ("conv0", nn.Conv2d(3, channels, 7, 2, 3, bias=False)),
            ("norm0", nn.BatchNorm2d(channels)),
            ("relu0", nn.ReLU(inplace=True)),
            ("pool0", nn.MaxPool2d(3, 2, 1)),
        ]
        for number, layers in enumerate(BLOCKS, 1):
            dense = [(f"denselayer{i + 1}", Layer(channels + i * GROWTH)) for i in range(layers)]
            parts.append((f"denseblock{number}", nn.Sequential(OrderedDict(dense))))
            channels += layers * GROWTH
            if number < len(BLOCKS):
                parts.append((f"transition{number}", _transition(channels)))
                channels //= 2
        parts.append((f"norm{len(BLOCKS) + 1}", nn.BatchNorm2d(channels)))
        self.features = nn.Sequential(OrderedDict(parts))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        maps = nn.functional.relu(self.features(x))
        pooled = nn.functional.adaptive_avg_pool2d(maps, 1)
        out: Tensor = self.classifier(torch.flatten(pooled, 1))
        return out


def _transition(channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2, 2),
        )
    )


build = DenseNet
