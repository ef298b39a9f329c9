"""docs/reproduction.md: everything of `archsim paper` on one page of Markdown, whose prose is
data/reproduction.md. Each row of a table is a line of its own and depends on nothing but its own
numbers, so that a part of the page can be checked against a part of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import log
from pathlib import Path

from archsim.formats.files import write_atomically
from archsim.paper import kept, ratios
from archsim.paper import sensitivity as sense
from archsim.paper.assumptions import scenario
from archsim.paper.claims import VERDICTS, Claim
from archsim.paper.context import Context
from archsim.paper.formula import filled
from archsim.paper.kept import SDALGO_LABEL
from archsim.paper.lines import Line
from archsim.paper.networks import (
    Source,
    channels_pruned,
    load,
    machines,
    networks,
    synthetic_twins,
)  # fmt: skip
from archsim.paper.printed import data
from archsim.paper.quantities import names
from archsim.paper.ratios import VALUES
from archsim.paper.reports import (
    Cell,
    Report,
    claims,
    report,
    sensitivity,
    sensitivity_report,
    shown,
)  # fmt: skip
from archsim.paper.sensitivity import Move, Sensitivity

SCENARIOS = (None, "as_published", "ideal_lanes")
LARGEST = 5
SHOWN_NUMBERS = 6  # a claim of fourteen numbers shows these, and says how many there are
MEETS = {True: "yes", False: "**no**", None: "-"}
_PROSE = Path(__file__).parent / "data" / "reproduction.md"


def write(context: Context, path: Path) -> Path:
    """Write the page; runs everything."""
    known = sensitivity(context)
    kept.write(context.wanted.out, kept.SENSITIVITY, known.to_dict())
    write_atomically(path, page(context, known).encode())
    return path


def page(context: Context, known: Sensitivity) -> str:
    """The whole page."""
    found = claims(context)
    figures = [report(name, context) for name in VALUES]
    tables = [report(name, context) for name in data("reports") if name.startswith("table")]
    rest = [*tables, report("fig3", context)]
    missing = _listed(f"`{one}`" for each in [*figures, *rest] for one in each.missing)
    claim_heads = ["", "where", "claim", "paper", "ours", "verdict", "reason"]
    moves = sensitivity_report(known)
    parts = names(
        known=known,
        verdicts=_verdicts(found),
        disagreements=_disagreements(figures, known),
        networks=_networks(context),
        bars="\n\n".join(map(_section, figures)),
        scenarios=_listed(f"**{one.name}**: {one.title}" for one in map(scenario, SCENARIOS)),
        under_scenarios=_under_scenarios(context),
        channels=_channels(context),
        weights=_weights(context),
        sensitivity_notes=_listed(moves.notes),
        orders=_listed(_orders(known)),
        sensitivity=_sensitivity(moves, known),
        tables="\n\n".join(map(_section, tables)),
        sdalgo=_from_sdalgo(rest),
        claims=table(claim_heads, map(claim_cells, found)),
        missing=f"## What was missing\n\n{missing}" if missing else "",
    )
    text = filled(_PROSE.read_text(encoding="utf-8"), parts)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def row(cells: Iterable[Cell]) -> str:
    """A line of a table."""
    return "| " + " | ".join(shown(cell).replace("|", "/") for cell in cells) + " |"


def line_cells(line: Line) -> list[Cell]:
    """A number of the paper beside ours."""
    return [line.what, line.paper, line.ours, line.ratio, MEETS[line.meets], line.how]


def claim_cells(claim: Claim) -> list[Cell]:
    """A claim with its numbers, verdict and reason."""
    numbers = [f"{what}: {shown(ours)}" for what, ours in claim.numbers]
    said = "; ".join(numbers[:SHOWN_NUMBERS])
    if len(numbers) > SHOWN_NUMBERS:
        said += f"; and {len(numbers) - SHOWN_NUMBERS} more"
    stated = [str(claim.id), claim.where, claim.claim, claim.paper]
    return [*stated, said or "-", claim.verdict, claim.reason]


def table(heads: Sequence[str], rows: Iterable[Iterable[Cell]], left: int | None = None) -> str:
    """A table whose first `left` columns stand left, all of them by default."""
    last = len(heads) if left is None else left
    line = "|" + "|".join("---" if at < last else "---:" for at in range(len(heads))) + "|"
    return "\n".join([row(heads), line, *map(row, rows)])


def _lines(found: Sequence[Line]) -> str:
    heads = ["", "paper", "ours", "ours/paper", "meets", "moved most by, or rule"]
    return table(heads, map(line_cells, found))


def _listed(found: Iterable[str]) -> str:
    """Points, each once."""
    return "\n".join(f"- {one}" for one in dict.fromkeys(found))


def _section(found: Report) -> str:
    """A figure or table, without what sdalgo computed."""
    own = [line for line in found.lines if not line.what.startswith(SDALGO_LABEL)]
    parts = [f"## {found.name}: {found.title}", f"{found.where}.", _listed(found.notes)]
    return "\n\n".join([*parts, *_sheets(found), _lines(own) if own else ""])


def _sheets(found: Report) -> list[str]:
    return [
        f"{one.title}:\n\n{table(one.heads, ([name, *cells] for name, cells in one.rows), 1)}"
        for one in found.tables
    ]


def _verdicts(found: Sequence[Claim]) -> str:
    by = {verdict: [str(c.id) for c in found if c.verdict == verdict] for verdict in VERDICTS}
    rows = [[verdict, str(len(ids)), ", ".join(ids)] for verdict, ids in by.items()]
    return table(["verdict", "claims", "which"], rows)


def _networks(context: Context) -> str:
    """Where weights and activations of each network are from."""
    rows = []
    for network in context.networks:
        said = ["missing", "missing"]
        if network.there:
            source = load(Source(network.workload, context.wanted.conv_only)).source
            said = [str(source.get(key, "-")) for key in ("weights", "activations")]
        rows.append([network.name, network.workload, *said])
    return table(["network", "workload", "weights", "activations"], rows)


def _disagreements(figures: Sequence[Report], known: Sensitivity) -> str:
    """The simulated numbers farthest from the paper, and the one switch that comes nearest."""
    rated = [
        (line, line.ratio, _ratio_of(line, found.name))
        for found in figures
        for line in found.lines
        if line.meets is False and line.ratio
    ]
    both = next(move for move in known.moves if move.group == sense.TOGETHER)
    rows = []
    for line, ratio, name in sorted(rated, key=lambda each: -abs(log(each[1])))[:LARGEST]:
        nearest = max(known.readings, key=lambda move: _toward(move, name, ratio))
        moves = abs(log(nearest.factors[name])) > sense.STILL
        said = f"{nearest.name}: x {nearest.factors[name]:.2f}" if moves else "none"
        rows.append([line.what, line.paper, line.ours, ratio, said, f"x {both.factors[name]:.2f}"])
    heads = ["", "paper", "ours", "ours/paper", "switch that comes nearest (on the mean)",
             "ideal lanes and unlimited DRAM"]  # fmt: skip
    return table(heads, rows)


def _toward(move: Move, name: str, ratio: float) -> float:
    """How far a move goes to where the paper is; too far counts like too short."""
    return -abs(log(ratio) + log(move.factors[name]))


def _ratio_of(line: Line, figure: str) -> str:
    """The mean ratio that stands for a line."""
    if figure != "fig10":
        return sense.ENERGY if figure == "fig8" else sense.DRAM
    over = (name for name in sense.OVER.values() if f"speed-up {line.what}".startswith(name))
    return next(over, sense.SPEED)


def _under_scenarios(context: Context) -> str:
    """SmartDeal's values under every scenario."""
    rows: list[list[Cell]] = []
    for chosen in map(scenario, SCENARIOS):
        grid = context.runner.grid(context.networks, chosen)
        for figure, values_of in VALUES.items():
            machine = ratios.REFERENCE if figure == "fig9" else ratios.OURS
            found = ratios.of(values_of(grid), machine).values()
            rows.append([f"{chosen.name}, {figure}", *found, ratios.geometric_mean(found)])
    return table(["scenario, figure", *context.grid, "geometric mean"], rows, 1)


def _channels(context: Context) -> str:
    """The figures on networks whose channels are removed for every machine."""
    grid = context.runner.grid(channels_pruned(), context.assumptions)
    rows = [
        [f"{network}, {figure}", *(values_of(grid)[network].get(m) for m in machines())]
        for network in grid
        for figure, values_of in VALUES.items()
    ]
    return table(["network, figure", *machines()], rows, 1)


def _weights(context: Context) -> str:
    """The figures on trained weights and on synthetic ones of the same network."""
    twins = synthetic_twins()
    bases = networks([twin.name.partition(",")[0] for twin in twins])
    rows: list[list[Cell]] = []
    for pair in zip(bases, twins, strict=True):
        grid = context.runner.grid(pair, context.assumptions)
        for figure, values_of in VALUES.items():
            for network, row in grid.items():
                found = values_of(grid)[network]
                said = [figure, row[ratios.REFERENCE].weights]
                rows.append([pair[0].name, *said, *(found.get(m) for m in machines())])
    return table(["network", "figure", "weights", *machines()], rows, 1)


def _orders(known: Sensitivity) -> list[str]:
    """The machines from the least energy to the most, of the base and of what changes the order."""
    labels = data("networks")["machines"]
    return [
        f"{move.name}: {', '.join(labels[machine] for machine in move.energy_order)}"
        for move in (known.base, *known.moves)
        if move is known.base or move.energy_order != known.base.energy_order
    ]


def _sensitivity(found: Report, known: Sensitivity) -> str:
    """The factors of every assumption, and what each of them is."""
    switches = [[move.name, move.group, move.about] for move in known.moves]
    legend = table(["assumption", "question", "what it is"], switches)
    return "\n\n".join([*_sheets(found), legend])


def _from_sdalgo(found: Sequence[Report]) -> str:
    """Lines of `sdalgo paper`, where it has been run."""
    own = [
        replace(line, what=line.what.removeprefix(SDALGO_LABEL))
        for one in found
        for line in one.lines
        if line.what.startswith(SDALGO_LABEL) or one.name == "fig3"
    ]
    return f"## Computed by sdalgo from weights and photographs\n\n{_lines(own)}" if own else ""
