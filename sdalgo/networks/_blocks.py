"""What several networks are made of. Seeded weights depend on the order in which parts are made."""

from typing import Any

from torch import nn


def conv_norm(
    activation: type[nn.Module], inputs: int, outputs: int, kernel: int, **shape: Any
) -> nn.Sequential:
    """Convolution that keeps the size but for its stride, normalisation, activation.

    Args:
        shape: stride, groups and dilation, where they are not 1.
    """
    padding = shape.get("dilation", 1) * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False, **shape),
        nn.BatchNorm2d(outputs),
        activation(inplace=True),
    )


def projection(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """The 1x1 convolution, normalised, of a residual edge across which the shape changes."""
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))
