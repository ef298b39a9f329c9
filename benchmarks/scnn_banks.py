"""SCNN's bank queues at speed: all convolutions of ResNet50, and VGG16 by both rules.

    python benchmarks/scnn_banks.py

Random tensors; ResNet50 with 40 % of weights and 55 % of activations alive, VGG16 with the
densities that ISCA'17 reports. Prints CPU seconds, and VGG16's speed-up over 1024 busy multipliers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn import cycles as scnn
from archsim.machines.scnn import dnnsim as scnn_dnnsim
from archsim.machines.scnn.tiling import ScnnArray
from archsim.workload.convolution import Geometry

Shape = tuple[int, int, int, int, int, int]  # out and in channels, kernel, side, stride, padding
Masks = tuple[NDArray[np.bool_], NDArray[np.bool_], Geometry]

# in and out channels, side; share of zeros among activations and weights
VGG16 = (
    (3, 64, 224, 0.00, 0.43), (64, 64, 224, 0.50, 0.79), (64, 128, 112, 0.11, 0.67),
    (128, 128, 112, 0.21, 0.65), (128, 256, 56, 0.19, 0.47), (256, 256, 56, 0.37, 0.78),
    (256, 256, 56, 0.31, 0.59), (256, 512, 28, 0.29, 0.68), (512, 512, 28, 0.50, 0.74),
    (512, 512, 28, 0.55, 0.66), (512, 512, 14, 0.61, 0.65), (512, 512, 14, 0.67, 0.71),
    (512, 512, 14, 0.68, 0.64),
)  # fmt: skip


def resnet50() -> Iterator[Shape]:
    """Its 53 convolutions."""
    yield 64, 3, 7, 224, 2, 3
    channels, side = 64, 56
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = first if block == 0 else 1
            yield width, channels, 1, side, 1, 0
            yield width, width, 3, side, stride, 1
            if block == 0:
                yield 4 * width, channels, 1, side, stride, 0
            side //= stride
            yield 4 * width, width, 1, side, 1, 0
            channels = 4 * width


def masks(shape: Shape, alive: tuple[float, float], rng: np.random.Generator) -> Masks:
    """Random masks of weights and activations."""
    K, C, R, side, stride, padding = shape
    inputs = rng.random((C, side, side)) < alive[1]
    weights = rng.random((K, C, R, R)) < alive[0]
    geometry = Geometry(kernel=weights.shape[2:], stride=(stride, stride), padding=(padding,) * 4)
    return weights, inputs, geometry


def timed(layers: Iterator[Masks], cycles_of: Callable[[Masks], int]) -> tuple[int, float]:
    """Cycles of all layers, and CPU seconds without drawing them."""
    cycles, seconds = 0, 0.0
    for layer in layers:
        start = time.process_time()
        cycles += cycles_of(layer)
        seconds += time.process_time() - start
    return cycles, seconds


def queued(layer: Masks) -> int:
    """The default rule."""
    return scnn.layer_cycles(*layer, ScnnArray(), "auto").cycles


def dnnsim(layer: Masks) -> int:
    """DNNsim's rule."""
    return scnn_dnnsim.layer_cycles(*layer, ScnnArray()).cycles


def main() -> None:
    """Print the three lines."""
    rng = np.random.default_rng(0)
    cycles, seconds = timed((masks(s, (0.4, 0.55), rng) for s in resnet50()), queued)
    print(f"ResNet50, queued: {cycles} cycles in {seconds:.1f} s")
    dense = sum(9 * C * K * side * side / 1024 for C, K, side, _, _ in VGG16)
    for name, rule in (("queued", queued), ("dnnsim", dnnsim)):
        rng = np.random.default_rng(0)
        layers = (masks((K, C, 3, side, 1, 1), (1 - w, 1 - a), rng) for C, K, side, a, w in VGG16)
        cycles, seconds = timed(layers, rule)
        print(f"VGG16, {name}: {dense / cycles:.2f} times dense in {seconds:.1f} s")


if __name__ == "__main__":
    main()
