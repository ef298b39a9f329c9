"""Checkpoints: written whole or not at all, read without running anything they hold."""

import io
import json
from pathlib import Path
from typing import Any

import torch

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.regular import open_regular, read_regular

CHECKPOINT, BEST, LOG = "checkpoint.pt", "best.pt", "log.jsonl"


def save(path: Path, state: Any) -> None:
    """Write tensors and plain values in dictionaries and lists."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path) -> Any:
    """Read what `save` wrote.

    Raises:
        InputError: the file is damaged, or holds more than tensors and plain values.
    """
    try:
        with open_regular(path) as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not what it says
        raise InputError.at(path, "not a whole checkpoint; delete it to start again") from error


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
        write_atomically(path, content)


def restore_log(folder: Path) -> None:
    """Write the log of a finished run anew where it is lost and its checkpoint is there."""
    kept = folder / CHECKPOINT
    if kept.exists() and not (folder / LOG).exists():
        write_log(folder / LOG, load(kept)["records"])
