"""What holds up SmartDeal's tiles beside the array: the feeds and the adder tree, and where the
multipliers' time goes then.
"""

from collections import Counter

import numpy as np

from archsim.arch.movers import cycles_for
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.machine import buffer_of
from archsim.machines.smartdeal import pe_array
from archsim.machines.smartdeal.layer_run import Run
from archsim.machines.smartdeal.parts import Parts

CAUSES = {
    "wait_weight": ("weight",),
    "wait_input": ("input", "scan", "index"),
    "wait_output": ("drain",),
}
"""What a tile waits for where one of its limits is above the array's own cycles."""


def limits_of(run: Run, machine: Parts) -> dict[str, Ints]:
    """(G, T) cycles that the input buffer, selector, index and weight buffers need per tile, and
    the adder tree for the tile before.
    """
    arch, shape = machine.arch, run.cycles.shape
    clusters = run.array.seats // machine.slices.slices
    first, every = run.reads.cycles(run.sizes, clusters, buffer_of(arch, "weight").bytes_per_cycle)
    weight = np.repeat(every[:, None], shape[1], axis=1)
    weight[:, 0] = first
    scan = ceil_div(run.units, machine.selector.rows_per_cycle)
    index = cycles_for(
        ceil_div(run.scanned * run.index_bits, 8), buffer_of(arch, "index").bytes_per_cycle
    )
    return {
        "input": cycles_for(run.input_bytes, buffer_of(arch, "input").bytes_per_cycle),
        "scan": np.full(shape, scan),
        "index": np.repeat(index[:, None], shape[1], axis=1),
        "weight": weight,
        "drain": np.full(shape, run.array.waits.drain),
    }


def losses_of(run: Run, limits: dict[str, Ints], limited: Ints) -> dict[str, int]:
    """Where the multipliers' time goes inside the tiles."""
    every = run.array.multipliers
    lost = Counter(pe_array.multiplier_losses(run.work, run.array, run.cycles))
    lost["slice_sync"] += pe_array.barrier_cycles(run.array) * run.cycles.size * every
    lost["rebuild"] += int(pe_array.fill_cycles(run.work, run.array).sum()) * every
    over = limited - run.array_cycles
    first = np.ones(limited.shape, np.bool_)  # who is the slowest, the first of several
    for cause, names in CAUSES.items():
        reached = first & (np.maximum.reduce([limits[name] for name in names]) >= limited)
        lost[cause] += int(over[reached].sum()) * every
        first &= ~reached
    return dict(lost)
