"""Where a run's time goes, layer by layer, and where each layer stands under its machine's roof.

Time is that of the compute array in instance-cycles: busy, lost to each cause, idle. The roofline
(Williams et al., CACM 2009) holds attained operations a cycle against the smaller of two ceilings:
what the multipliers could do, two operations each and cycle, and what DRAM could feed at the
layer's operations a byte. Work that is skipped counts as done, so a machine that skips may stand
above its roof.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsim.analysis.identity import compute_of, work_of
from archsim.results.result import OPS_PER_MAC, LayerResult, Result

WHOLE = "whole network"


@dataclass(frozen=True)
class Roof:
    """What a machine could do at best: operations a cycle, and DRAM bytes a cycle."""

    operations: float
    dram_bytes: float

    def at(self, intensity: float) -> float:
        """Operations a cycle at so many operations a DRAM byte."""
        return min(self.operations, intensity * self.dram_bytes)

    def bound(self, intensity: float) -> str:
        """Which of the two is the lower."""
        return "memory" if intensity * self.dram_bytes < self.operations else "array"


@dataclass(frozen=True)
class Span:
    """One layer, or the whole network: `cycles` of the run that are its, and the array's time in
    instance-cycles. `idle` is counted for the whole network alone."""

    name: str
    phase: str
    cycles: int
    instances: int
    busy: int
    lost: Mapping[str, int]
    idle: int
    operations: int
    dram_bytes: int

    @property
    def array_cycles(self) -> float:
        """Cycles that the array was at it, busy or not, and what it stood idle."""
        return (self.busy + sum(self.lost.values()) + self.idle) / self.instances

    @property
    def utilisation(self) -> float:
        """The share of the array's time that is useful work."""
        whole = self.array_cycles * self.instances
        return self.busy / whole if whole else 0.0

    @property
    def intensity(self) -> float:
        """Operations a DRAM byte."""
        return self.operations / self.dram_bytes if self.dram_bytes else 0.0

    @property
    def attained(self) -> float:
        """Operations a cycle of the run."""
        return self.operations / self.cycles if self.cycles else 0.0

    def share(self, part: int) -> float:
        """A number of instance-cycles as a part of the array's time."""
        whole = self.array_cycles * self.instances
        return part / whole if whole else 0.0


@dataclass(frozen=True)
class Breakdown:
    """One run: its roof, all of it, and each layer that the array worked on."""

    label: str
    roof: Roof
    whole: Span
    layers: tuple[Span, ...]

    @property
    def causes(self) -> list[str]:
        """Causes of loss that took any time."""
        return [cause for cause, count in self.whole.lost.items() if count]


def break_down(label: str, result: Result) -> Breakdown:
    """The account of a run."""
    work = work_of(result)
    name = compute_of(result)
    whole = Span(
        name=WHOLE, phase="", cycles=result.cycles, instances=work.instances, busy=work.busy,
        lost=work.lost, idle=work.idle, operations=OPS_PER_MAC * result.macs,
        dram_bytes=result.dram_bytes,
    )  # fmt: skip
    spans = (_span(layer, name, work.instances) for layer in result.layers)
    return Breakdown(
        label,
        Roof(OPS_PER_MAC * work.instances, _dram_bytes_per_cycle(result)),
        whole,
        tuple(span for span in spans if span.array_cycles),
    )


def _span(layer: LayerResult, compute: str, instances: int) -> Span:
    return Span(
        name=layer.name, phase=layer.phase, cycles=layer.cycles, instances=instances,
        busy=layer.busy.get(compute, 0), lost=layer.lost.get(compute, {}), idle=0,
        operations=OPS_PER_MAC * layer.macs, dram_bytes=layer.dram_bytes,
    )  # fmt: skip


def _dram_bytes_per_cycle(result: Result) -> float:
    """Of all memories together; no faster than the movers that stand next to them."""
    parts = result.arch_resolved["components"]
    paths = [flow["path"] for flow in result.arch_resolved["flows"].values()]
    ends = {tuple(path[:2]) for path in paths} | {tuple(path[:-3:-1]) for path in paths}
    pairs = [pair for pair in ends if result.kinds[pair[0]] == "off_chip"]
    memories = {memory for memory, _ in pairs}
    movers = {near for _, near in pairs if result.kinds[near] == "mover"}
    widths = [sum(parts[name]["bytes_per_cycle"] for name in each) for each in (memories, movers)]
    return float(min(width for width in widths if width))


def as_record(found: Breakdown) -> dict[str, Any]:
    """Everything for programs."""

    def record(span: Span) -> dict[str, Any]:
        return {
            "name": span.name, "phase": span.phase, "cycles": span.cycles,
            "array_cycles": span.array_cycles, "busy": span.busy, "lost": dict(span.lost),
            "idle": span.idle, "utilisation": span.utilisation, "ops_per_dram_byte": span.intensity,
            "ops_per_cycle": span.attained, "roof_ops_per_cycle": found.roof.at(span.intensity),
            "bound": found.roof.bound(span.intensity),
        }  # fmt: skip

    return {
        "machine": found.label,
        "instances": found.whole.instances,
        "peak_ops_per_cycle": found.roof.operations,
        "dram_bytes_per_cycle": found.roof.dram_bytes,
        "whole": record(found.whole),
        "layers": [record(span) for span in found.layers],
    }
