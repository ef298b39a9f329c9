"""Inputs of a network that a user names: one number for all of it, or arrays of an .npz file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats import unpacked
from archsim.formats.errors import InputError
from archsim.formats.regular import open_input

OPTION = "--input"


def given_values(words: list[str]) -> dict[str, NDArray[Any]]:
    """Return inputs by name from `NAME=NUMBER` and names of .npz files.

    Raises:
        InputError: a word is neither, or a file is no .npz file of numbers.
    """
    found: dict[str, NDArray[Any]] = {}
    for word in words:
        name, equals, number = word.rpartition("=")
        if word.endswith(".npz"):
            found |= _arrays(Path(word))
        elif equals and name:
            found[name] = np.asarray(_number(word, number))
        else:
            raise InputError.at(OPTION, f"{word!r:.100} is neither NAME=NUMBER nor an .npz file")
    return found


def _number(word: str, text: str) -> int | float:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if not np.isfinite(value):
            break
        return value
    raise InputError.at(OPTION, f"{word!r:.100}: {text!r:.40} is no finite number")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file, their sizes counted before they are read; pickles are refused."""
    try:
        open_input(path).close()
        stored = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            nbytes = sum(entry.file_size for entry in archive.infolist())
        unpacked.check(nbytes, stored, path)
        with np.load(path, allow_pickle=False) as file:
            return {name: _checked(path, name, file[name]) for name in file.files}
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile, KeyError, EOFError) as error:
        raise InputError.at(path, f"is no .npz file of numbers: {error!s:.100}") from error


def _checked(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "fiub":
        raise InputError.at(path, f"{name!r:.60} is of type {array.dtype}, which is no number")
    return array
