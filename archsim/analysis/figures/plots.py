"""How every figure is drawn and saved: one style, PNG and SVG, the same bytes for the same results.

matplotlib is an extra: without it `save` raises MissingMatplotlib and everything else goes on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.formats.own_files import write_own

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN_INCHES, TWO_COLUMNS_INCHES = 3.5, 7.16
"""IEEE Author Center, "Resolution and Size" of graphics: 3.5 in (88.9 mm) and 7.16 in (181 mm)."""
POINTS_PER_INCH = 72
FONT_POINTS, SMALL_POINTS = 7.5, 6.0  # nothing is set smaller: less is not read on paper
LETTER_POINTS = 0.6  # mean width of a letter, in heights of the font
LINE_INCHES = 0.155  # of a legend
PNG_DPI = 300
STYLE: Any = {  # to matplotlib a type of its own, a literal of all legal keys
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": FONT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.linewidth": 0.4,
    "grid.color": "#d5d5d5",
    "xtick.major.size": 0,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.0,
    "legend.handleheight": 0.9,
    "legend.columnspacing": 1.2,
    "text.parse_math": False,  # a name is no formula, whatever signs stand in it
    "svg.hashsalt": "archsim",
    "svg.fonttype": "path",
}
# No date and no program version: the same figure is the same file.
METADATA: Mapping[str, Mapping[str, str | None]] = {
    "png": {"Software": "archsim"},
    "svg": {"Date": None, "Creator": "archsim", "Format": None, "Type": None},
}

"""Who drew it, and nothing that changes from day to day."""
MARKS = {"png": b"Software\0archsim", "svg": b"<dc:title>archsim</dc:title>"}


class MissingMatplotlib(ImportError):
    """matplotlib is not installed."""


def save(drawn: Mapping[Path, Callable[[], Figure]]) -> list[Path]:
    """Draw each figure and write it as PNG and SVG, the same bytes for the same figure; the paths.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingMatplotlib from error
    written = []
    with mpl.rc_context(STYLE):
        for stem, draw in drawn.items():
            for kind, content in _files(draw()).items():
                written.append(stem.with_name(f"{stem.name}.{kind}"))
                write_own(written[-1], content, MARKS[kind])
    return written


def _files(figure: Figure) -> dict[str, bytes]:
    """The figure as PNG and as SVG, laid out once for both: `savefig` would lay it out and draw it
    twice for each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    png, svg = io.BytesIO(), io.BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    figure.set_dpi(PNG_DPI)
    canvas.print_png(png, metadata={**METADATA["png"]})
    figure.set_layout_engine("none")
    canvas = FigureCanvasSVG(figure)
    canvas.print_svg(svg, metadata={**METADATA["svg"]})
    return {"png": png.getvalue(), "svg": svg.getvalue()}


def letters(width_inches: float, points: float = SMALL_POINTS) -> int:
    """How many letters of a font stand side by side."""
    return int(width_inches * POINTS_PER_INCH / (LETTER_POINTS * points))


def legend(figure: Figure, axes: Axes) -> None:
    """The legend of `axes` above the figure, which grows by it, in as many columns as fit."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    room = figure.get_figwidth() * POINTS_PER_INCH / (FONT_POINTS * LETTER_POINTS)
    columns = max(1, int(room / (max(map(len, labels)) + 5)))
    lines = -(-len(labels) // columns)
    columns = -(-len(labels) // lines)  # lines of equal length
    figure.set_figheight(figure.get_figheight() + lines * LINE_INCHES)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
