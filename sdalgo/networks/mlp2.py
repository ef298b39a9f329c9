"""MLP-2 of the paper's Table III: LeNet-300-100 on MNIST, 1.07 MB."""

from torch import nn

from sdalgo.networks.mlp1 import MLP

INPUT = (1, 28, 28)
PARAMETERS = 266_610  # LeNet-300-100, 267 K in "Learning both weights and connections", Table 1
MACS = 266_200


def build() -> nn.Module:
    """Return the network with torch's default initialisation."""
    return MLP((784, 300, 100, 10))
