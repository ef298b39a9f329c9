"""Tensors of which a share of non-zeros is known and nothing else, as papers print it by layer."""

from math import prod

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
"""Entries that are dealt together."""


def draw_density(
    share: float,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    positive: bool,
    bits: int = 8,
) -> NDArray[np.generic]:
    """A tensor of `shape` in which `share` of the entries are not zero, to the nearest entry.

    All choices of their places are equally likely. Their values are uniform over 1 .. L where they
    are `positive`, as activations behind a rectifier are, else over -L .. -1 and 1 .. L, where L is
    the largest number of so many `bits`; int8, or int16 where they are more than 8.
    """
    largest = (1 << (bits - 1)) - 1
    drawn = np.zeros(prod(shape), np.int8 if bits <= 8 else np.int16)
    live = round(share * drawn.size)
    for first in range(0, drawn.size, BLOCK):
        block = drawn[first : first + BLOCK]
        # How many a block gets is drawn too: a fixed share of each would be more even than chance.
        count = int(rng.hypergeometric(live, drawn.size - first - live, block.size))
        sizes = rng.integers(1, largest + 1, count, dtype=drawn.dtype)
        if not positive:
            np.negative(sizes, out=sizes, where=rng.integers(0, 2, count, dtype=np.int8) == 1)
        block[:count] = sizes
        rng.shuffle(block)
        live -= count
    return drawn.reshape(shape)
