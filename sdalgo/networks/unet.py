"""U-Net (Ronneberger et al., MICCAI'15) as its Figure 1 draws it, for grey images of 572x572.

No convolution pads, so edges across are cropped; 23 convolutions, two classes of 388x388 pixels.
"""

import torch
from torch import Tensor, nn

INPUT = (1, 572, 572)
FRONT = "export"
PARAMETERS = 31_030_658  # by hand: 23 convolutions of Figure 1 and their biases
MACS = 150_428_424_448  # by hand, likewise

WIDTHS = (64, 128, 256, 512, 1024)


def _two_convs(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3), nn.ReLU(inplace=True),
    )  # fmt: skip


class Up(nn.Module):
    """Up-convolution 2x2, the cropped map from across beside it, two convolutions."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, 2)
        self.convs = _two_convs(inputs, inputs // 2)

    def forward(self, x: Tensor, across: Tensor) -> Tensor:
        y = self.up(x)
        top, left = ((across.shape[axis] - y.shape[axis]) // 2 for axis in (2, 3))
        cropped = across[:, :, top : top + y.shape[2], left : left + y.shape[3]]
        out: Tensor = self.convs(torch.cat([cropped, y], 1))
        return out


class UNet(nn.Module):
    """Four levels down, four up.

    Args:
        classes: of each pixel.
    """

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        pairs = zip((INPUT[0], *WIDTHS[:-1]), WIDTHS, strict=True)
        self.down = nn.ModuleList(_two_convs(inputs, outputs) for inputs, outputs in pairs)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(Up(width) for width in WIDTHS[:0:-1])
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        across = []
        for level in self.down[:-1]:
            x = level(x)
            across.append(x)
            x = self.pool(x)
        x = self.down[-1](x)
        for level in self.up:
            x = level(x, across.pop())
        out: Tensor = self.head(x)
        return out


build = UNet
