"""Labelled images of 32x32 in one .npz file, each stored as a JPEG.

The arrays are `train_jpeg` and `test_jpeg`, the bytes of all files in a row; `train_ends` and
`test_ends`, where each one ends; `train_labels` and `test_labels`. Nothing that a file holds is
run, and nothing is made that is larger than what the file may become.
"""

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats import unpacked
from archsim.formats.errors import InputError
from archsim.formats.regular import open_input

Bytes = NDArray[np.uint8]
SIDE = 32
_KINDS = {"jpeg": "u", "ends": "iu", "labels": "iu"}
"""Kinds of numbers, as numpy calls them, that an array may hold."""
_DAMAGE = (
    zipfile.BadZipFile, OSError, EOFError, zlib.error, struct.error, RuntimeError, KeyError,
    ValueError,
)  # fmt: skip
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def jpeg_archive(path: Path) -> list[tuple[Bytes, Bytes]]:
    """Return (images (N, 3, 32, 32), labels (N,)) of the training and of the test part.

    Raises:
        InputError: the file cannot be read, or is not such an archive; it names the array.
    """
    try:
        with open_input(path) as file, zipfile.ZipFile(file) as archive:
            stored = file.seek(0, 2)
            unpacked.check(sum(each.file_size for each in archive.infolist()), stored, path)
            return [_part(archive, part, path) for part in ("train", "test")]
    except _DAMAGE as error:
        raise InputError.at(path, f"cannot be read as an .npz file: {error!s:.200}") from error


def _part(archive: zipfile.ZipFile, part: str, path: Path) -> tuple[Bytes, Bytes]:
    names = {what: f"{part}_{what}" for what in _KINDS}
    there = {name.removesuffix(".npy") for name in archive.namelist()}
    if missing := sorted(set(names.values()) - there):
        raise InputError.at(path, f"has no array {', '.join(missing)}; it has "
                                  f"{', '.join(sorted(there)[:8]) or 'none'}")  # fmt: skip
    jpeg, ends, labels = (_array(archive, names[what], kinds, path)
                          for what, kinds in _KINDS.items())  # fmt: skip
    if jpeg.dtype != np.uint8:
        raise InputError.at(f"{path}: {part}_jpeg", f"holds {jpeg.dtype}, not bytes")
    count = len(ends)
    if len(labels) != count:
        raise InputError.at(path, f"{part}: {count} images and {len(labels)} labels")
    if count and not 0 <= labels.min() <= labels.max() <= 255:
        raise InputError.at(f"{path}: {part}_labels", "holds numbers that are not 0 .. 255")
    starts = [0, *ends[:-1].tolist()]
    if count and (starts > ends).any() | (int(ends[-1]) != len(jpeg)):
        raise InputError.at(
            f"{path}: {part}_ends", f"does not rise to the {len(jpeg)} bytes of {part}_jpeg"
        )
    unpacked.check(count * 3 * SIDE * SIDE, len(jpeg), path)
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    for index, (start, end) in enumerate(zip(starts, ends.tolist(), strict=True)):
        place = f"{path}: {part}_jpeg, image {index}"
        images[index] = _decoded(jpeg[start:end].tobytes(), place).transpose(2, 0, 1)
    return images, labels.astype(np.uint8)


def _array(archive: zipfile.ZipFile, name: str, kinds: str, path: Path) -> NDArray[Any]:
    """One array of whole numbers in a row; pickled ones are refused by their header."""
    place = f"{path}: {name}"
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        shape, dtype = _header(file, place)
        if dtype.hasobject or dtype.kind not in kinds:
            raise InputError.at(place, f"holds {dtype}, not whole numbers")
        if len(shape) != 1:
            raise InputError.at(place, f"has shape {shape}, and one axis is needed")
        rest = info.file_size - file.tell()
        if shape[0] * dtype.itemsize != rest:
            raise InputError.at(place, f"{rest} bytes do not fill {shape[0]} numbers of {dtype}")
        found = file.read(rest)
    if len(found) != rest:
        raise InputError.at(place, f"ends after {len(found)} of {rest} bytes")
    return np.frombuffer(found, dtype)


def _header(file: IO[bytes], place: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of the format")
        shape, _, dtype = _HEADERS[version](file)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError.at(place, f"not an array of numpy: {error!s:.200}") from error
    return shape, dtype


def _decoded(content: bytes, place: str) -> Bytes:
    """(32, 32, 3); the size is looked at before any pixel is made."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            if image.size != (SIDE, SIDE):
                width, height = image.size
                raise InputError.at(place, f"is {height}x{width} pixels, not {SIDE}x{SIDE}")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError.at(place, "cannot be read as a JPEG") from error
