"""Accuracy and loss on the validation part after each epoch, from the logs (paper Fig. 7)."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.regular import read_regular
from sdalgo import plots
from sdalgo.plots import Curve
from sdalgo.training.checkpoint import LOG
from sdalgo.training.config import Experiment


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the records of a run's log, an epoch each.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    path = folder / LOG
    try:
        return [json.loads(line) for line in read_regular(path).decode("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        message = f"cannot be read: {error}; delete it, and it is made anew of the checkpoint"
        raise InputError.at(path, message) from error


def curves(experiment: Experiment, folder: Path, what: str) -> list[Curve]:
    """Return a curve an arm, without those that are not trained.

    Args:
        folder: of the runs.
        what: a key of the records, such as `validation_accuracy`.
    """
    found = []
    for arm in experiment.arms:
        runs = [
            [record[what] for record in read_log(folder / f"{arm.name}-{seed}")]
            for seed in experiment.seeds
        ]
        epochs = list(zip(*runs, strict=True))
        if len(epochs) > 1:
            mean = tuple(statistics.fmean(values) for values in epochs)
            spread = tuple(map(_deviation, epochs))
            found.append(Curve(arm=arm.name, mean=mean, spread=spread))
    return found


def draw(experiment: Experiment, folder: Path) -> list[Path]:
    """Draw accuracy and loss over the epochs as PNG and SVG into the folder of the runs.

    Raises:
        InputError: matplotlib is missing, or the folder cannot be written.
    """
    accuracy = curves(experiment, folder, "validation_accuracy")
    if not accuracy:
        return []
    loss = curves(experiment, folder, "validation_loss")
    return [
        *plots.over_epochs(accuracy, "validation accuracy", folder / "accuracy"),
        *plots.over_epochs(loss, "validation loss, nats", folder / "loss"),
    ]


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
