"""Accuracy and loss on the validation part after each epoch, from the logs (paper Fig. 7)."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.json_file import parsed
from archsim.formats.regular import read_regular
from sdalgo import plots
from sdalgo.plots import Curve
from sdalgo.training.checkpoint import LOG
from sdalgo.training.config import Experiment

_AGAIN = "delete it, and it is made anew of the checkpoint"


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the records of a run's log, an epoch each.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    path = folder / LOG
    try:
        records = [parsed(line) for line in read_regular(path).splitlines()]
        if not records or not all(isinstance(record, dict) for record in records):
            raise ValueError("a line is not a JSON object")
        return records
    except (OSError, ValueError) as error:
        raise InputError.at(path, f"cannot be read: {error}; {_AGAIN}") from error


def curves(experiment: Experiment, folder: Path, what: str) -> list[Curve]:
    """Return a curve an arm, without those that are not trained.

    Args:
        folder: of the runs.
        what: a key of the records, such as `validation_accuracy`.
    """
    found = []
    for arm in experiment.arms:
        runs = [_values(folder / f"{arm.name}-{seed}", what) for seed in experiment.seeds]
        if len({*map(len, runs)}) > 1:
            raise InputError.at(folder, f"the logs of {arm.name} have different lengths; {_AGAIN}")
        epochs = list(zip(*runs, strict=True))
        if len(epochs) > 1:
            mean = tuple(statistics.fmean(values) for values in epochs)
            spread = tuple(map(_deviation, epochs))
            found.append(Curve(arm=arm.name, mean=mean, spread=spread))
    return found


def _values(folder: Path, what: str) -> list[float]:
    records = read_log(folder)
    values = [record[what] for record in records if type(record.get(what)) in {int, float}]
    if len(values) < len(records):
        raise InputError.at(folder / LOG, f"{what} is not a number in every line; {_AGAIN}")
    return values


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
