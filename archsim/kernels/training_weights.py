"""What the weights of one layer take during a training step: in DRAM, as gradient, and to be
updated.

Vanilla training keeps bfloat16 weights and a bfloat16 momentum. SmartDeal training keeps codes,
bases and an integer counter for each non-zero, and no weights besides (paper IV and appendix F).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VALUE_BYTES = 2
CODE_BITS = 4
"""Sign and one of eight exponents (paper appendix B); a Huffman code could not change in place
[A].
"""
COUNTER_BITS = 4
"""An up-down counter to the threshold of 7 of appendix D; appendix F speaks of five directions."""
SIGN_BITS = 1
"""Of a coefficient's gradient only the sign is used."""


@dataclass(frozen=True)
class WeightBytes:
    """Bytes of one layer's weights, and what updating them takes.

    `stored` is one reading of the weights; `gradient` what the weight-gradient phase writes; an
    update reads and writes `update_reads` and `update_writes` for `updated` elements. `rebuilt` are
    the coefficient rows added for one reading, a basis row each of `columns` entries.
    """

    stored: int
    gradient: int
    update_reads: int
    update_writes: int
    updated: int
    update_action: str
    update_macs: int = 0
    rebuilt: int = 0
    columns: int = 0


def dense_bytes(weights: int) -> WeightBytes:
    """bfloat16 weights, gradients and momenta: an update reads all three and writes two of them."""
    return WeightBytes(
        stored=weights * VALUE_BYTES,
        gradient=weights * VALUE_BYTES,
        update_reads=3 * weights * VALUE_BYTES,
        update_writes=2 * weights * VALUE_BYTES,
        updated=weights,
        update_action="weight_update",
    )


def decomposed_bytes(coef: NDArray[np.int8], basis_shape: tuple[int, ...]) -> WeightBytes:
    """Codes (K, ..., r) with an index bit each, and bases (K, slices, r, n) in bfloat16 with
    momentum.

    Gradients of both are products of the weight gradient with the basis and with the codes, 2 r
    multiplications a weight at most; they are made where the gradient is, so it never leaves the
    chip.
    """
    entries, nonzeros = coef.size, int(np.count_nonzero(coef))
    bases = int(np.prod(basis_shape))
    index_and_codes = _bytes(entries + nonzeros * CODE_BITS)
    signs = _bytes(nonzeros * SIGN_BITS)
    counters = _bytes(nonzeros * COUNTER_BITS)
    return WeightBytes(
        stored=index_and_codes + bases * VALUE_BYTES,
        gradient=signs + bases * VALUE_BYTES,
        update_reads=index_and_codes + signs + counters + 3 * bases * VALUE_BYTES,
        update_writes=_bytes(nonzeros * CODE_BITS) + counters + 2 * bases * VALUE_BYTES,
        updated=nonzeros + bases,
        update_action="switch_update",
        update_macs=(entries + nonzeros) * basis_shape[-1],
        rebuilt=nonzeros,
        columns=basis_shape[-1],
    )


def _bytes(bits: int) -> int:
    return -(-bits // 8)
