"""From totals of runs to the ratios of Figs. 8 to 10. Plain arithmetic on a grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import exp, fsum, log

from archsim.paper.runs import Grid

REFERENCE, OURS = "diannao", "smartdeal"
Values = Mapping[str, Mapping[str, float]]
"""Network name, machine, ratio."""


def energy_gain(grid: Grid) -> Values:
    """Fig. 8: how many times less energy than DianNao."""
    return _over(grid, "energy_pj")


def speedup(grid: Grid) -> Values:
    """Fig. 10: how many times fewer cycles than DianNao (all clocks are equal)."""
    return _over(grid, "cycles")


def compute_speedup(grid: Grid) -> Values:
    """The same with all bandwidths infinite."""
    return _over(grid, "compute_cycles")


def dram_accesses(grid: Grid) -> Values:
    """Fig. 9: DRAM bytes as a multiple of SmartDeal's."""
    return {
        name: {m: one.dram_bytes / row[OURS].dram_bytes for m, one in row.items()}
        for name, row in grid.items()
    }


def over(values: Values, machine: str) -> dict[str, float]:
    """By how much SmartDeal's value exceeds another machine's, on the networks that both have."""
    return {
        name: row[OURS] / row[machine] for name, row in values.items() if {OURS, machine} <= {*row}
    }


def of(values: Values, machine: str) -> dict[str, float]:
    """One machine's values, by network."""
    return {name: row[machine] for name, row in values.items() if machine in row}


def others(values: Values) -> list[float]:
    """The values of every machine but SmartDeal."""
    return [value for row in values.values() for m, value in row.items() if m != OURS]


def leads(values: Values) -> list[float]:
    """SmartDeal's value over that of the next best machine, by network."""
    return [row[OURS] / max(one for m, one in row.items() if m != OURS) for row in values.values()]


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive values; ValueError of none."""
    logs = [log(value) for value in values]
    if not logs:
        raise ValueError("mean of nothing")
    return exp(fsum(logs) / len(logs))


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean; ValueError of none."""
    found = list(values)
    if not found:
        raise ValueError("mean of nothing")
    return fsum(found) / len(found)


def ranking(values: Values) -> list[str]:
    """Machines from the best, by the geometric mean over the networks that all of them have."""
    shared = [row for row in values.values() if len(row) == max(map(len, values.values()))]
    names = shared[0]
    means = {name: geometric_mean(row[name] for row in shared) for name in names}
    return sorted(means, key=lambda name: -means[name])


def _over(grid: Grid, what: str) -> Values:
    """DianNao's total over that of each machine."""
    return {
        name: {m: getattr(row[REFERENCE], what) / getattr(one, what) for m, one in row.items()}
        for name, row in grid.items()
    }


VALUES: Mapping[str, Callable[[Grid], Values]] = {
    "fig8": energy_gain,
    "fig9": dram_accesses,
    "fig10": speedup,
}
RANGES = {"fig8": "energy", "fig9": "dram", "fig10": "speedup"}
"""Keys of the ranges that the text states."""
