"""Cambricon-X's cycle rule (MICRO 2016): each processing element holds the non-zero weights of one
output channel and an indexing module brings it the matching neurons, so zero weights cost nothing
and zero neurons cost as much as any. docs/machines/cambricon_x.md has the rule.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints, Mask, ceil_div
from archsim.machines.shared.run_length import segment_entries, step_span, stored_entries

Sync = Literal["group", "segment", "none"]
WINDOW = 16  # positions one indexing step scans, per multiplier: 256 for 16 multipliers
HELD = 1 << 24
"""Weights whose mask is made at a time."""


@dataclass(frozen=True)
class CambriconXArray:
    """The array: `pes` elements of `multipliers` multipliers; no `step_bits` means a direct index
    without fillers. A stored weight has `value_bits`.
    """

    pes: int = 64
    multipliers: int = 16
    sync: Sync = "group"
    step_bits: int | None = 4
    value_bits: int = 8


@dataclass(frozen=True)
class CambriconXCycles:
    """Cycles and counts of one layer; `busy + sum(lost.values()) == cycles * pes * multipliers`.

    `pixel_cycles`: cycles of each group of `pes` output channels for one pixel; elements that wait
    for nobody (sync "none") share theirs out by the groups' work. `entries`: stored weights of each
    output channel, fillers included; `stored_bits`: with their index. `lost`:
    multiplier-cycles by cause; `lane_sync` holds the slots of fillers (`filler_slots`) too.
    `neuron_reads`: neurons of the windows that each group reads. `element_cycles`: cycles in which
    an element multiplies, fillers included, all elements together.
    """

    pixels: int
    pixel_cycles: Ints
    entries: Ints
    stored_bits: Ints
    macs: int
    filler_slots: int
    neuron_reads: Ints
    element_cycles: int
    weight_reads: int
    lost: dict[str, int]

    @property
    def cycles(self) -> int:
        """Compute cycles of the layer."""
        return int(self.pixel_cycles.sum()) * self.pixels

    @property
    def busy(self) -> int:
        """Multiplier-cycles spent on non-zero weights."""
        return self.macs


def flatten_filters(weights: Mask) -> Mask:
    """Masks of weights (K, C/g, R, S) as vectors ordered (row, column, channel): (K, R*S*C/g)."""
    return np.ascontiguousarray(weights.transpose(0, 2, 3, 1)).reshape(weights.shape[0], -1)


def layer_cycles(
    weights: NDArray[Any], pixels: int, groups: int, array: CambriconXArray
) -> CambriconXCycles:
    """Cycles of a layer whose weights (K, C/g, R, S), or a mask of them, count where not zero, over
    `pixels` outputs.

    A linear layer is R = S = 1 with one pixel per position. Elements are filled across convolution
    groups.
    """
    span = None if array.step_bits is None else step_span(array.step_bits)
    parts, nonzero = [], 0
    step = max(1, HELD // weights[0].size)
    for first in range(0, len(weights), step):
        filters = flatten_filters(weights[first : first + step] != 0)
        stored = stored_entries(filters, span)
        parts.append((stored, _element_cycles(filters, span, stored, array)))
        nonzero += int(np.count_nonzero(filters))
    entries, work = (np.concatenate(part) for part in zip(*parts, strict=True))
    depth = weights[0].size
    # Elements in step take a cycle even where a filter or segment has no weights.
    steps = work if array.sync == "none" else np.maximum(work, 1)
    pixel_cycles, lost = _schedule(steps, array)
    slots = int(steps.sum()) * array.multipliers
    lost["lane_sync"] = slots - nonzero
    index = depth if array.step_bits is None else entries * array.step_bits
    return CambriconXCycles(
        pixels=pixels,
        pixel_cycles=pixel_cycles,
        entries=entries,
        stored_bits=entries * array.value_bits + index,
        macs=nonzero * pixels,
        filler_slots=(int(entries.sum()) - nonzero) * pixels,
        neuron_reads=_windows(len(weights), groups, array.pes) * depth * pixels,
        element_cycles=int(work.sum()) * pixels,
        weight_reads=int(entries.sum()) * pixels,
        lost={cause: count * pixels for cause, count in lost.items()},
    )


def _element_cycles(filters: Mask, span: int | None, entries: Ints, array: CambriconXArray) -> Ints:
    """Cycles in which each filter multiplies for one pixel, alone on its element: (K, segments),
    one segment unless they are in step.
    """
    if array.sync == "segment":
        entries = segment_entries(filters, span, WINDOW * array.multipliers)
    else:
        entries = entries[:, None]
    return -(-entries // array.multipliers)


def _schedule(steps: Ints, array: CambriconXArray) -> tuple[Ints, dict[str, int]]:
    """Cycles of each group for one pixel; multiplier-cycles lost to waiting and absent filters."""
    filters, segments = steps.shape
    groups = ceil_div(filters, array.pes)
    table = np.zeros((groups * array.pes, segments), np.int64)
    table[:filters] = steps
    dealt = table.reshape(groups, array.pes, segments)
    if array.sync == "none":
        total = int(dealt.sum(axis=(0, 2)).max())
        done = np.cumsum(dealt.sum(axis=(1, 2)))
        cycles = np.diff(done * total // max(1, int(done[-1])), prepend=0)
        absent = max(0, array.pes - filters) * total
    else:
        cycles = dealt.max(axis=1).sum(axis=1)
        absent = (groups * array.pes - filters) * int(cycles[-1])
    waiting = int(cycles.sum()) * array.pes - int(steps.sum()) - absent
    return cycles, {
        "unmapped": absent * array.multipliers,
        "slice_sync": waiting * array.multipliers,
    }


def _windows(filters: int, groups: int, pes: int) -> Ints:
    """Window reads a pixel needs: one for each group of elements and each convolution group."""
    firsts = np.arange(0, filters, pes)
    lasts = np.minimum(firsts + pes, filters) - 1
    each = filters // groups
    return lasts // each - firsts // each + 1
