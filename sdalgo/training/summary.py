"""Mean and spread of an experiment, in the form of Tables II, V and VI."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdalgo.training.config import Experiment
from sdalgo.training.readers import TEXTS

_MEASURED = ("test_accuracy", "test_loss", "mib", "density", "start_accuracy", "best_epoch",
             "switched")  # fmt: skip


def summary(experiment: Experiment, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the experiment, its runs, and for each arm mean and standard deviation.

    The deviation is `spread`.
    """
    arms = []
    for arm in experiment.arms:
        own = [result for result in results if result["arm"] == arm.name]
        row: dict[str, Any] = {"arm": arm.name, "runs": len(own)}
        for what in _MEASURED:
            values = [float(result[what]) for result in own]
            row[what] = statistics.fmean(values)
            row[f"{what}_spread"] = spread(values)
        row["memory"] = own[0]["memory"]
        if arm.paper:
            row["paper"] = arm.paper
        arms.append(row)
    settings = experiment.model_dump(mode="json", exclude={"data": {"folder"}})
    if experiment.weights is not None:
        settings["weights"] = Path(experiment.weights).name  # where it lies is nobody else's
    return {
        "experiment": settings,
        "arms": arms,
        "runs": list(results),
    }


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample (n - 1), and 0 where there is one value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def table(whole: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of a table, one row an arm.

    Text is judged by bits per character, and the paper's row stands beside ours where there is one.
    """
    text = whole["experiment"]["data"]["kind"] in TEXTS
    paper = any("paper" in row for row in whole["arms"])
    heads = ["arm", "test accuracy", *(["bits/character"] if text else []), "MiB", "non-zero",
             "at the start", "switches", *(["paper", "MB"] if paper else [])]  # fmt: skip
    return heads, [_cells(row, text=text, paper=paper) for row in whole["arms"]]


def _cells(row: dict[str, Any], *, text: bool, paper: bool) -> list[str]:
    cells = [row["arm"], f"{row['test_accuracy']:.2%} ± {row['test_accuracy_spread']:.2%}"]
    if text:
        bits, spread = (row[key] / math.log(2) for key in ("test_loss", "test_loss_spread"))
        cells.append(f"{bits:.3f} ± {spread:.3f}")
    cells += [f"{row['mib']:.4f}", f"{row['density']:.1%}", f"{row['start_accuracy']:.2%}",
              f"{row['switched']:.0f}"]  # fmt: skip
    if paper:
        own = row.get("paper", {})
        cells.append(f"{own['test_accuracy']:.2%}" if "test_accuracy" in own else "")
        cells.append(f"{own['mib']:g}" if "mib" in own else "")
    return cells
