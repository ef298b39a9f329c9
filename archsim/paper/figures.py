"""Figs. 8, 9 and 10: five machines on the networks that are there, beside what the text states.

The bars themselves are not in the text that we have, only ranges and means; those are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from archsim.paper import ratios
from archsim.paper import sensitivity as sense
from archsim.paper.networks import Network, left_out, machines
from archsim.paper.printed import table
from archsim.paper.ratios import Values
from archsim.paper.report import Grids, Line, Report, against
from archsim.paper.runs import Grid, Totals
from archsim.paper.sensitivity import Sensitivity

TITLES = {
    "fig8": "Energy efficiency, DianNao = 1",
    "fig9": "DRAM accesses, SmartDeal = 1",
    "fig10": "Speed-up over DianNao",
}
VALUES: Mapping[str, Callable[[Grid], Values]] = {
    "fig8": ratios.energy_gain,
    "fig9": ratios.dram_accesses,
    "fig10": ratios.speedup,
}
MEAN_ROW = "geometric mean of those run"
WEIGHT_FLOWS = ("weight", "index")
NO_SENSITIVITY = "not known yet: archsim paper sensitivity"


@dataclass(frozen=True)
class Setup:
    """What the figures are drawn from."""

    grid: Grid
    networks: Sequence[Network]
    scenario: str
    sensitivity: Sensitivity | None = None
    notes: Sequence[str] = ()
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict)


def figure(name: str, setup: Setup) -> Report:
    """The report of ``fig8``, ``fig9`` or ``fig10``."""
    values = VALUES[name](setup.grid)
    lines = {"fig8": _energy, "fig9": _dram, "fig10": _speed}[name](values, setup.sensitivity)
    return Report(
        name=name,
        title=TITLES[name],
        where=table("figures")[name]["where"],
        lines=lines,
        tables=[_grid(TITLES[name], values), _evidence(name, setup.grid)],
        notes=[f"scenario: {setup.scenario}", *_left_out(setup), *setup.notes],
        missing=[network.command for network in setup.networks if not network.there],
        values={
            "scenario": setup.scenario,
            "ratios": {network: dict(row) for network, row in values.items()},
        },
    )


def _energy(values: Values, known: Sensitivity | None) -> list[Line]:
    printed = table("figures")["fig8"]["energy"]
    ours = ratios.of(values, ratios.OURS)
    moved = _mover(known, sense.ENERGY)
    least = [
        row[ratios.OURS] / max(v for m, v in row.items() if m != ratios.OURS)
        for row in values.values()
    ]
    return [
        against("gain over DianNao, least network", printed["low"], min(ours.values()),
                moved_by=moved),
        against("gain over DianNao, best network", printed["high"], max(ours.values()),
                moved_by=moved),
        Line("gain over DianNao, geometric mean", "-", ratios.geometric_mean(ours.values()),
             moved_by=moved),
        Line("gain over the next best machine, least network", "> 1", min(least),
             meets=min(least) > 1, moved_by=moved),
    ]  # fmt: skip


def _dram(values: Values, known: Sensitivity | None) -> list[Line]:
    printed = table("figures")["fig9"]
    moved = _mover(known, sense.DRAM)
    others = ratios.others(values)
    lines = [
        against("other machines, least", printed["dram"]["low"], min(others), moved_by=moved),
        against("other machines, most", printed["dram"]["high"], max(others), moved_by=moved),
        Line("other machines, geometric mean", "-", ratios.geometric_mean(others), moved_by=moved),
    ]
    if "EfficientNet-B0" in values:
        row = values["EfficientNet-B0"]
        most = max(value for name, value in row.items() if name != ratios.OURS)
        lines.append(against("EfficientNet-B0, most", printed["efficientnet"], most))
    return lines


def _speed(values: Values, known: Sensitivity | None) -> list[Line]:
    printed = table("figures")["fig10"]
    ours = ratios.of(values, ratios.OURS)
    moved = _mover(known, sense.SPEED)
    lines = [
        against("over DianNao, least network", printed["speedup"]["low"], min(ours.values()),
                moved_by=moved),
        against("over DianNao, best network", printed["speedup"]["high"], max(ours.values()),
                moved_by=moved),
        Line("over DianNao, geometric mean", "-", ratios.geometric_mean(ours.values()),
             moved_by=moved),
    ]  # fmt: skip
    for machine, mean in printed["means"].items():
        found = ratios.over(values, machine).values()
        what = f"{sense.OVER[machine].removeprefix('speed-up ')}, mean"
        by = _mover(known, sense.OVER[machine])
        if found:
            lines.append(against(what, mean, ratios.mean(found), moved_by=by))
        else:
            lines.append(Line(what, mean, None, moved_by="no network ran on it"))
    lead = min(
        row[ratios.OURS] / max(v for m, v in row.items() if m != ratios.OURS)
        for row in values.values()
    )
    lines.append(Line("over the next best machine, least network", "> 1", lead, meets=lead > 1))
    return lines


def _mover(known: Sensitivity | None, ratio: str) -> str:
    """The single assumption that moves the mean ratio most, and from what to what."""
    if known is None:
        return NO_SENSITIVITY
    move = known.largest(ratio)
    if move is None:
        return "none of the assumptions"
    said = f"{known.base.values[ratio]:.2f} to {move.values[ratio]:.2f}"
    return f"{move.name}: mean of {len(known.networks)} networks {said}"


def _grid(title: str, values: Values) -> Grids:
    heads = [name for name in machines() if any(name in row for row in values.values())]
    rows = [
        (network, [row.get(name, "n/a" if left_out(network, name) else None) for name in heads])
        for network, row in values.items()
    ]
    means: list[float | str | None] = [
        ratios.geometric_mean(ratios.of(values, name).values()) for name in heads
    ]
    return Grids(title, ["network", *heads], [*rows, (MEAN_ROW, means)])


def _evidence(name: str, grid: Grid) -> Grids:
    """What stands behind a figure's ratios."""
    if name == "fig10":
        return _grid("The same with all bandwidths infinite", ratios.compute_speedup(grid))
    pair = (ratios.REFERENCE, ratios.OURS)
    if name == "fig8":
        parts = list(next(iter(grid.values()))[ratios.OURS].energy_parts)
        heads = ["energy, mJ", *(f"{machine}, {part}" for machine in pair for part in parts)]
        shares = [
            (network, [row[m].energy_parts[part] / 1e9 for m in pair for part in parts])
            for network, row in grid.items()
        ]
        return Grids("Where the energy goes", heads, shares)
    heads = ["DRAM, 10^6 bytes"]
    heads += [f"{machine}, {what}" for machine in pair for what in ("weights", "the rest")]
    rows = [(network, [*traffic(row[pair[0]]), *traffic(row[pair[1]])])
            for network, row in grid.items()]  # fmt: skip
    return Grids("Where DRAM accesses go", heads, rows)


def traffic(totals: Totals) -> tuple[float, float]:
    """Millions of bytes of weights with their index, and of everything else."""
    weights = sum(totals.dram_bytes_by.get(flow, 0) for flow in WEIGHT_FLOWS)
    return weights / 1e6, (totals.dram_bytes - weights) / 1e6


def _left_out(setup: Setup) -> list[str]:
    """Cells without a number, and why."""
    by_paper = {
        (network, machine): reason
        for network in setup.grid
        for machine in machines()
        if (reason := left_out(network, machine))
    }
    return [
        f"{network} on {machine}: n/a, {reason}"
        for (network, machine), reason in {**by_paper, **setup.refused}.items()
    ]
