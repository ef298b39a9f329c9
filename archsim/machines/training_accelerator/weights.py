"""What the weights of one layer take during a training step: in DRAM, as gradient, and to be
updated.

Vanilla training keeps float weights and a momentum. SmartDeal training keeps codes, bases and an
integer counter for each code that may change, and no weights besides (paper IV and appendix F).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Signal = Literal["direction", "accumulate"]
VALUE_BYTES = 2
CODE_BITS = 5
"""Zero, or a sign and one of eight exponents (paper appendix B): 17 values, for a coefficient may
go to zero and come back. A Huffman code could not change in place [A].
"""
COUNTER_BITS = 4
"""An up-down counter to the threshold of 7 of appendix D; appendix F speaks of five directions."""
SIGNAL_BITS = {"direction": 2, "accumulate": 5}
"""Of a coefficient's gradient: up, down, or below the threshold; or a whole number of parts, -11 to
11 with the five parts of docs/reference/training.md. The state added up, -4 to 9, takes as many
bits as a counter.
"""
UPDATES = {"direction": "switch_update", "accumulate": "accumulate_update"}


@dataclass(frozen=True)
class FloatState:
    """What is kept beside each float number that is trained: bytes of its momentum, and of a
    copy in higher precision that is updated in its place; 0 for none.
    """

    momentum_bytes: int = 2
    master_bytes: int = 0

    @property
    def reads(self) -> int:
        """Bytes that the update of one number reads: its gradient, itself, its momentum."""
        return VALUE_BYTES + (self.master_bytes or VALUE_BYTES) + self.momentum_bytes

    @property
    def writes(self) -> int:
        """Bytes that the update of one number writes."""
        return VALUE_BYTES + self.master_bytes + self.momentum_bytes


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


def dense_bytes(weights: int, state: FloatState) -> WeightBytes:
    """bfloat16 weights and gradients, and what is kept beside them."""
    return WeightBytes(
        stored=weights * VALUE_BYTES,
        gradient=weights * VALUE_BYTES,
        update_reads=weights * state.reads,
        update_writes=weights * state.writes,
        updated=weights,
        update_action="weight_update",
    )


def decomposed_bytes(
    coef: NDArray[np.int8], mask: NDArray[np.int8] | None, bases: tuple[int, ...],
    state: FloatState, signal: Signal,
) -> WeightBytes:  # fmt: skip
    """Codes (K, ..., r) with a bit each that says whether they may change, and bases (K, slices, r,
    n) in bfloat16 with the state of float numbers. Without `mask`, codes that are not zero may.

    Gradients of both are products of the weight gradient with the basis and with the codes, one
    multiplication each per code that may change and basis column; they are made where the weight
    gradient is, so it never leaves the chip.
    """
    entries, nonzeros = coef.size, int(np.count_nonzero(coef))
    live = nonzeros if mask is None else int(np.count_nonzero(mask))
    floats, columns = int(np.prod(bases)), bases[-1]
    index, codes = _bytes(entries), _bytes(live * CODE_BITS)
    moves, counters = _bytes(live * SIGNAL_BITS[signal]), _bytes(live * COUNTER_BITS)
    return WeightBytes(
        stored=index + codes + floats * VALUE_BYTES,
        gradient=moves + floats * VALUE_BYTES,
        update_reads=index + codes + moves + counters + floats * state.reads,
        update_writes=codes + counters + floats * state.writes,
        updated=live + floats,
        update_action=UPDATES[signal],
        update_macs=2 * live * columns,
        rebuilt=nonzeros,
        columns=columns,
    )


def _bytes(bits: int) -> int:
    return -(-bits // 8)
