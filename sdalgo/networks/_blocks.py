"""What several networks are made of. Seeded weights depend on the order in which parts are made."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


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


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a residual edge.

    Args:
        edge: makes what stands on the edge where the shape changes, of (inputs, outputs, stride).
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int,
        edge: Callable[[int, int, int], nn.Module] = projection,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        changes = stride != 1 or inputs != outputs
        self.downsample = edge(inputs, outputs, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        edge = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(y)) + edge)
        return out
