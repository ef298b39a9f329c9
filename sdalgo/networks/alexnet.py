"""AlexNet as Caffe has it: 227 x 227, and second, fourth and fifth convolutions in two groups.

Torchvision's `alexnet` is another network, of one tower with fewer filters. Layers have the names
of Caffe's `bvlc_alexnet`.
"""

import torch
from torch import Tensor, nn

from sdalgo import photos

INPUT = (3, 227, 227)
PARAMETERS = 60_965_224  # Krizhevsky et al., NIPS'12: 60 million; the convolutions by hand
MACS = 724_406_816  # 665.8 M of the convolutions, SCNN's Table 1 says 0.69 G, and 58.6 M linear
PIXELS = photos.CAFFE
BLUE_FIRST = True


def _local_norm() -> nn.LocalResponseNorm:
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75)


class AlexNet(nn.Module):
    """Five convolutions and three linear layers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.norm1, self.norm2 = _local_norm(), _local_norm()
        self.pool1, self.pool2, self.pool5 = (nn.MaxPool2d(3, 2) for _ in range(3))
        self.relu = nn.ReLU()
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.norm1(self.relu(self.conv1(x))))
        x = self.pool2(self.norm2(self.relu(self.conv2(x))))
        x = self.relu(self.conv4(self.relu(self.conv3(x))))
        x = torch.flatten(self.pool5(self.relu(self.conv5(x))), 1)
        y: Tensor = self.fc8(self.relu(self.fc7(self.relu(self.fc6(x)))))
        return y


build = AlexNet
