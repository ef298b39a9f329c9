"""The rows of a network as a table, as CSV and as a figure, with those of methods that train."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from archsim.formats import own_files
from archsim.formats.errors import InputError
from archsim.formats.json_file import read_json
from archsim.formats.spreadsheet import records_text
from sdalgo import plots
from sdalgo.rivals.harness import row_of
from sdalgo.rivals.row import Row

COLUMNS = (
    "method", "setting", "epochs", "weights", "layer_bits", "other_bits", "bits_per_weight",
    "megabytes", "metric", "score", "low", "high", "refreshed", "cosine", "seconds",
)  # fmt: skip
MARK = b"method,setting,epochs,weights,layer_bits,other_bits"
_FLOAT_BITS = 32
_HEADS = ("method", "setting", "epochs", "bits/weight", "MB", "score (95 %)", "refreshed",
          "cosine", "CPU s")  # fmt: skip


def trained_rows(path: Path) -> list[Row]:
    """Return the rows of methods that train, which another run put into a file; none without it.

    Raises:
        InputError: the file is there and holds something else.
    """
    if not path.exists():
        return []
    found = read_json(path)
    try:
        return [row_of(row) for row in found["rows"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError.at(path, f"no rows of rivals: {error!s:.200}") from error


def heads(metric: str) -> list[str]:
    """Return the heads of the table's columns."""
    return [head.replace("score", metric) for head in _HEADS]


def cells(rows: Iterable[Row]) -> list[list[str]]:
    """Return the rows of the table."""
    return [
        [
            row.method, row.setting, f"{row.epochs}" if row.epochs else "-",
            f"{row.bits_per_weight:.2f}", f"{row.megabytes:.4g}",
            f"{row.score:.3f} ({row.interval[0]:.2f}-{row.interval[1]:.2f})",
            _number(row.refreshed), _number(row.cosine), f"{row.seconds:.1f}",
        ]
        for row in rows
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write all that rows hold, a line a row."""
    records = ({**row.to_json(), "low": row.interval[0], "high": row.interval[1]} for row in rows)
    text = records_text(COLUMNS, ({k: v for k, v in r.items() if v is not None} for r in records))
    own_files.write_own(path, text.encode(), MARK)


def draw(rows: Sequence[Row], stem: Path) -> list[Path]:
    """Draw scores against megabytes as PNG and SVG.

    Raises:
        InputError: matplotlib is missing, or the files cannot be written.
    """
    small = [row for row in rows if row.bits_per_weight < _FLOAT_BITS]
    lines = []
    for name, trained in dict.fromkeys((row.method, row.epochs > 0) for row in small):
        own = sorted(
            (r.megabytes, r.score) for r in small if (r.method, r.epochs > 0) == (name, trained)
        )
        sizes, scores = zip(*own, strict=True)
        title = f"{name}, trained" if trained and "trained" not in name else name
        lines.append(plots.Points(method=title, megabytes=sizes, scores=scores, trained=trained))
    metric = rows[0].metric
    label = "test accuracy" if metric == "accuracy" else f"top-1 {metric} with the original"
    whole = [row.score for row in rows if row.bits_per_weight == _FLOAT_BITS and not row.epochs]
    return plots.against_size(lines, whole[0] if whole else 1.0, label, stem)
