"""A convolutional network of 20 000 weights for 28x28 images, with every kind of convolution.

3x3, depthwise and 1x1 convolutions with batch normalisation, for experiments that a processor
finishes in minutes.
"""

from functools import partial

import torch
from torch import Tensor, nn

from sdalgo.networks import _blocks

INPUT = (1, 28, 28)
PARAMETERS = 20_138  # weights 144 + 144 + 512 + 18432 + 640, bias 10, norms 2 * (16+16+32+64)
MACS = 1_145_280  # 28^2 * 144 + 14^2 * (144 + 512) + 7^2 * 18432 + 640

conv_norm = partial(_blocks.conv_norm, nn.ReLU)


class SmallCNN(nn.Module):
    """Stem, depthwise and pointwise pair, one wide convolution, classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_norm(1, 16, 3)
        self.depthwise = conv_norm(16, 16, 3, groups=16)
        self.pointwise = conv_norm(16, 32, 1)
        self.wide = conv_norm(32, 64, 3)
        self.pool = nn.MaxPool2d(2)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        x = self.pool(self.pointwise(self.depthwise(x)))
        y: Tensor = self.fc(torch.flatten(self.mean(self.wide(x)), 1))
        return y


build = SmallCNN
