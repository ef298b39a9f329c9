"""ResNet-20 for CIFAR: 20 layers, 3 blocks in each of three stages, 10 classes."""

from sdalgo.networks._cifar_resnet import CifarResNet

INPUT = (3, 32, 32)
PARAMETERS = 269_722  # 0.27 M in He et al. (2016), table 6, whose edges have no weights either
MACS = 40_551_040  # counted by hand: stem 442 368, a 3x3 convolution 2 359 296 (1 179 648 where a
# stage begins), classifier 640


def build(classes: int = 10) -> CifarResNet:
    """Return the network, untrained."""
    return CifarResNet(3, classes)
