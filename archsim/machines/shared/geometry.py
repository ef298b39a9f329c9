"""Planes of a convolution as arrays, padded and seen through its sliding window."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from archsim.workload.convolution import Geometry

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Whole = TypeVar("Whole", int, Ints)
Array = TypeVar("Array", bound=npt.NDArray[np.generic])


def ceil_div(amount: Whole, part: int) -> Whole:
    """Division that rounds up, of a number or of each one in an array."""
    return -(-amount // part)


def read_only(array: Array) -> Array:
    """The array, which nobody may write to from now on: what is kept is given to many."""
    array.setflags(write=False)
    return array


def differences(ends: Ints) -> Ints:
    """What running sums along the last axis rise by: `np.diff(ends, prepend=0)` at a third of its
    price, which networks of thousands of small layers pay many times each."""
    parts = ends.copy()
    parts[..., 1:] -= ends[..., :-1]
    return parts


def portion(parts: Ints, total: Ints | int, whole: Ints | int) -> Ints:
    """`parts` * `total` // `whole`, where a part is at most the whole and that is below 2^31.

    The product may be beyond 2^63 where neither factor is, and numpy would wrap it without a word.
    """
    each, rest = np.divmod(total, whole)
    return np.asarray(parts * each + parts * rest // whole)


def window_view(plane: npt.NDArray[np.generic], geometry: Geometry) -> npt.NDArray[np.generic]:
    """Read-only view (channels, P, Q, R, S) of a padded plane (channels, H, W): what every window
    sees.
    """
    span = (geometry.reach[0] + 1, geometry.reach[1] + 1)
    view = np.lib.stride_tricks.sliding_window_view(plane, span, axis=(1, 2))
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    return view[:, ::sh, ::sw, ::dh, ::dw]


def pad_plane(
    plane: npt.NDArray[np.generic], padding: tuple[int, int, int, int], fill: int
) -> npt.NDArray[np.generic]:
    """A plane (channels, H, W) with (top, left, bottom, right) border values of `fill`."""
    top, left, bottom, right = padding
    return np.pad(plane, ((0, 0), (top, bottom), (left, right)), constant_values=fill)
