"""What one training came to, and its file `result.json`."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.json_file import read_json
from archsim.formats.record import Record
from archsim.formats.sealed import CHECKSUM, check_seal, make_way, sealed
from sdalgo.training.checkpoint import Amount, Count, Share

RESULT = "result.json"
_TIMED = ("seconds",)
"""What differs between two equal runs; the checksum leaves it out."""


class Outcome(Record):
    """One arm under one seed. `bits` are those of the weights as they are stored, `mib` the same in
    MiB; `switched` is over all epochs, and `key` is of all settings that made it."""

    arm: str
    seed: Count
    key: str
    test_accuracy: Share
    test_loss: Amount
    best_epoch: Count
    start_accuracy: Share
    mib: Amount
    bits: Count
    density: Share
    switched: Count
    memory: dict[str, Any]
    seconds: Amount


def save(path: Path, outcome: Outcome) -> None:
    """Write an outcome with a checksum of its content."""
    make_way(path)
    write_atomically(path, sealed(outcome.model_dump(), _TIMED))


def finished(path: Path, key: str) -> Outcome | None:
    """The outcome that is there; None where there is none or other settings made it, and after a
    note where it is damaged or was changed."""
    if not os.path.lexists(path):
        return None
    try:
        found = _read(path)
    except InputError as error:
        console.note(f"{error}; it is made again")
        return None
    return found if found.key == key else None


def _read(path: Path) -> Outcome:
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError.at(path, "not a result of sdalgo train")
    try:
        own = Outcome.model_validate({k: v for k, v in found.items() if k != CHECKSUM})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = f"not a result of sdalgo train: {place}: {first['msg']}"
        raise InputError.at(path, message) from error
    check_seal(path, found, _TIMED)
    return own
