"""VGG-11 for ImageNet; state dicts are interchangeable with torchvision's `vgg11`."""

import torch
from torch import Tensor, nn

INPUT = (3, 224, 224)
PARAMETERS = 132_863_336  # torchvision model table
MACS = 7_609_090_048  # torchvision model table: 7.61 GFLOPs, multiply-adds

LAYERS = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")


def trunk(layers: tuple[int | str, ...], *, norms: bool, channels: int = 3) -> nn.Sequential:
    """Return the 3x3 convolutions and the pools (`M`) of a VGG network."""
    made: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, str):
            made.append(nn.MaxPool2d(2, 2))
            continue
        made.append(nn.Conv2d(channels, layer, 3, padding=1, bias=not norms))
        if norms:
            made.append(nn.BatchNorm2d(layer))
        made.append(nn.ReLU(inplace=True))
        channels = layer
    return nn.Sequential(*made)


class VGG11(nn.Module):
    """Eight convolutions and three linear layers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = trunk(LAYERS, norms=False)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return y


build = VGG11
