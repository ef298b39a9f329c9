"""Tensors of which a share of non-zeros is known and nothing else, as papers print it by layer."""

from math import prod

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
"""Entries that are dealt together."""
LARGEST = 127


def draw_density(
    share: float, shape: tuple[int, ...], positive: bool, rng: np.random.Generator
) -> NDArray[np.int8]:
    """A tensor of `shape` in which `share` of the entries are not zero, to the nearest entry.

    All choices of their places are equally likely. Their values are uniform over 1 .. 127 where
    they are `positive`, as activations behind a rectifier are, else over -127 .. -1 and 1 .. 127.
    """
    drawn = np.zeros(prod(shape), np.int8)
    live = round(share * drawn.size)
    for first in range(0, drawn.size, BLOCK):
        block = drawn[first : first + BLOCK]
        # How many a block gets is drawn too: a fixed share of each would be more even than chance.
        count = int(rng.hypergeometric(live, drawn.size - first - live, block.size))
        block[:count] = _values(count, positive, rng)
        rng.shuffle(block)
        live -= count
    return drawn.reshape(shape)


def _values(count: int, positive: bool, rng: np.random.Generator) -> NDArray[np.int8]:
    sizes = rng.integers(1, LARGEST + 1, count, dtype=np.int8)
    if not positive:
        np.negative(sizes, out=sizes, where=rng.integers(0, 2, count, dtype=np.int8) == 1)
    return sizes
