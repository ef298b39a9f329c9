"""The most serial steps among the activations of a tile.

Counts are carried as *thermometer codes*: a byte, or two where a count may be above eight, with as
many low bits set as the count. The largest count of a set is then the bitwise OR of its codes, and
eight neighbouring bytes fold as one 64-bit word.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint8]
Codes = NDArray[np.unsignedinteger[Any]]
_BYTES_IN_WORD = 8
# numpy counts bits itself from 2.0 on; a table does as well on all that this runs on.
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
_HALVINGS = tuple(np.array(shift, np.uint64) for shift in (32, 16, 8))
_LOW_BYTE = np.array(0xFF, np.uint64)
_CODE_OF_COUNT = ((1 << np.arange(17)) - 1).astype(np.uint16)
_BYTE_OF_COUNT = _CODE_OF_COUNT[:9].astype(np.uint8)


def thermometer(step_counts: Counts, most: int) -> Codes:
    """Count n becomes n low bits set; n is at most `most`, which is at most 16."""
    return (_BYTE_OF_COUNT if most < len(_BYTE_OF_COUNT) else _CODE_OF_COUNT).take(step_counts)


def fold(codes: Codes, width: int) -> Counts:
    """(..., n) thermometer codes -> (..., ceil(n/width)) largest count of each run of `width`, the
    last one shorter.
    """
    pad = -codes.shape[-1] % width
    if pad:
        codes = np.concatenate([codes, np.zeros((*codes.shape[:-1], pad), codes.dtype)], axis=-1)
    if width == _BYTES_IN_WORD and codes.dtype == np.uint8:
        words = np.ascontiguousarray(codes).view(np.uint64)
        for shift in _HALVINGS:
            words = words | (words >> shift)
        folded = (words & _LOW_BYTE).astype(np.uint8)
    else:
        runs = codes.reshape(*codes.shape[:-1], -1, width)
        folded = np.bitwise_or.reduce(runs, axis=-1)
    if folded.dtype == np.uint8:
        return np.asarray(_ONES.take(folded))
    return np.asarray(_ONES.take(folded & 0xFF) + _ONES.take(folded >> 8))
