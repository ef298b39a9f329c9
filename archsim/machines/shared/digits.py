"""The most serial steps among the activations of a tile.

Counts are carried as *thermometer codes*: a byte with as many low bits set as the count. The
largest count of a set is then the bitwise OR of its codes, and eight neighbouring codes fold as one
64-bit word.
"""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
_BYTES_IN_WORD = 8
# numpy counts bits itself from 2.0 on; a table does as well on all that this runs on.
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
_HALVINGS = tuple(np.array(shift, np.uint64) for shift in (32, 16, 8))
_LOW_BYTE = np.array(0xFF, np.uint64)
_CODE_OF_COUNT = ((1 << np.arange(9)) - 1).astype(np.uint8)


def thermometer(step_counts: Codes) -> Codes:
    """Count n becomes n low bits set; n is at most 8."""
    return _CODE_OF_COUNT.take(step_counts)


def fold(codes: Codes, width: int) -> Codes:
    """(..., n) thermometer codes -> (..., ceil(n/width)) largest count of each run of `width`, the
    last one shorter.
    """
    pad = -codes.shape[-1] % width
    if pad:
        codes = np.concatenate([codes, np.zeros((*codes.shape[:-1], pad), np.uint8)], axis=-1)
    if width == _BYTES_IN_WORD:
        words = np.ascontiguousarray(codes).view(np.uint64)
        for shift in _HALVINGS:
            words = words | (words >> shift)
        folded = (words & _LOW_BYTE).astype(np.uint8)
    else:
        runs = codes.reshape(*codes.shape[:-1], -1, width)
        folded = np.bitwise_or.reduce(runs, axis=-1)
    most: Codes = _ONES.take(folded)
    return most
