"""What the figures of a sweep have in common: rows by workload and machine, scales and titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archsim.analysis.figures.palette import machine_colours, machine_markers, placed
from archsim.analysis.figures.titles import titles
from archsim.analysis.sweep.table import Row, Swept
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS: Mapping[str, Sequence[tuple[float, str]]] = {
    "cycles": ((1e6, "million cycles"), (1e3, "thousand cycles"), (1.0, "cycles")),
    "energy_pj": ((1e9, "energy in mJ"), (1e6, "energy in uJ"), (1.0, "energy in pJ")),
    "dram_bytes": ((1e6, "DRAM in MB"), (1e3, "DRAM in KB"), (1.0, "DRAM in bytes")),
    "sram_kbytes": ((1.0, "SRAM in KB"),),
    "area_mm2": ((1.0, "area in mm2"),),
    "edp": ((1.0, "energy x delay in mJ ms"),),
}
LOGARITHMIC_FROM = 8
"""An axis whose values lie further apart than this is logarithmic."""


@dataclass(frozen=True)
class Panels:
    """A sweep as its figures see it."""

    found: Swept
    width_inches: float

    @property
    def names(self) -> list[str]:
        """The objectives."""
        return [one.name for one in self.found.plan.objectives]

    @cached_property
    def workloads(self) -> list[str]:
        """Those that have a row to draw."""
        return [name for name in self.found.workloads if self.found.of(name)]

    @cached_property
    def titles(self) -> dict[str, str]:
        """What workloads are called."""
        return titles(self.workloads)

    @cached_property
    def machines(self) -> dict[str, str]:
        """What each machine is called, by its file and settings, in their places."""
        named = {row.case.arch: row.case.machine for row in self.found.rows}
        every = [*named.values()]
        called = {
            arch: f"{title} ({arch})" if every.count(title) > 1 else title
            for arch, title in named.items()
        }
        order = placed(called.values())
        return dict(sorted(called.items(), key=lambda pair: order.index(pair[1])))

    @cached_property
    def colours(self) -> dict[str, str]:
        """Of each machine, by what it is called."""
        return machine_colours(self.machines.values())

    @cached_property
    def markers(self) -> dict[str, str]:
        """Of each machine, by what it is called."""
        return machine_markers(self.machines.values())

    @cached_property
    def keys(self) -> list[str]:
        """The keys that take more than one value, linked ones aside: they follow from others."""
        linked = {link.key for link in self.found.plan.links}
        return [
            key for key in self.found.plan.keys if key not in linked and len(self.values(key)) > 1
        ]

    def values(self, key: str) -> list[Any]:
        """The values of a key that were run: numbers by size, others as they were named."""
        rows = (row for row in self.found.rows if row.counts and key in row.case.values)
        found = {value_text(row.case.values[key]): row.case.values[key] for row in rows}
        listed = [*found.values()]
        return sorted(listed) if numeric(listed) else listed

    def of(self, workload: str, arch: str) -> list[Row]:
        """The rows of a machine on a workload."""
        return [row for row in self.found.of(workload) if row.case.arch == arch]

    def unit(self, at: int, rows: Sequence[Row]) -> tuple[float, str]:
        """What the values of an objective are divided by, and what they are then called."""
        name = self.names[at]
        largest = max((abs(float(row.wanted[at] or 0)) for row in rows), default=0.0)
        units = UNITS.get(name, ((1.0, name),))
        return next((pair for pair in units if largest >= pair[0]), units[-1])


def grid(
    width_inches: float, heights_inches: Sequence[float], count: int, least_inches: float
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with `count` panels for each group of such a height, and the panels by group. None
    is narrower than `least_inches`: those that have no room side by side go on below."""
    from matplotlib.figure import Figure

    across = min(count, max(1, int(width_inches / least_inches)))
    lines = -(-count // across)
    heights = [height for height in heights_inches for _ in range(lines)]
    figure = Figure(figsize=(width_inches, sum(heights) + 0.3), layout="constrained")
    axes = figure.subplots(len(heights), across, squeeze=False, height_ratios=heights)
    groups = []
    for at in range(len(heights_inches)):
        own = [each for row in axes[at * lines : (at + 1) * lines] for each in row]
        for spare in own[count:]:
            spare.set_axis_off()
        groups.append(own[:count])
    return figure, groups


def numeric(values: Sequence[Any]) -> bool:
    """Whether all are numbers."""
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def places(values: Sequence[Any]) -> list[float]:
    """Where values stand on an axis: numbers at themselves, others side by side."""
    return [float(one) for one in values] if numeric(values) else [*map(float, range(len(values)))]


def is_logarithmic(values: Sequence[Any]) -> bool:
    """Whether an axis of these values is."""
    return bool(values) and numeric(values) and 0 < LOGARITHMIC_FROM * min(values) <= max(values)


def mark_values(axes: Axes, values: Sequence[Any]) -> None:
    """Ticks of the x axis at the values of a key."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    if is_logarithmic(values):
        axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(places(values)))
    axes.xaxis.set_major_formatter(FixedFormatter([value_text(one) for one in values]))
    axes.xaxis.set_minor_locator(NullLocator())
