"""VGG-19 for CIFAR-10 with batch normalisation and one linear layer: 20.0 M (paper Table III).

`features` has the keys of torchvision's `vgg19_bn` but for the biases, which normalisation
makes useless and which the CIFAR variant leaves out.
"""

import torch
from torch import Tensor, nn

from sdalgo.channels import ChannelGroup
from sdalgo.networks.vgg11 import trunk

INPUT = (3, 32, 32)
PARAMETERS = 20_035_018  # 20.04 M, usual for VGG-19 with one classifier on CIFAR-10
MACS = 398_136_320  # 0.398 GMACs, likewise

LAYERS = (
    64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M",
    512, 512, 512, 512, "M", 512, 512, 512, 512,
)  # fmt: skip


class VGG19(nn.Module):
    """Sixteen convolutions and a classifier.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = trunk(LAYERS, norms=True)
        self.avgpool = nn.AvgPool2d(2)
        self.classifier = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return y


def channel_groups() -> list[ChannelGroup]:
    """Return what channel pruning may shrink: the outputs of every convolution."""
    convs = [
        f"features.{index}"
        for index, module in enumerate(trunk(LAYERS, norms=True))
        if isinstance(module, nn.Conv2d)
    ]
    norms = [f"features.{int(conv.split('.')[1]) + 1}" for conv in convs]
    return [
        ChannelGroup(maker=maker, norm=norm, reader=reader)
        for maker, norm, reader in zip(convs, norms, [*convs[1:], "classifier"], strict=True)
    ]


build = VGG19
