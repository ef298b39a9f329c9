"""A network of a few thousand weights with every kind of layer a workload may hold, for tests."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT = (3, 32, 32)
PARAMETERS = 12_812  # counted layer by layer in tests/sdalgo/test_networks.py
MACS = 520_324


class Tiny(nn.Module):
    """Convolutions of all kinds, squeeze-and-excitation, a residual edge, resize and concat."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.maxpool = nn.MaxPool2d(2)
        self.expand = nn.Conv2d(16, 40, 1)
        self.depthwise = nn.Conv2d(40, 40, 3, padding=1, groups=40)
        self.squeeze = nn.Conv2d(40, 8, 1)
        self.excite = nn.Conv2d(8, 40, 1)
        self.project = nn.Conv2d(40, 16, 1)
        self.wide = nn.Conv2d(16, 12, 5, 2, 2)
        self.grouped = nn.Conv2d(16, 24, 3, padding=2, dilation=2, groups=2)
        self.head = nn.Conv2d(36, 10, 3)
        self.fc = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.norm(self.stem(x))))
        y = F.relu(self.depthwise(F.relu(self.expand(x))))
        gate = F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))
        x = x + self.project(y * torch.sigmoid(self.excite(gate)))
        small = F.interpolate(F.relu(self.wide(x)), size=(8, 8))
        y = self.head(torch.cat([small, F.relu(self.grouped(x))], 1))
        out: Tensor = self.fc(torch.flatten(F.adaptive_avg_pool2d(F.relu(y), 1), 1))
        return out


build = Tiny
