"""Checkpoints: written whole or not at all, read without running anything they hold.

torch itself reads a file whose bytes have changed; here the checksum of every part is compared.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field, ValidationError

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.record import Record
from archsim.formats.regular import open_regular, read_regular
from archsim.formats.sealed import make_way

CHECKPOINT, BEST, LOG = "checkpoint.pt", "best.pt", "log.jsonl"
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Damaged(InputError):
    """A file of a run is not what was written; the run can be made again without it."""


class Epoch(Record):
    """What is recorded after an epoch, a line of the log; epoch 0 is before any training."""

    epoch: Count
    lr: Amount
    train_loss: Amount | None = None
    switched: Count = 0
    validation_accuracy: Share
    validation_loss: Amount
    mib: Amount
    density: Share


class Checkpoint(Record):
    """All that a run goes on from. `best` is the highest validation accuracy so far."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    key: str
    records: Annotated[list[dict[str, Any]], Field(min_length=1)]
    best: float
    learner: dict[str, Any]
    average: dict[str, Any]


def save(path: Path, state: Any) -> None:
    """Write tensors and plain values in dictionaries and lists."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    make_way(path)
    write_atomically(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> Any:
    """Read what `save` wrote, to a device.

    Raises:
        Damaged: the file is damaged, or holds more than tensors and plain values.
    """
    try:
        with open_regular(path) as file:
            with zipfile.ZipFile(file) as archive:
                if (part := archive.testzip()) is not None:
                    raise ValueError(f"{part} has another checksum")
            file.seek(0)
            return torch.load(file, map_location=device, weights_only=True)
    except Exception as error:  # zipfile and torch raise many kinds for what is not what it says
        message = "not a whole checkpoint; delete it to start again"
        raise Damaged.at(path, message) from error


def load_checkpoint(
    folder: Path, key: str | None = None, device: torch.device | str = "cpu"
) -> Checkpoint:
    """Read the checkpoint of a run.

    Args:
        key: of all settings that made the run; None to take any.
        device: where its tensors are wanted.

    Raises:
        Damaged: it is not a checkpoint of a run.
        InputError: it was made with other settings.
    """
    path = folder / CHECKPOINT
    try:
        found = Checkpoint.model_validate(load(path, device))
        for number, record in enumerate(found.records):
            if Epoch.model_validate(record).epoch != number:
                raise Damaged.at(path, f"the record of epoch {number} is missing")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Damaged.at(path, f"not a checkpoint of a run: {place}: {first['msg']}") from error
    if key not in {None, found.key}:
        message = "made with other settings; delete the folder or choose another --out"
        raise InputError.at(path, message)
    return found


def write_log(path: Path, records: list[dict[str, Any]]) -> None:
    """Write the records of a checkpoint as a log, one JSON object a line, unless it is there.

    The log is for people and for figures. No run goes on from it, and no result is made of it: a
    process may be stopped after a checkpoint is written and before its log is.
    """
    lines = [json.dumps(record, allow_nan=False) for record in records]
    content = ("\n".join(lines) + "\n").encode()
    try:
        same = read_regular(path) == content
    except OSError:
        same = False
    if not same:
        make_way(path)
        write_atomically(path, content)


def restore_log(folder: Path, key: str) -> None:
    """Make the log of a finished run what its checkpoint says, where that is still there.

    Raises:
        Damaged: the checkpoint is.
        InputError: it was made with other settings.
    """
    if os.path.lexists(folder / CHECKPOINT):
        write_log(folder / LOG, load_checkpoint(folder, key).records)
