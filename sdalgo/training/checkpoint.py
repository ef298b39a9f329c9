"""Checkpoints: written whole or not at all, read without running anything they hold."""

import io
import json
from pathlib import Path
from typing import Any

import torch

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically

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
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not what it says
        raise InputError.at(path, "not a whole checkpoint; delete it to start again") from error


def write_log(path: Path, records: list[dict[str, Any]]) -> None:
    """Write one JSON object a line; a resumed run then has the log of an uninterrupted one."""
    lines = [json.dumps(record, allow_nan=False) for record in records]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
