"""Blocks of weights pruned together, 8 bits and Huffman codes for the rest: like Cambricon-S (Zhou,
Du, Guo et al., MICRO 2018), in one pass.

A block is one input of 16 neighbouring filters, the authors' block of a convolution, and what the
lanes of a machine skip at once. Blocks with the least mean magnitude go ("average pruning"), as
many in each layer as the density says; one bit a block says which stay. Layers whose filters have
one input, such as depthwise ones, stay whole: they hold few weights and bear no loss. Weights that
stay have the 8-bit grid of `uniform`, a scale a filter being the local part of their quantisation.
Theirs have codebooks by region and train between the steps; both are left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.formats.weight_bits import SCALE_BITS
from sdalgo.fit import Float64
from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import Coded, stream_bits
from sdalgo.rivals.uniform import uniform

BLOCK = 16
"""Filters of a block."""
_LEVELS = 255


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """A weight of which blocks are gone.

    Attributes:
        coded: all weights; those of blocks that are gone have code 0.
        kept: which blocks stay, (ceil(K / 16), D).
    """

    coded: Coded
    kept: NDArray[np.bool_]

    def rebuild(self) -> Float32:
        """Return the weight in its own shape."""
        return self.coded.rebuild()

    def huffman_bits(self) -> int:
        """Huffman codes of weights in blocks that stay, their table, the index, the scales; a bit
        says whether there is an index at all."""
        codes = self.coded.codes
        stays = np.repeat(self.kept, BLOCK, axis=0)[: len(codes)]
        index = 1 if self.kept.all() else 1 + self.kept.size
        return stream_bits(codes[stays]) + index + SCALE_BITS * len(codes)


def pruned_blocks(weight: Float32, density: float) -> Blocks:
    """Keep a share of the blocks of a layer, and round what they hold to 255 values a filter.

    Args:
        density: share of blocks that stay, to the nearest whole number of them, one at least.
    """
    held = weight.reshape(len(weight), -1)
    means = block_means(held)
    count = max(1, round(density * means.size))
    if weight.shape[1] == 1:
        count = means.size
    kept = np.zeros(means.shape, np.bool_)
    kept.ravel()[np.argsort(-means.ravel(), kind="stable")[:count]] = True
    stays = np.repeat(kept, BLOCK, axis=0)[: len(held)]
    left = np.where(stays, held, np.float32(0)).reshape(weight.shape)
    return Blocks(coded=uniform(left, _LEVELS), kept=kept)


def block_means(held: NDArray[np.generic]) -> Float64:
    """Return the mean magnitude of each block of (K, D), (ceil(K / 16), D); the last block of a
    layer may have fewer filters."""
    starts = np.arange(0, len(held), BLOCK)
    sums = np.add.reduceat(np.abs(held.astype(np.float64)), starts, axis=0)
    sizes = np.minimum(BLOCK, len(held) - starts)
    return np.asarray(sums / sizes[:, None])
