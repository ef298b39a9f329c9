"""What shapes alone decide: weights, coefficients, slices and multiplications of a network.

Layers are the weight shapes of a workload file, or those that Tables X and XI print. The paper's
matrices are one a filter: rows of three for 1x1 and linear layers, kernel rows for 3x3; larger
kernels are not decomposed (the authors' released code, docs/reference/sdalgo.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from archsim.formats.slices import RELEASED_ROWS, factor_slices, matrix_of, rows_per_slice
from archsim.paper.printed import data

Shape = tuple[int, ...]
MIB, MB = 2**20, 10**6  # Tables II, V, VI count in MiB, III and IV in 10^6 bytes
LARGEST_KERNEL = 3


@dataclass(frozen=True)
class Counts:
    """`weights` of all layers; `coefficients` and `basis` entries of those that are decomposed."""

    weights: int
    coefficients: int
    slices: int

    @property
    def basis(self) -> int:
        """Entries of all basis matrices: 3 x 3 a slice."""
        return 9 * self.slices


def counts(shapes: Iterable[Shape], slice_rows: int = RELEASED_ROWS) -> Counts:
    """Count a network of weights (K, C/g, R, S) or (K, C)."""
    weights = coefficients = slices = 0
    for shape in shapes:
        weights += prod(shape)
        if len(shape) == 4 and max(shape[2:]) > LARGEST_KERNEL:
            continue
        rows, _ = matrix_of(shape)
        cut = factor_slices(rows, slice_rows)
        slices += shape[0] * cut
        coefficients += 3 * shape[0] * cut * rows_per_slice(rows, cut)
    return Counts(weights, coefficients, slices)


def resnet18_shapes(classes: int = 10) -> list[Shape]:
    """ResNet18 for 32x32 images, from Table X."""
    found = data("shapes")["resnet18"]
    shapes = [_shape(layer["shape"]) for layer in found["layers"].values()]
    return [*shapes, (classes, int(found["classifier"]))]


def resnet18_conv_macs() -> int:
    """Multiplications of its convolutions."""
    layers = data("shapes")["resnet18"]["layers"].values()
    return sum(prod(_shape(layer["shape"])) * int(layer["side"]) ** 2 for layer in layers)


def mobilenet_v2_shapes(classes: int = 10) -> list[Shape]:
    """MobileNetV2 for 32x32 images, whose shapes Table XI lists in part."""
    found = data("shapes")["mobilenet_v2"]
    inputs = int(found["first"])
    shapes: list[Shape] = [(inputs, 3, 3, 3)]
    for expansion, channels, blocks in found["stages"]:
        for _ in range(int(blocks)):
            hidden, outputs = int(expansion) * inputs, int(channels)
            shapes += [(hidden, inputs, 1, 1), (hidden, 1, 3, 3), (outputs, hidden, 1, 1)]
            inputs = outputs
    shapes += [(*_shape(edge), 1, 1) for edge in found["shortcuts"]]
    last = int(found["last"])
    return [*shapes, (last, inputs, 1, 1), (classes, last)]


def megabytes(elements: float, bits: float, unit: int = MB) -> float:
    """Size of `elements` numbers of `bits` each, in `unit` bytes."""
    return elements * bits / 8 / unit


def _shape(text: str) -> Shape:
    return tuple(int(part) for part in text.split("x"))
