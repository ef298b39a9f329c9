"""DeepLabV3+ on ResNet-50 with output stride 16, for CamVid's 11 classes (paper VI-B).

`backbone` has torchvision's `resnet50` keys without the classifier. The decoder is that of the
DeepLabV3+ paper: pyramid of rates 6, 12 and 18, and 48 channels of low-level features.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdalgo.networks import _blocks
from sdalgo.networks.resnet50 import ResNet50

INPUT = (3, 352, 480)  # CamVid's 360x480, cut to whole strides
PARAMETERS = 40_349_611  # backbone 23.5 M, pyramid 15.5 M, decoder 1.3 M
MACS = 44_589_744_128  # counted layer by layer

conv_norm = partial(_blocks.conv_norm, nn.ReLU)


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, three dilated 3x3, and the image mean."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [conv_norm(inputs, outputs, 1)]
            + [conv_norm(inputs, outputs, 3, dilation=rate) for rate in (6, 12, 18)]
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.pooled = conv_norm(inputs, outputs, 1)
        self.project = conv_norm(5 * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        mean = F.interpolate(self.pooled(self.pool(x)), size=size, mode="nearest")
        branches = [conv(x) for conv in self.convs]
        out: Tensor = self.project(torch.cat([*branches, mean], 1))
        return out


class DeepLabV3Plus(nn.Module):
    """Encoder, pyramid and decoder.

    Args:
        classes: channels of the output.
    """

    def __init__(self, classes: int = 11) -> None:
        super().__init__()
        self.backbone = ResNet50(dilate_last=True)
        del self.backbone.fc, self.backbone.avgpool
        self.pyramid = Pyramid(2048, 256)
        self.low_level = conv_norm(256, 48, 1)
        self.decoder = nn.Sequential(conv_norm(304, 256, 3), conv_norm(256, 256, 3))
        self.classifier = nn.Conv2d(256, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        net = self.backbone
        low = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))
        high = self.pyramid(net.layer4(net.layer3(net.layer2(low))))
        low = self.low_level(low)
        up = F.interpolate(high, size=low.shape[-2:], mode="bilinear")
        y = self.classifier(self.decoder(torch.cat([low, up], 1)))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear")


build = DeepLabV3Plus
