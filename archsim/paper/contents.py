"""Everything that can be asked of `archsim paper`, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.source import unknown
from archsim.paper import claims_arithmetic, claims_open, claims_runs, claims_shapes
from archsim.paper import sensitivity as sense
from archsim.paper.claim import Answer, Claim, made, unanswered
from archsim.paper.context import Context
from archsim.paper.figures import TITLES, VALUES, figure
from archsim.paper.printed import Span, data, table
from archsim.paper.report import Grids, Report
from archsim.paper.runs import check_some
from archsim.paper.sensitivity import Sensitivity
from archsim.paper.tables_machines import table8, table9
from archsim.paper.tables_sizes import fig3, size_table, table2
from archsim.paper.tables_training import table7, training_changes, training_table


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


def draw(name: str, found: Context, width_inches: float) -> list[Path]:
    """Draw what has a figure into `<out>/paper`, that wide; the paths, none for tables.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    from archsim.paper.plots import Chart, bars, tornado

    folder = found.wanted.out / "paper"
    suffix = f"@{found.assumptions.name}" if found.wanted.scenario else ""
    if name == "sensitivity":
        return tornado(found.known, folder / f"{name}{suffix}", width_inches) if found.known else []
    if name not in VALUES:
        return []
    key = {"fig8": "energy", "fig9": "dram", "fig10": "speedup"}[name]
    printed = table("figures")[name][key]
    whose = "the other machines" if name == "fig9" else "SmartDeal"
    setting = f"{found.runner.setting}; scenario {found.assumptions.name}"
    label = f"shaded: the paper's range of {whose}; {setting}"
    chart = Chart(TITLES[name], Span(float(printed["low"]), float(printed["high"])), label)
    return bars(VALUES[name](found.grid), chart, folder / f"{name}{suffix}", width_inches)
