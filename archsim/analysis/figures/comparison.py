"""Figures of a comparison: energy, speed-up and DRAM traffic of machines against one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.compare import MEAN, Comparison
from archsim.analysis.figures import bars, palette
from archsim.analysis.figures.plots import FONT_POINTS, TWO_COLUMNS_INCHES, legend, save
from archsim.analysis.figures.titles import titles
from archsim.analysis.roles import DRAM, ROLES, energy_by_role
from archsim.results.energy_parts import memory_parts
from archsim.workload.load_notes import SYNTHETIC, origin_in

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from archsim.analysis.normalise import Normalised
    from archsim.results.result import Result

SHOWN_SHARE = 0.005  # of its bar; a part that is smaller in every bar goes into "other"
OTHER = "other"
_ROLES = {role: role for role in ROLES}


@dataclass(frozen=True)
class Stack:
    """What the bars of a figure are made of: the amounts of a result's parts, the whole of the
    reference that counts as 1, and the colours of the parts that are drawn, from the bottom up."""

    metric: str
    title: str
    amounts: Callable[[Result], Mapping[str, float]]
    whole: Callable[[Result], float]
    colours: Callable[[Collection[str]], Mapping[str, str]]


def figures(
    found: Comparison,
    folder: Path,
    width_inches: float = TWO_COLUMNS_INCHES,
    *,
    means: bool = False,
) -> list[Path]:
    """Draws energy, speedup and dram into `folder` as PNG and SVG; the paths.

    With `means` the files are called compare_*, geometric means stand beside the workloads, and
    energy is stacked by role; else by component. Nothing is drawn where no machine has the
    reference beside it.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    rows = bars.panels(shown(found, means=means), width_inches)
    if not rows:
        return []
    drawn = {
        "energy": partial(stacked, found, rows, width_inches, energy_stack(found, by_role=means)),
        "speedup": partial(speedup, found, rows, width_inches),
        "dram": partial(stacked, found, rows, width_inches, dram_stack(found)),
    }
    return save({folder / f"{'compare_' * means}{name}": draw for name, draw in drawn.items()})


def shown(found: Comparison, *, means: bool) -> dict[str, list[str]]:
    """The machines of each workload that has the reference, in their places; the means last."""
    stems = {found.title(stem): stem for stem in found.stems}
    order = [stems[label] for label in palette.placed(stems)]
    cells = {*found.rows, *found.refusals}
    groups = [group for group in found.groups if any(row.reference for row in found.of(group))]
    wanted = {group: [stem for stem in order if (group, stem) in cells] for group in groups}
    return wanted | ({MEAN: order} if means and len(groups) > 1 else {})


def energy_stack(found: Comparison, *, by_role: bool) -> Stack:
    """Energy by component, or by role; of a memory with rows by its parts."""
    if by_role:
        amounts = partial(_by_part, energy_by_role, DRAM)
        return Stack("energy", "Energy", amounts, _energy, _of_roles)
    colours = partial(palette.component_colours, [row.result for row in found.rows.values()])
    amounts = partial(_by_part, lambda result: result.energy_parts, "")
    return Stack("energy", "Energy", amounts, _energy, colours)


def _by_part(
    amounts: Callable[[Result], Mapping[str, float]], whole: str, result: Result
) -> dict[str, float]:
    """Amounts in which the parts of memories take the place of these, or of the one `whole`."""
    found: dict[str, float] = {}
    memories = memory_parts(result)
    for name, amount in amounts(result).items():
        own = memories if name == whole else {name: memories[name]} if name in memories else {}
        rest = amount - fsum(fsum(parts.values()) for parts in own.values())
        if not own or rest > SHOWN_SHARE * amount:
            found[name] = rest
        for parts in own.values():
            for part, pj in parts.items():
                found[f"{name} {part}"] = found.get(f"{name} {part}", 0.0) + pj
    return found


def dram_stack(found: Comparison) -> Stack:
    """Bytes by flow."""
    roles = {
        name: keys["role"]
        for row in found.rows.values()
        for name, keys in row.result.arch_resolved["flows"].items()
    }
    return Stack(
        "dram", "DRAM traffic", lambda result: result.dram_bytes_by,
        lambda result: result.dram_bytes, partial(palette.flow_colours, roles),
    )  # fmt: skip


def stacked(
    found: Comparison, rows: Sequence[bars.Panel], width_inches: float, stack: Stack
) -> Figure:
    """Bars of parts, the name of its machine under each. A mean has no parts: a plain bar."""
    names = {stem: found.title(stem) for stem in found.stems}
    figure, axes = bars.canvas(rows, width_inches, names, caption(found))
    figure.supylabel(f"{stack.title}, {found.reference} = 1", fontsize=FONT_POINTS)
    parts = {key: _shares(row, stack) for key, row in found.rows.items()}
    drawn = {
        name
        for each in parts.values()
        for name, share in each.items()
        if share > SHOWN_SHARE * fsum(each.values())
    }
    bands = {**stack.colours(drawn), OTHER: palette.REST_COLOUR}
    parts = {key: _with_rest(each, drawn) for key, each in parts.items()}
    for own, row in zip(axes, rows, strict=True):
        floor = dict.fromkeys(row.bars, 0.0)
        for name, colour in bands.items():
            heights = {key: parts.get(key, {}).get(name, 0.0) for key in row.bars}
            if any(name in part for part in parts.values()):
                own.bar(
                    list(row.bars.values()), list(heights.values()), bars.BAR_WIDTH, color=colour,
                    label=name, bottom=list(floor.values()), edgecolor="white", linewidth=0.25,
                )  # fmt: skip
            floor = {key: below + heights[key] for key, below in floor.items()}
        means = [key for key in row.bars if key[0] == MEAN]
        places = [row.bars[key] for key in means]
        tops = [_height(found, stack.metric, key) or 0.0 for key in means]
        own.bar(places, tops, bars.BAR_WIDTH, color=palette.MEAN_COLOUR)
    bars.write_values(axes, rows, partial(_height, found, stack.metric))
    legend(figure, axes[0])
    return figure


def speedup(found: Comparison, rows: Sequence[bars.Panel], width_inches: float) -> Figure:
    """A bar of its machine's colour for each."""
    names = {stem: found.title(stem) for stem in found.stems}
    figure, axes = bars.canvas(rows, width_inches, {}, caption(found))
    figure.supylabel(f"Speed-up over {found.reference}", fontsize=FONT_POINTS)
    bars.draw_machines(axes, rows, names, partial(_height, found, "speedup"))
    legend(figure, axes[0])
    return figure


def caption(found: Comparison) -> list[str]:
    """What must be said of the workloads' numbers: which are not measured, which weights are not
    trained."""
    said = []
    for what, test in (
        ("arrays drawn from profiles", is_drawn),
        ("shapes of layers alone, without arrays", is_bare),
        ("weights synthetic", is_synthetic),
    ):
        called = titles(found.groups)
        names = dict.fromkeys(
            called[group] for (group, _), row in found.rows.items() if test(row.result)
        )
        if names:
            every = len(names) == len(found.groups)
            said.append(what if every else f"{what}: {', '.join(names)}")
    return said


def is_drawn(result: Result) -> bool:
    """Whether the arrays were drawn from a profile."""
    return result.mode == "profile"


def is_bare(result: Result) -> bool:
    """Whether there were no arrays, but shapes alone."""
    return result.mode == "shapes"


def is_synthetic(result: Result) -> bool:
    """Whether the workload says that its weights are not trained."""
    return origin_in(result.notes) == SYNTHETIC


def _shares(row: Normalised, stack: Stack) -> dict[str, float]:
    """Parts of the reference's whole; none where there is no reference."""
    whole = stack.whole(row.reference) if row.reference else 0.0
    return {name: part / whole for name, part in stack.amounts(row.result).items()} if whole else {}


def _with_rest(parts: Mapping[str, float], drawn: Collection[str]) -> dict[str, float]:
    """The parts that are drawn, and the sum of the others where it can be seen."""
    rest = fsum(share for name, share in parts.items() if name not in drawn)
    shown = {name: share for name, share in parts.items() if name in drawn}
    return shown | ({OTHER: rest} if rest > SHOWN_SHARE * fsum(parts.values()) else {})


def _of_roles(drawn: Collection[str]) -> dict[str, str]:
    return palette.shades({name: role for name, role in palette.parted(_ROLES) if name in drawn})


def _height(found: Comparison, metric: str, key: bars.Key) -> float | None:
    group, stem = key
    return found.mean(metric, stem)[0] if group == MEAN else found.value(metric, group, stem)


def _energy(result: Result) -> float:
    return result.energy_pj
