"""Figures of a report, as PNG and SVG: powers (paper Fig. 12), error, evolution (Fig. 11)."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np

from archsim.formats.errors import InputError
from archsim.formats.own_files import write_own
from sdalgo.container import Container
from sdalgo.exchange import Round
from sdalgo.pow2 import Float32

INK, ACCENT, THIRD = "#1f2933", "#c2410c", "#0f766e"
_SIZE = (6.0, 3.6)  # inches: a column and a half of a paper


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Of one arm: mean and sample deviation over its seeds at the start and after each epoch."""

    arm: str
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Points:
    """Of one method: sizes in 10^6 bytes, rising, and a score for each."""

    method: str
    megabytes: tuple[float, ...]
    scores: tuple[float, ...]
    trained: bool = False


def powers(container: Container, folder: Path) -> list[Path]:
    """Plot how often each power of two occurs among the non-zeros."""
    counts: Counter[int] = Counter()
    for layer in container.layers.values():
        level, number = np.unique(np.abs(layer.coef.astype(np.int16)), return_counts=True)
        for place, count in zip(level, number, strict=True):
            if place:
                counts[int(place) - 1 + layer.p_min] += int(count)
    figure, axes = _figure("power of two", "share of the non-zeros")
    total = max(1, sum(counts.values()))
    axes.bar(list(counts), [count / total for count in counts.values()], color=THIRD)
    return _save(figure, folder / "powers")


def error_density(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Plot each layer's relative error against its density."""
    rows = [row for row in summary["layers"] if row["relative_error"] is not None]
    figure, axes = _figure("share of coefficients that is not zero", "relative error")
    density = [row["nonzeros"] / row["entries"] for row in rows]
    size = [8 + row["entries"] ** 0.5 / 12 for row in rows]
    errors = [row["relative_error"] for row in rows]
    axes.scatter(density, errors, s=size, color=ACCENT, alpha=0.7, linewidths=0)
    return _save(figure, folder / "error_density")


def evolution(slices: Float32, rounds: list[Round], folder: Path) -> list[Path]:
    """Plot error, density and the drift of B from I over the rounds of Algorithm 1."""
    norm = float(np.linalg.norm(slices)) or 1.0
    error = [float(np.linalg.norm(slices - r.coef @ r.basis)) / norm for r in rounds]
    density = [float((r.coef != 0).mean()) for r in rounds]
    drift = [_drift(r) for r in rounds]
    figure, axes = _figure("round", "relative error, density")
    index = [r.index for r in rounds]
    axes.plot(index, error, color=ACCENT, marker="o", markersize=3, label="error")
    axes.plot(index, density, color=INK, marker="o", markersize=3, label="density")
    axes.set_ylim(0, 1.05)
    other = axes.twinx()
    other.plot(index, drift, color=THIRD, linestyle="--", label="||B - I||")
    other.set_ylabel("||B - I||, mean over slices")
    other.spines["top"].set_visible(False)
    lines = [*axes.get_lines(), *other.get_lines()]
    axes.legend(lines, [line.get_label() for line in lines], frameon=False, fontsize=8)
    return _save(figure, folder / "evolution")


def theta_curve(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Plot relative error against size over theta."""
    figure, axes = _figure("size, MB (index bit per row)", "relative error")
    size = [row["row_bytes"] / 1e6 for row in rows]
    error = [row["relative_error"] for row in rows]
    axes.plot(size, error, color=ACCENT, marker="o", markersize=4)
    for row, x, y in zip(rows, size, error, strict=True):
        note = f"{row['theta']:g}"
        axes.annotate(note, (x, y), textcoords="offset points", xytext=(4, 4), fontsize=8)
    return _save(figure, folder / "theta")


def over_epochs(curves: Sequence[Curve], what: str, stem: Path) -> list[Path]:
    """Plot means over the seeds after each epoch, with a band of one deviation (paper Fig. 7).

    The scale is that of the epochs after the start, which may be at chance and far off.
    """
    figure, axes = _figure("epoch", what)
    styles = cycle(product(("-", "--", ":"), (INK, ACCENT, THIRD)))
    for curve, (line, color) in zip(curves, styles, strict=False):
        mean, spread = np.array(curve.mean), np.array(curve.spread)
        epochs = np.arange(len(mean))
        axes.plot(epochs, mean, color=color, linestyle=line, linewidth=1.2, label=curve.arm)
        axes.fill_between(epochs, mean - spread, mean + spread, color=color, alpha=0.15, lw=0)
    trained = np.concatenate([np.array(curve.mean)[1:] for curve in curves])
    margin = 0.1 * float(np.ptp(trained)) or 0.01
    axes.set_ylim(trained.min() - margin, trained.max() + margin)
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, stem)


def against_size(points: Sequence[Points], whole: float, what: str, stem: Path) -> list[Path]:
    """Plot what networks can do against their size, a line a method (paper Fig. 6).

    The scale of sizes is logarithmic, and starred points are of networks that were trained.

    Args:
        whole: the score of the network as it was: a dotted line.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = _figure("MB, everything counted", what)
    figure.set_size_inches(7.2, 4.4)
    colors = (INK, ACCENT, THIRD, "#7c3aed", "#0369a1", "#a16207", "#be185d", "#4d7c0f")
    placed: Counter[bool] = Counter()
    for one in points:
        place = placed[one.trained]
        placed[one.trained] += 1
        marker = "*P^D"[place // len(colors) % 4] if one.trained else "o"
        axes.plot(
            one.megabytes, one.scores, color=colors[place % len(colors)], linewidth=1.1,
            linestyle="" if one.trained else ("-", "--", ":")[place // len(colors) % 3],
            marker=marker, markersize=7 if one.trained else 3, label=one.method,
        )  # fmt: skip
    axes.axhline(whole, color=INK, linewidth=0.8, linestyle=":", label="original")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, stem)


def _drift(one: Round) -> float:
    identity = np.eye(*one.basis.shape[1:])
    return float(np.linalg.norm(one.basis - identity, axis=(1, 2)).mean())


def _figure(x: str, y: str) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError.at("matplotlib", "not installed: pip install 'archsim[plot]'") from error
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


_MARKS = (b"Software\0sdalgo", b"<dc:title>sdalgo</dc:title>")


def _save(figure: Any, stem: Path) -> list[Path]:
    from matplotlib import rc_context

    paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=160, metadata={"Software": "sdalgo"})
    with rc_context({"svg.hashsalt": "sdalgo"}):  # the same file for the same figure
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": "sdalgo"})
    for path, drawn, mark in zip(paths, (png, svg), _MARKS, strict=True):
        write_own(path, drawn.getvalue(), mark)
    return paths
