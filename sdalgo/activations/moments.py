"""H = X X^T: what a layer is given, as second moments of its im2col columns.

Everything that the preset `activations` needs of images is in these matrices: an error E of the
weights of a filter changes its outputs by E X, whose energy is E H E^T.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from sdalgo.activations.triangular import upper_factor
from sdalgo.fit import Float64
from sdalgo.pow2 import Float32


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Second moments of one layer's inputs, per column.

    Attributes:
        second: H / columns, (groups, D, D), D the weights of one filter: C/groups * R * S, in the
            order of a filter's own weights. Depthwise layers have a matrix for each channel.
        columns: im2col columns that were seen.
        sensitivity: what one unit of a filter's output energy costs the network, (K,); None: 1
            for each.
        target: the weights to come near to, where they are not the layer's own: shape (K, D).
        damp: share of the mean diagonal that has been added to the diagonal.
    """

    second: Float64
    columns: int
    sensitivity: Float64 | None = None
    target: Float64 | None = None
    damp: float = 0.0

    @property
    def inputs(self) -> int:
        """D: weights of one filter."""
        return int(self.second.shape[1])

    @cached_property
    def factor(self) -> Float64:
        """U with U^T U = H^-1, (groups, D, D), of damped moments; kept, for heights of slices are
        tried on one H."""
        return upper_factor(self.second)

    def checked(self, shape: tuple[int, ...], place: object) -> "Moments":
        """Return itself, if it is of a layer of `shape`.

        Raises:
            InputError: the matrices are of another layer, or not finite.
        """
        groups, inputs = len(self.second), int(np.prod(shape[1:]))
        if self.second.shape != (groups, inputs, inputs) or shape[0] % groups:
            raise InputError.at(
                place, f"calibration of {self.second.shape} does not fit weights of {shape}"
            )
        if not np.isfinite(self.second).all():
            raise InputError.at(place, "calibration: inputs are not finite")
        return self

    def filters(self, chosen: "slice | NDArray[np.intp]") -> "Moments":
        """Return what is known of some filters, with the same H."""
        sensitivity, target = (
            None if held is None else held[chosen] for held in (self.sensitivity, self.target)
        )
        return replace(self, sensitivity=sensitivity, target=target)

    def damped(self, share: float) -> "Moments":
        """Return them with `share` of the mean diagonal added to the diagonal.

        Inputs that the calibration images never excite then cost something, and H is regular.
        """
        second = on_diagonal(self.second, ridge(self.second, share))
        return replace(self, second=second, damp=share)

    def undamped(self) -> Float64:
        """Return H as it was before `damped`."""
        return on_diagonal(self.second, -ridge(self.second, self.damp / (1 + self.damp)))


def ridge(second: Float64, share: float) -> Float64:
    """Return `share` of the mean diagonal of each matrix, (groups,)."""
    mean = np.diagonal(second, axis1=1, axis2=2).mean(axis=1)
    return np.asarray(share * np.where(mean > 0, mean, 1.0))


def on_diagonal(second: Float64, added: Float64) -> Float64:
    """Return (groups, D, D) with `added` (groups,) on the diagonals."""
    held, place = second.copy(), np.arange(second.shape[1])
    held[:, place, place] += added[:, None]
    return held


def moments_of(columns: NDArray[np.generic]) -> Moments:
    """Return the moments of columns (D, N), or (groups, D, N)."""
    held = columns.astype(np.float64)
    held = held[None] if held.ndim == 2 else held
    return Moments(second=held @ held.transpose(0, 2, 1) / held.shape[2], columns=held.shape[2])


def joined(one: Moments, two: Moments) -> Moments:
    """Return the moments of the columns of both."""
    columns = one.columns + two.columns
    second = (one.second * one.columns + two.second * two.columns) / columns
    return replace(one, second=second, columns=columns)


def some_filters(weight: Float32, moments: Moments, most: int) -> tuple[Float32, Moments]:
    """Return at most so many filters of a weight, evenly, each with its inputs and sensitivity.

    A filter of a group brings its own H.
    """
    count, groups = len(weight), len(moments.second)
    if count <= most:
        return weight, moments
    chosen = np.unique(np.linspace(0, count - 1, most).round().astype(int))
    second = moments.second if groups == 1 else moments.second[chosen // (count // groups)]
    return weight[chosen], replace(moments.filters(chosen), second=second)


def identity(shape: tuple[int, ...]) -> Moments:
    """Return H = I for a weight of `shape`: fitting outputs is then fitting weights."""
    return Moments(second=np.eye(int(np.prod(shape[1:])))[None], columns=1)
