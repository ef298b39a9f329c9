"""Entries of slices that stand for no weight: what a filter lacks of its last row of channels.

Whatever Ce B gives there is dropped when the weight is rebuilt, so a fit need not bring it to zero.
The released code does (its rows are padded with zeros), and so do the presets that equal it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.matrices import Layout


@dataclass(frozen=True, kw_only=True)
class Padding:
    """Where the padding of a layer lies.

    Attributes:
        slices: indices of the slices that hold any, one a filter.
        row: the row of these slices that does.
        weights: entries of that row that are weights; those from here on are padding.
    """

    slices: NDArray[np.intp]
    row: int
    weights: int

    def clear(self, slices: NDArray[np.floating]) -> None:
        """Set to zero, in place, what (N, m, n) holds where there are no weights."""
        slices[self.slices, self.row, self.weights :] = 0


def padding_of(layout: Layout) -> Padding | None:
    """Return where a layer is padded; None where its rows are full."""
    if not layout.is_vector or layout.shape[1] % layout.width == 0:
        return None
    last, row = divmod(layout.rows - 1, layout.height)
    filters = np.arange(layout.filters, dtype=np.intp)
    return Padding(
        slices=filters * layout.slices + last, row=row, weights=layout.shape[1] % layout.width
    )
