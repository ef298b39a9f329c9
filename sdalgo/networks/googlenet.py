"""GoogLeNet (Szegedy et al., CVPR'15) as Caffe's `bvlc_googlenet` has it, without the two auxiliary
classifiers, which inference leaves out.

Torchvision's `googlenet` is another network: it normalises, and has 3x3 kernels where this has 5x5.
"""

import torch
from torch import Tensor, nn

from sdalgo import photos

INPUT = (3, 224, 224)
PARAMETERS = 6_998_552  # 6.8 million in the columns `params` of the paper's Table 1, with biases
MACS = 1_582_671_872  # about 1.5 G in the column `ops` of the paper's Table 1
PIXELS = photos.CAFFE
BLUE_FIRST = True

# Input channels, and the columns of the paper's Table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5,
# pool proj. `M` is a pool.
MODULES: dict[str, tuple[int, ...]] = {
    "inception_3a": (192, 64, 96, 128, 16, 32, 32),
    "inception_3b": (256, 128, 128, 192, 32, 96, 64),
    "inception_4a": (480, 192, 96, 208, 16, 48, 64),
    "inception_4b": (512, 160, 112, 224, 24, 64, 64),
    "inception_4c": (512, 128, 128, 256, 24, 64, 64),
    "inception_4d": (512, 112, 144, 288, 32, 64, 64),
    "inception_4e": (528, 256, 160, 320, 32, 128, 128),
    "inception_5a": (832, 256, 160, 320, 32, 128, 128),
    "inception_5b": (832, 384, 192, 384, 48, 128, 128),
}


class Inception(nn.Module):
    """Four branches, whose channels stand one after the other."""

    def __init__(self, columns: tuple[int, ...]) -> None:
        super().__init__()
        inputs, one, reduce3, three, reduce5, five, projected = columns
        self.conv_1x1 = nn.Conv2d(inputs, one, 1)
        self.reduce_3x3 = nn.Conv2d(inputs, reduce3, 1)
        self.conv_3x3 = nn.Conv2d(reduce3, three, 3, padding=1)
        self.reduce_5x5 = nn.Conv2d(inputs, reduce5, 1)
        self.conv_5x5 = nn.Conv2d(reduce5, five, 5, padding=2)
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.pool_proj = nn.Conv2d(inputs, projected, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        one = self.relu(self.conv_1x1(x))
        three = self.relu(self.conv_3x3(self.relu(self.reduce_3x3(x))))
        five = self.relu(self.conv_5x5(self.relu(self.reduce_5x5(x))))
        projected = self.relu(self.pool_proj(self.pool(x)))
        return torch.cat((one, three, five, projected), 1)


class GoogLeNet(nn.Module):
    """Three convolutions, nine inception modules and a linear layer."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.conv2_reduce = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)
        for name, columns in MODULES.items():
            self.add_module(name, Inception(columns))
        self.norm1, self.norm2 = (
            nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75) for _ in range(2)
        )
        # Caffe rounds the sizes of pools up.
        self.pool1, self.pool2, self.pool3, self.pool4 = (
            nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(4)
        )
        self.pool5 = nn.AdaptiveAvgPool2d((1, 1))
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.pool1(self.relu(self.conv1(x))))
        x = self.relu(self.conv2(self.relu(self.conv2_reduce(x))))
        x = self.pool2(self.norm2(x))
        for name in MODULES:
            x = self.get_submodule(name)(x)
            if name in {"inception_3b", "inception_4e"}:
                x = (self.pool3 if name == "inception_3b" else self.pool4)(x)
        y: Tensor = self.classifier(torch.flatten(self.pool5(x), 1))
        return y


build = GoogLeNet
