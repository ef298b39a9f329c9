"""What a file is that is not what its reader wanted, from its content."""

from __future__ import annotations

import zipfile
from pathlib import Path

from archsim.formats.regular import open_input

_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer (`git lfs pull` brings the file)"),
    (b"\x93NUMPY", "a numpy .npy file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GGUF", "a GGUF file"),
    (b"ggjt", "a GGML file"),
    (b"\x1f\x8b", "a gzip archive (unpack it first)"),
    (b"BZh", "a bzip2 archive (unpack it first)"),
    (b"\xfd7zXZ", "an xz archive (unpack it first)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it first)"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive (unpack it first)"),
    (b"SDALGO\x00", "a file of `sdalgo decompose` (`sdalgo decode` gives its weights)"),
)
_TEXTS = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML file"),
    (b"{", "a JSON file"),
    (b"[", "a JSON file"),
)
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_TORCH = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""The number with which torch.save began before it wrote zip archives, as a pickle holds it."""
_TAR = slice(257, 262)

TORCH = "a torch checkpoint"
"""What `kind_of` calls a file that torch.save wrote."""


def kind_of(path: Path) -> str | None:
    """Say what a file is, with its article; None where nothing known is recognised.

    Raises:
        OSError: it cannot be read.
    """
    with open_input(path) as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        return _zip(path)
    if start.startswith(_PICKLES):
        return TORCH if start[2:14] == _TORCH else "a Python pickle"
    if start[_TAR] == b"ustar":
        return "a tar archive (unpack it first)"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    starts = [(start, _STARTS), (text, _TEXTS)]
    return next((n for head, known in starts for m, n in known if head.startswith(m)), None)


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged zip archive"
    if any(name.endswith("/constants.pkl") for name in names):
        return "a TorchScript program"
    if any(name.endswith("/data.pkl") for name in names):
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        return "a numpy .npz file"
    return "a zip archive, as torch.save and numpy.savez write"
