"""Everything that can be asked of `archsim paper`, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archsim.errors import InputError, Problem
from archsim.paper import claims_arithmetic, claims_open, claims_runs, claims_shapes, kept
from archsim.paper import sensitivity as sense
from archsim.paper.claim import Answer, Claim, made, unanswered
from archsim.paper.figures import TITLES, VALUES, Setup, figure
from archsim.paper.networks import Network, networks
from archsim.paper.printed import Span, data, table
from archsim.paper.report import Grids, Report
from archsim.paper.runs import Assumptions, Grid, Runner, check_some, scenario
from archsim.paper.sensitivity import Sensitivity
from archsim.paper.tables_machines import table8, table9
from archsim.paper.tables_sizes import fig3, size_table, table2
from archsim.paper.tables_training import table7, training_changes, training_table
from archsim.pool import Tick
from archsim.source import unknown


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    scenario: str | None = None
    conv_only: bool = True
    networks: tuple[str, ...] = ()
    measured: bool = False
    out: Path = Path("results")


@dataclass(frozen=True)
class Context:
    """What a report is made from; runs are made when they are first needed."""

    wanted: Wanted
    assumptions: Assumptions
    networks: Sequence[Network]
    runner: Runner

    @cached_property
    def grid(self) -> Grid:
        """Every machine on every network that is there."""
        check_some(self.networks)
        grid = self.runner.grid(self.networks, self.assumptions)
        if not grid:
            refusals = self.runner.refused.items()
            raise InputError([Problem(" on ".join(pair), said) for pair, said in refusals])
        return grid

    @property
    def setup(self) -> Setup:
        """What the figures are drawn from."""
        notes = [self.runner.setting]
        grid, name = self.grid, self.assumptions.name
        return Setup(grid, self.networks, name, self.known, notes, dict(self.runner.refused))

    @property
    def known(self) -> Sensitivity | None:
        """The sensitivity that was kept for this very question."""
        found = kept.sensitivity(self.wanted.out)
        same = found is not None and (
            {*found.networks} == {network.name for network in self.networks if network.there}
            and found.base.name == self.assumptions.name
            and found.setting == self.runner.setting
        )
        return found if same else None

    @property
    def about(self) -> str:
        """How many networks under which scenario."""
        there = sum(network.there for network in self.networks)
        return f"{there} of {len(self.networks)} networks, scenario {self.assumptions.name}"


def context(
    wanted: Wanted, *, cached: bool, processes: int = 1, tick: Tick | None = None
) -> Context:
    """InputError where the scenario or a network is unknown."""
    from archsim.cache import default_cache

    cache = default_cache() if cached else None
    runner = Runner(cache, wanted.conv_only, wanted.measured, processes, tick)
    return Context(wanted, scenario(wanted.scenario), networks(wanted.networks), runner)


def reports(found: Context) -> Mapping[str, Callable[[], Report]]:
    """Every figure and table by name."""
    out = found.wanted.out
    return {
        "fig3": lambda: fig3(out),
        "fig8": lambda: figure("fig8", found.setup),
        "fig9": lambda: figure("fig9", found.setup),
        "fig10": lambda: figure("fig10", found.setup),
        "table2": lambda: table2(out),
        "table3": lambda: size_table("table3", out),
        "table4": lambda: size_table("table4", out),
        "table5": lambda: training_table("table5", found.runner),
        "table6": lambda: training_table("table6", found.runner),
        "table7": lambda: table7(found.runner),
        "training": lambda: training_changes(found.runner),
        "table8": table8,
        "table9": table9,
    }


def report(name: str, found: Context) -> Report:
    """One figure or table.

    Raises:
        InputError: there is none of that name.
    """
    known = reports(found)
    if name not in known:
        legal = [*known, "claims", "sensitivity"]
        raise InputError.at(name, unknown("figure or table", name, legal))
    return known[name]()


def claims(found: Context, only: Sequence[int] = ()) -> list[Claim]:
    """Every claim of the paper (or `only` those), checked now."""
    checks: dict[int, Callable[[], Answer]] = {
        **claims_arithmetic.CHECKS,
        **claims_shapes.CHECKS,
        **claims_runs.checks(found),
    }
    checked = []
    for entry in data("claims"):
        number = int(entry["id"])
        if only and number not in only:
            continue
        check = checks.get(number)
        answer = check() if check else unanswered(claims_open.REASONS[number])
        checked.append(made(entry, answer))
    return checked


def sensitivity(found: Context) -> Sensitivity:
    """Every assumption, one at a time."""
    check_some(found.networks)
    return sense.measure(found.runner, found.networks, found.assumptions)


def sensitivity_report(found: Sensitivity) -> Report:
    """The moves as a table: factors of every ratio, and whether the rankings stand."""
    rows: list[tuple[str, Sequence[float | str | None]]] = [
        ("base", [*(found.base.values[name] for name in sense.RATIOS), "-", "-"])
    ]
    for move in found.moves:
        kept_order = ["yes" if same else "no" for same in found.survives(move)]
        factors = [move.factors[name] for name in sense.RATIOS]
        rows.append((move.name, [*factors, *kept_order]))
    heads = ["assumption", *sense.RATIOS, "energy order kept", "speed order kept"]
    order = " > ".join(found.base.speed_order)
    return Report(
        "sensitivity",
        "Factors on the geometric means",
        "Figs. 8 to 10",
        tables=[Grids("Base values, and factors under one changed assumption", heads, rows)],
        notes=[f"networks: {', '.join(found.networks)}", f"speed order of the base: {order}"],
    )


def draw(name: str, found: Context) -> list[Path]:
    """Draw what has a figure into `<out>/paper`; the paths, none for tables.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    from archsim.plots_paper import Chart, bars, tornado

    folder = found.wanted.out / "paper"
    suffix = f"@{found.assumptions.name}" if found.wanted.scenario else ""
    if name == "sensitivity":
        return tornado(found.known, folder / f"{name}{suffix}") if found.known else []
    if name not in VALUES:
        return []
    key = {"fig8": "energy", "fig9": "dram", "fig10": "speedup"}[name]
    printed = table("figures")[name][key]
    whose = "the other machines" if name == "fig9" else "SmartDeal"
    setting = f"{found.runner.setting}; scenario {found.assumptions.name}"
    label = f"shaded: the paper's range of {whose}; {setting}"
    chart = Chart(TITLES[name], Span(float(printed["low"]), float(printed["high"])), label)
    return bars(VALUES[name](found.grid), chart, folder / f"{name}{suffix}")
