"""The thirteen convolutions of VGG-16, keys as torchvision's `vgg16.features`.

The trained weights that a recipe uses come from an edge detector fine-tuned from VGG-16; there is
no classifier.
"""

from torch import Tensor, nn

from sdalgo import photos
from sdalgo.networks.vgg11 import trunk

INPUT = (3, 224, 224)
PARAMETERS = 14_714_688  # VGG-16 of torchvision's table, 138 357 544, less its three linear layers
MACS = 15_346_630_656  # 15.5 G for VGG-16, less 124 M of its linear layers
PIXELS = photos.CAFFE  # what the trained weights expect
BLUE_FIRST = True

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)


class Trunk(nn.Module):
    """Convolutions, ReLUs and pools."""

    def __init__(self) -> None:
        super().__init__()
        self.features = trunk(LAYERS, norms=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.features(x)
        return y


build = Trunk
