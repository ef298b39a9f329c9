"""The rows of a plane that windows read: not all of them where windows lie apart, and some more
than once where the plane is taken in parts.

Rows are the unit, for a row lies in one piece in DRAM: what a stride leaves out between two columns
of it comes with the same words, what it leaves out between two rows does not.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsim.workload.convolution import Geometry, Pair

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@lru_cache(maxsize=1024)
def input_rows(geometry: Geometry, in_size: Pair) -> tuple[Rows, Flags]:
    """(R, P): the input row that kernel row r reads for output row e, and whether the plane has
    it.
    """
    r = np.arange(geometry.kernel[0])[:, None] * geometry.dilation[0]
    e = np.arange(geometry.out_size(in_size)[0])[None, :] * geometry.stride[0]
    rows = e + r - geometry.padding[0]
    exist = (rows >= 0) & (rows < in_size[0])
    for array in (rows, exist):
        array.setflags(write=False)
    return rows, exist


@lru_cache(maxsize=1024)
def rows_read(geometry: Geometry, in_size: Pair) -> Flags:
    """(H,) whether any window reads a row of the plane."""
    rows, exist = input_rows(geometry, in_size)
    read = np.zeros(in_size[0], np.bool_)
    read[rows[exist]] = True
    read.setflags(write=False)
    return read


@lru_cache(maxsize=1024)
def rows_read_again(geometry: Geometry, in_size: Pair, parts: int) -> int:
    """Rows that are read again where the output rows are made in so many even parts: for each part,
    the rows that it reads and an earlier part has read.

    A cut within an output row brings none: it leaves partial sums, which stay.
    """
    rows, exist = input_rows(geometry, in_size)
    outputs = rows.shape[1]
    part = np.arange(outputs) * parts // outputs
    # One number for each pair (row, part), so that counting different pairs is one sort.
    pairs = rows * parts + part
    return len(np.unique(pairs[exist])) - int(rows_read(geometry, in_size).sum())
