"""Finished layers of a build: tensors, and a JSON file with their profile and what they hash to.

A part that is not whole is named and made again; nothing in it is believed that the hashes do not
vouch for.
"""

import os
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.json_file import read_json
from archsim.formats.regular import open_regular
from archsim.formats.sealed import check_seal, make_way, sealed
from archsim.formats.tensor_file import TensorFile, write_tensors
from archsim.formats.tensor_record import from_array
from sdalgo.workload import Arrays


def write(stem: Path, arrays: Arrays, profile: dict[str, Any]) -> None:
    """Write a part; InputError where that is impossible."""
    tensors, about = _files(stem)
    for path in (tensors, about):
        make_way(path)
    write_tensors(tensors, {key: from_array(array) for key, array in arrays.items()})
    write_atomically(about, sealed({"tensors": _digest(tensors), "profile": profile}))


def read(stem: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and the profile of a part; None where there is none, and after a note where it is
    damaged."""
    tensors, about = _files(stem)
    if not (os.path.lexists(tensors) and os.path.lexists(about)):
        return None
    try:
        found = read_json(about)
        if not isinstance(found, dict) or "profile" not in found:
            raise InputError.at(about, "is no profile of a layer")
        check_seal(about, found)
        if _digest(tensors) != found.get("tensors"):
            raise InputError.at(tensors, "was changed after it was written")
        file = TensorFile(tensors)
        return {key: file.read(key) for key in file.entries}, found["profile"]
    except InputError as error:
        console.note(f"{error}; the layer is made again")
        return None


def _digest(path: Path) -> str:
    # Not by TensorFile: a file that it has opened may not be written over, as a damaged one is.
    try:
        with open_regular(path) as file:
            return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error


def _files(stem: Path) -> tuple[Path, Path]:
    return stem.with_suffix(".safetensors"), stem.with_suffix(".json")
