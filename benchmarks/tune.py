"""The search of docs/results/tune/mobilenet_v2.yaml: its points, its figure, and the tables of
docs/reference/tune.md.

    python -m benchmarks.tune              # `make data` first; goes on where it was ended

The same points as `sdalgo tune docs/results/tune/mobilenet_v2.yaml`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.page_table import with_table

SPEC = Path("docs/results/tune/mobilenet_v2.yaml")
POINTS = SPEC.with_suffix(".json")
PAGE = Path("docs/reference/tune.md")
FIGURE = Path("docs/img/tune_mobilenet_v2.svg")
HEADS = (
    "| point | size, MB | bits per weight | energy, mJ | cycles | cosine, chosen by "
    "| cosine, unseen (95 %) | agreement, unseen (95 %) |",
    "|---|---|---|---|---|---|---|---|",
)


def table(found: dict[str, Any]) -> list[str]:
    """Return the lines of the table: the points that are judged, by size."""
    rows = [row for row in found["points"] if "evaluation_cosine" in row]
    return [*HEADS, *(_line(row) for row in sorted(rows, key=lambda row: -row["size_bytes"]))]


def _line(row: dict[str, Any]) -> str:
    cells = [_name(row), f"{row['size_bytes'] / 1e6:.3f}", f"{row['bits_per_weight']:.2f}"]
    cells += [f"{row['energy_pj'] / 1e9:.3f}", f"{row['cycles']:,}", f"{row['cosine']:.3f}"]
    for name in ("cosine", "agreement"):
        low, high = row[f"evaluation_{name}_low"], row[f"evaluation_{name}_high"]
        cells.append(f"{row[f'evaluation_{name}']:.3f} ({low:.2f}-{high:.2f})")
    return f"| {' | '.join(cells)} |"


def _name(row: dict[str, Any]) -> str:
    said = {0: "the recipe's own", 1: "`activations`, one price"}.get(row["point"], "")
    mark = "" if row["front"] else " (not on the front)"
    return f"{said or row['point']}{mark}"


def written(text: str, found: dict[str, Any]) -> str:
    """Return the page with the table between its marks."""
    return with_table(text, "mobilenet_v2", "".join(f"{line}\n" for line in table(found)))


def main() -> None:
    from sdalgo.tune.figure import draw
    from sdalgo.tune.spec import load_plan
    from sdalgo.tune.tune import finished, prepared

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/tune_mobilenet_v2"))
    given = parser.parse_args()

    def tick(done: int, todo: int, what: str) -> None:
        print(f"{time.process_time():.0f} s: {done} of {todo}, {what}", flush=True)

    found = finished(prepared(load_plan(SPEC, {}), given.out), tick)
    document = found.as_json()
    POINTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")
    drawn = next(path for path in draw(found, given.out) if path.suffix == ".svg")
    FIGURE.write_bytes(drawn.read_bytes())


if __name__ == "__main__":
    main()
