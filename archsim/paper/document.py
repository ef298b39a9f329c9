"""docs/reproduction.md: everything of `archsim paper` on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log
from pathlib import Path

from archsim.formats.files import write_atomically
from archsim.paper import kept, markdown, ratios
from archsim.paper import sensitivity as sense
from archsim.paper.claim import VERDICTS, Claim
from archsim.paper.contents import claims, report, sensitivity, sensitivity_report
from archsim.paper.context import Context
from archsim.paper.figures import VALUES
from archsim.paper.networks import Source, channels_pruned, load, machines
from archsim.paper.printed import table
from archsim.paper.report import Line, Report, shown
from archsim.paper.runs import scenario
from archsim.paper.sensitivity import Move, Sensitivity
from archsim.paper.tables_sizes import SDALGO_LABEL

FIGURES = ("fig8", "fig9", "fig10")
TABLES = ("table2", "table3", "table4", "table5", "table6", "table7", "table8", "table9")
SCENARIOS = ("as_published", "ideal_lanes")
LARGEST = 5
_HEAD = Path(__file__).parent / "data" / "reproduction.md"


def write(context: Context, path: Path) -> Path:
    """Write the page; runs everything."""
    known = sensitivity(context)
    kept.write(context.wanted.out, kept.SENSITIVITY, known.to_dict())
    write_atomically(path, page(context, known).encode())
    return path


def page(context: Context, known: Sensitivity) -> str:
    """The whole page."""
    found = claims(context)
    figures = [report(name, context) for name in FIGURES]
    tables = [report(name, context) for name in TABLES]
    parts = [
        _HEAD.read_text(encoding="utf-8"),
        _verdicts(found),
        _disagreements(figures, known),
        _inputs(context),
        *(_section(one) for one in figures),
        _scenarios(context),
        _channels(context),
        _sensitivity(known),
        *(_section(one) for one in tables),
        _from_sdalgo([*tables, report("fig3", context)]),
        f"## Claims\n\n{markdown.claims(found)}",
        _missing([*figures, *tables, report("fig3", context)]),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _verdicts(found: Sequence[Claim]) -> str:
    rows = [
        markdown.row([verdict, str(sum(claim.verdict == verdict for claim in found)),
                      ", ".join(str(claim.id) for claim in found if claim.verdict == verdict)])
        for verdict in VERDICTS
    ]  # fmt: skip
    return f"## Verdicts\n\n{markdown.table(['verdict', 'claims', 'which'], rows, left=3)}"


def _inputs(context: Context) -> str:
    """Where weights and activations of each network are from."""
    rows = []
    for network in context.networks:
        if not network.there:
            rows.append(markdown.row([network.name, network.workload, "missing", "missing"]))
            continue
        source = load(Source(network.workload, context.wanted.conv_only)).source
        said = [str(source.get(key, "-")) for key in ("weights", "activations")]
        rows.append(markdown.row([network.name, network.workload, *said]))
    heads = ["network", "workload", "weights", "activations"]
    return f"## Networks\n\n{markdown.table(heads, rows, left=4)}"


def _section(found: Report) -> str:
    """A figure or table, without what sdalgo computed."""
    parts = [f"## {found.name}: {found.title}", f"{found.where}.", *_notes(found)]
    parts += [markdown.grid(grid) for grid in found.tables]
    own = [line for line in found.lines if not line.what.startswith(SDALGO_LABEL)]
    if own:
        parts.append(markdown.lines(own))
    return "\n\n".join(parts)


def _notes(found: Report) -> list[str]:
    return ["\n".join(f"- {note}" for note in found.notes)] if found.notes else []


def _disagreements(figures: Sequence[Report], known: Sensitivity) -> str:
    """The simulated numbers farthest from the paper, and the one switch that comes nearest."""
    lines = [line for found in figures for line in found.lines if line.meets is False]
    rated = [(line, one) for line, one in ((line, line.ratio) for line in lines) if one]
    worst = sorted(rated, key=lambda pair: -abs(log(pair[1])))[:LARGEST]
    rows = []
    for line, ratio in worst:
        name = _ratio_of(line, figures)
        nearest = max(known.readings, key=lambda move: _toward(move, name, ratio))
        moves = abs(log(nearest.factors[name])) > sense.STILL
        said = f"{nearest.name}: x {nearest.factors[name]:.2f}" if moves else "none"
        both = next(move for move in known.moves if move.group == sense.TOGETHER)
        rows.append(
            markdown.row([
                line.what, line.paper, shown(line.ours), shown(ratio),
                said,
                f"x {both.factors[name]:.2f}",
            ])
        )  # fmt: skip
    heads = ["", "paper", "ours", "ours/paper", "switch that comes nearest (on the mean)"]
    heads.append("ideal lanes and unlimited DRAM")
    about = (
        "Simulated numbers with the largest factor between paper and ours, and how far single "
        "assumptions go toward the paper, measured by switching them. Where no switch moves a "
        "number, the section on channels pruned for every machine may."
    )
    return f"## Largest disagreements\n\n{about}\n\n{markdown.table(heads, rows, left=len(heads))}"


def _toward(move: Move, name: str, ratio: float) -> float:
    """How far a move goes to where the paper is; too far counts like too short."""
    wanted = -log(ratio)
    return -abs(wanted - log(move.factors[name]))


def _ratio_of(line: Line, figures: Sequence[Report]) -> str:
    """The mean ratio that stands for a line."""
    figure = next(found.name for found in figures if line in found.lines)
    if figure != "fig10":
        return sense.ENERGY if figure == "fig8" else sense.DRAM
    over = {name: what.removeprefix("speed-up ") for name, what in sense.OVER.items()}
    named = [sense.OVER[m] for m, text in over.items() if line.what.startswith(text)]
    return named[0] if named else sense.SPEED


def _scenarios(context: Context) -> str:
    """SmartDeal's values under every scenario."""
    rows = []
    abouts = []
    for name in (None, *SCENARIOS):
        chosen = scenario(name)
        abouts.append(f"- **{chosen.name}**: {chosen.about}")
        grid = context.runner.grid(context.networks, chosen)
        for figure in FIGURES:
            values = VALUES[figure](grid)
            machine = ratios.REFERENCE if figure == "fig9" else ratios.OURS
            found = ratios.of(values, machine)
            rows.append(
                markdown.grid_row(
                    f"{chosen.name}, {figure}",
                    [*found.values(), ratios.geometric_mean(found.values())],
                )
            )
    heads = ["scenario, figure", *context.grid, "geometric mean"]
    what = "SmartDeal over DianNao (fig9: DianNao's DRAM accesses over SmartDeal's)"
    body = markdown.table(heads, rows)
    return "\n\n".join(["## Scenarios", "\n".join(abouts), f"{what}:", body, _ranges()])


def _channels(context: Context) -> str:
    """The figures on networks whose channels are removed for every machine."""
    there = [network for network in channels_pruned() if network.there]
    if not there:
        return ""
    grid = context.runner.grid(there, context.assumptions)
    heads = ["network, figure", *machines()]
    rows = [
        markdown.grid_row(f"{network}, {name}", [values[network].get(m) for m in machines()])
        for network in grid
        for name, values in ((name, VALUES[name](grid)) for name in FIGURES)
    ]
    about = (
        "The paper does not say whether the other machines run the network before or after its "
        "channels are pruned. Above they run the whole network; here every machine runs what "
        "pruning leaves (fig8 and fig10 over DianNao, fig9 over SmartDeal)."
    )
    return f"## Channels pruned for every machine\n\n{about}\n\n{markdown.table(heads, rows)}"


def _ranges() -> str:
    """What the paper states for these rows."""
    found = table("figures")
    spans = {
        "fig8": found["fig8"]["energy"],
        "fig9": found["fig9"]["dram"],
        "fig10": found["fig10"]["speedup"],
    }
    said = "; ".join(f"{name} {span['low']} to {span['high']}" for name, span in spans.items())
    return f"The paper: {said}."


def _sensitivity(known: Sensitivity) -> str:
    found = sensitivity_report(known)
    switches = [markdown.row([move.name, move.group, move.about]) for move in known.moves]
    legend = markdown.table(["assumption", "question", "what it is"], switches, left=3)
    steady = [sum(known.survives(move)[at] for move in known.moves) for at in (0, 1)]
    verdict = (
        f"The order of the machines by energy survives {steady[0]} of {len(known.moves)} changes, "
        f"by speed {steady[1]}. SmartDeal stays first by energy in {_firsts(known, 'energy')} and "
        f"by speed in {_firsts(known, 'speed')}."
    )
    return "\n\n".join(
        ["## Sensitivity", *_notes(found), verdict, markdown.grid(found.tables[0]), legend]
    )


def _firsts(known: Sensitivity, what: str) -> int:
    orders = [move.energy_order if what == "energy" else move.speed_order for move in known.moves]
    return sum(order[0] == ratios.OURS for order in orders)


def _from_sdalgo(found: Sequence[Report]) -> str:
    """Lines of `sdalgo paper`, where it has been run."""
    rows = [
        replace(line, what=line.what.removeprefix(f"{SDALGO_LABEL} "))
        for one in found
        for line in one.lines
        if line.what.startswith(SDALGO_LABEL) or one.name == "fig3"
    ]
    if not rows:
        return ""
    return f"## Computed by sdalgo from weights and photographs\n\n{markdown.lines(rows)}"


def _missing(found: Sequence[Report]) -> str:
    commands = dict.fromkeys(command for one in found for command in one.missing)
    if not commands:
        return ""
    return "## What was missing\n\n" + "\n".join(f"- `{command}`" for command in commands)
