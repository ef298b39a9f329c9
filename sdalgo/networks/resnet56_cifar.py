"""ResNet-56 for CIFAR: 56 layers, 9 blocks in each of three stages, 10 classes."""

from sdalgo.networks._cifar_resnet import CifarResNet

INPUT = (3, 32, 32)
PARAMETERS = 853_018  # 0.85 M in He et al. (2016), table 6, whose edges have no weights either
MACS = 125_485_696  # counted by hand: stem 442 368, a 3x3 convolution 2 359 296 (1 179 648 where a
# stage begins), classifier 640


def build(classes: int = 10) -> CifarResNet:
    """Return the network, untrained."""
    return CifarResNet(9, classes)
