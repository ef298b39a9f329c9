"""The figure of a search: agreement against what it costs, the front, and the recipe's own."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.own_files import write_own
from sdalgo.plots import ACCENT, INK, THIRD
from sdalgo.tune.spec import LARGEST
from sdalgo.tune.table import Row
from sdalgo.tune.tune import Tuned

_SIZE = (3.4, 3.2)  # inches of a panel
_GREY = "#9aa5b1"
_LABELS = {
    "size": ("size of the weights, MB", 1e6),
    "energy_pj": ("energy, mJ", 1e9),
    "cycles": ("cycles, thousands", 1e3),
    "cosine": ("cosine of the outputs", 1.0),
    "agreement": ("top-1 agreement", 1.0),
}
"""Of each metric: what stands at its axis, and the unit there."""


def draw(found: Tuned, folder: Path) -> list[Path]:
    """Write front.png and front.svg: a panel for each cost, against agreement.

    Raises:
        InputError: matplotlib is missing, or files of somebody else have these names.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError.at("matplotlib", "not installed: pip install 'archsim[plot]'") from error
    upright, along = _axes_of(found.objectives)
    figure = Figure(figsize=(_SIZE[0] * len(along), _SIZE[1]), layout="constrained")
    panels = figure.subplots(1, len(along), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, along, strict=True):
        _panel(axes, found.rows, (name, upright))
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK)
        axes.set_xlabel(_LABELS[name][0])
    panels[0].set_ylabel(_LABELS[upright][0])
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    return _saved(figure, folder / "front")


def _axes_of(objectives: Sequence[str]) -> tuple[str, list[str]]:
    """What stands upright, and what lies along a panel each."""
    good = [name for name in objectives if name in LARGEST]
    upright = good[0] if good else objectives[-1]
    return upright, [name for name in objectives if name != upright] or ["size"]


def _panel(axes: Any, rows: Sequence[Row], names: tuple[str, str]) -> None:
    along, upright = names
    own, *points = [row for row in rows if row.metrics]

    def drawn(which: Sequence[Row], judged: bool, **look: Any) -> None:
        pairs = [(row.metrics[along], row.judged if judged else row.metrics) for row in which]
        unit, height = _LABELS[along][1], _LABELS[upright][1]
        xs = [x / unit for x, _ in pairs]
        axes.scatter(xs, [known[upright] / height for _, known in pairs], linewidths=0.9, **look)

    others = [row for row in points if not row.on_front]
    best = [row for row in points if row.on_front]
    drawn(others, False, s=12, color=_GREY, label="other points")
    drawn(best, False, s=20, color=ACCENT, label="front")
    if upright in LARGEST:
        seen = [row for row in best if row.judged]
        look = {"facecolors": "none", "edgecolors": ACCENT}
        drawn(seen, True, s=26, label="front, unseen photographs", **look)
    drawn([own], False, s=60, marker="*", color=THIRD, label="the recipe's own")


def _saved(figure: Any, stem: Path) -> list[Path]:
    """Write a figure as PNG and SVG, the same bytes for the same figure."""
    from matplotlib import rc_context

    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=160, metadata={"Software": "sdalgo"})
    with rc_context({"svg.hashsalt": "sdalgo"}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": "sdalgo"})
    paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    marks = (b"Software\0sdalgo", b"<dc:title>sdalgo</dc:title>")
    for path, drawn, mark in zip(paths, (png, svg), marks, strict=True):
        write_own(path, drawn.getvalue(), mark)
    return paths
