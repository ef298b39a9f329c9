"""How a layer's weight (K, C), or (K, C/groups, R, S), lies in the tensor that a network stores.

Convolutions over one axis have no R, products of matrices hold (C, K), transposed convolutions
(C, K/groups, R, S), and recurrent layers of an ONNX file all directions in one tensor.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """A tensor as a layer's weight: cut into the axes `split`, these in the order `axes`, and put
    together as `layer`.

    Attributes:
        tensor: the stored shape.
        layer: the shape of the weight, of two or four axes.
    """

    tensor: Shape
    split: Shape
    axes: Shape
    layer: Shape

    @property
    def is_sound(self) -> bool:
        """Whether the shapes hold equally many values, and the axes are each there once."""
        counts = {prod(shape) for shape in (self.tensor, self.split, self.layer)}
        return len(counts) == 1 and sorted(self.axes) == [*range(len(self.split))]

    @property
    def is_plain(self) -> bool:
        """Whether the tensor is the weight as it is."""
        return self.tensor == self.layer and self.axes == tuple(range(len(self.axes)))

    def to_layer(self, tensor: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the weight that a tensor holds."""
        return tensor.reshape(self.split).transpose(self.axes).reshape(self.layer)

    def to_tensor(self, weight: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the tensor that holds a weight; inverse of `to_layer`."""
        cut = weight.reshape([self.split[axis] for axis in self.axes])
        return np.ascontiguousarray(cut.transpose(np.argsort(self.axes))).reshape(self.tensor)


def as_stored(shape: Shape) -> Orientation:
    """A weight whose first axis is K: (K, C), (K, C, S) as (K, C, 1, S), or (K, C, R, S)."""
    layer = (*shape[:2], 1, shape[2]) if len(shape) == 3 else shape
    return Orientation(tensor=shape, split=shape, axes=tuple(range(len(shape))), layer=layer)


def transposed(shape: Shape) -> Orientation:
    """The second operand of a product of matrices: (C, K)."""
    return Orientation(tensor=shape, split=shape, axes=(1, 0), layer=(shape[1], shape[0]))


def of_deconvolution(shape: Shape, groups: int) -> Orientation:
    """A transposed convolution's (C, K/groups, ...), one or two axes being the kernel's."""
    inputs, outputs = shape[0] // groups, shape[1]
    kernel = shape[2:]
    return Orientation(
        tensor=shape,
        split=(groups, inputs, outputs, *kernel),
        axes=(0, 2, 1, *range(3, 3 + len(kernel))),
        layer=(groups * outputs, inputs, *(1,) * (2 - len(kernel)), *kernel),
    )


def rows_of_all(shape: Shape) -> Orientation:
    """Matrices of several directions, (D, K, C), as one of D*K rows."""
    layer = (prod(shape[:-1]), shape[-1])
    return Orientation(tensor=shape, split=shape, axes=tuple(range(len(shape))), layer=layer)
