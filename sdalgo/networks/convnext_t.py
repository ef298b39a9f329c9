"""ConvNeXt-T (Liu et al., CVPR'22) for ImageNet; keys as torchvision's `convnext_tiny`."""

import torch
from torch import Tensor, nn

INPUT = (3, 224, 224)
FRONT = "export"
PARAMETERS = 28_589_128  # torchvision model table
MACS = 4_455_531_264  # 4.46 GFLOPs in torchvision's model table; 4.5 G in the paper

WIDTHS, BLOCKS = (96, 192, 384, 768), (3, 3, 9, 3)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of the channels of each pixel, (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Permute(nn.Module):
    """Axes in another order."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.order)


class Block(nn.Module):
    """Depthwise 7x7, normalisation, two linear layers on each pixel, a scale, an edge around."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            Permute(0, 3, 1, 2),
        )
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layer_scale * self.block(x)
        return out


class ConvNeXt(nn.Module):
    """A patch stem and four stages with a strided convolution between them.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        stem = nn.Conv2d(3, WIDTHS[0], 4, 4)
        stages: list[nn.Module] = [nn.Sequential(stem, ChannelNorm(WIDTHS[0], eps=1e-6))]
        for index, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            stages.append(nn.Sequential(*(Block(width) for _ in range(blocks))))
            if index < len(WIDTHS) - 1:
                halved = nn.Conv2d(width, WIDTHS[index + 1], 2, 2)
                stages.append(nn.Sequential(ChannelNorm(width, eps=1e-6), halved))
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            ChannelNorm(WIDTHS[-1], eps=1e-6), nn.Flatten(1), nn.Linear(WIDTHS[-1], classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.avgpool(self.features(x)))
        return out


build = ConvNeXt
