"""Plane geometry of a convolution, shared by the machines' kernels: strides, padding, dilation and
groups as plain integers, so that a kernel needs arrays and numbers only.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Pair = tuple[int, int]
Whole = TypeVar("Whole", int, Ints)


def ceil_div(amount: Whole, part: int) -> Whole:
    """Division that rounds up, of a number or of each one in an array."""
    return -(-amount // part)


@dataclass(frozen=True)
class Geometry:
    """How a kernel slides over a plane: (rows, columns) pairs, padding as (top, left, bottom,
    right).
    """

    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def padded(self, in_size: Pair) -> Pair:
        """(rows, columns) of the plane with its padding."""
        top, left, bottom, right = self.padding
        return in_size[0] + top + bottom, in_size[1] + left + right

    def reach(self, kernel: Pair) -> Pair:
        """Distance between the first and the last tap, dilation included: (rows, columns)."""
        return (kernel[0] - 1) * self.dilation[0], (kernel[1] - 1) * self.dilation[1]

    def reached(self, tile: Pair, kernel: Pair) -> Pair:
        """(rows, columns) of the outputs that the inputs of a tile may reach, halo included."""
        rows, columns = (ceil_div(tile[i] + self.reach(kernel)[i], self.stride[i]) for i in (0, 1))
        return rows, columns

    def out_size(self, in_size: Pair, kernel: Pair) -> Pair:
        """(P, Q) of the output plane, floored; ValueError when the kernel does not fit."""
        plane, reach = self.padded(in_size), self.reach(kernel)
        rows, columns = ((plane[i] - reach[i] - 1) // self.stride[i] + 1 for i in (0, 1))
        if rows < 1 or columns < 1:
            raise ValueError(f"kernel {kernel} does not fit in the padded plane {plane}")
        return rows, columns


def window_view(
    plane: npt.NDArray[np.generic], kernel: Pair, geometry: Geometry
) -> npt.NDArray[np.generic]:
    """Read-only view (channels, P, Q, R, S) of a padded plane (channels, H, W): what every window
    sees.
    """
    span = (geometry.reach(kernel)[0] + 1, geometry.reach(kernel)[1] + 1)
    view = np.lib.stride_tricks.sliding_window_view(plane, span, axis=(1, 2))
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    return view[:, ::sh, ::sw, ::dh, ::dw]


def pad_plane(
    plane: npt.NDArray[np.generic], padding: tuple[int, int, int, int], fill: int
) -> npt.NDArray[np.generic]:
    """A plane (channels, H, W) with (top, left, bottom, right) border values of `fill`."""
    top, left, bottom, right = padding
    return np.pad(plane, ((0, 0), (top, bottom), (left, right)), constant_values=fill)


@dataclass(frozen=True)
class Window:
    """The sliding window of a convolution, all pairs (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    out_size: tuple[int, int]
