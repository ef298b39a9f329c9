"""Data sets from files that are already there; nothing is downloaded (docs/training.md).

`idx`: MNIST's format, which Fashion-MNIST shares, plain or gzipped. `cifar10`, `cifar100`: the
binary versions. `text`: any text file, or a folder of them, as windows of characters.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdalgo.errors import InputError
from sdalgo.training.samples import Samples

Bytes = NDArray[np.uint8]
Read = Callable[[Path, int], tuple[Samples, Samples]]
_IDX_UINT8 = 8
_PLANE = 32 * 32


def read_idx(path: Path) -> Bytes:
    """Read an idx file of unsigned bytes, (N, ...); `path` may carry the ending .gz.

    Raises:
        InputError: it is missing, not such a file, or not whole.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _IDX_UINT8:
        raise InputError(str(path), "not an idx file of unsigned bytes")
    axes = content[3]
    start = 4 + 4 * axes
    sizes = (content[at : at + 4] for at in range(4, start, 4))
    shape = tuple(int.from_bytes(size, "big") for size in sizes)
    if len(content) < start or int(np.prod(shape, dtype=np.int64)) != len(content) - start:
        raise InputError(str(path), f"{len(content) - start} bytes do not fill shape {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def write_idx(path: Path, values: Bytes) -> None:
    """Write unsigned bytes as an idx file."""
    header = bytes([0, 0, _IDX_UINT8, values.ndim])
    header += b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(header + values.tobytes())


def images(inputs: Bytes, labels: Bytes, scale: tuple[float, float], classes: int) -> Samples:
    """Return images as samples: pixels less the mean, over the deviation.

    Args:
        inputs: (N, C, H, W).
        scale: (mean, deviation) of the training pixels.
    """
    mean, deviation = scale

    def prepare(stored: Tensor) -> Tensor:
        return (stored.to(torch.float32) - mean) / deviation

    found = torch.from_numpy(labels.astype(np.int64))
    return Samples(
        inputs=torch.from_numpy(inputs.copy()), labels=found, prepare=prepare, classes=classes
    )


def idx_folder(folder: Path, size: int) -> tuple[Samples, Samples]:
    """Read the four files of MNIST or Fashion-MNIST; other sizes than theirs are zero-padded."""
    parts = []
    for part in ("train", "t10k"):
        pictures = read_idx(_either(folder, f"{part}-images-idx3-ubyte"))
        labels = read_idx(_either(folder, f"{part}-labels-idx1-ubyte"))
        if pictures.ndim != 3 or labels.shape != pictures.shape[:1]:
            raise InputError(str(folder), f"{part}: images {pictures.shape}, labels {labels.shape}")
        parts.append((_padded(pictures[:, None], size), labels))
    return _pair(parts, int(parts[0][1].max()) + 1)


def cifar(files: tuple[str, ...], test: str, label_bytes: int, classes: int) -> Read:
    """Return the reader of a binary CIFAR: records of labels, the last one used, and 3x32x32."""

    def read(folder: Path, size: int) -> tuple[Samples, Samples]:
        parts = []
        for names in (files, (test,)):
            content = b"".join(_content(folder / name) for name in names)
            record = label_bytes + 3 * _PLANE
            if len(content) % record:
                raise InputError(str(folder), f"{len(content)} bytes are no whole records")
            records = np.frombuffer(content, np.uint8).reshape(-1, record)
            pictures = records[:, label_bytes:].reshape(-1, 3, 32, 32)
            parts.append((_padded(pictures, size), records[:, label_bytes - 1]))
        return _pair(parts, classes)

    return read


def text_windows(path: Path, size: int) -> tuple[Samples, Samples]:
    """Read text as windows of `size` characters; the label is the character after each.

    The 49 commonest characters keep their own number and the others share the last one. The last
    tenth of the text is for testing.
    """
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    text = "\n".join(_content(file).decode("utf-8", errors="replace") for file in files)
    common = sorted(Counter(text).items(), key=lambda pair: (-pair[1], pair[0]))[:49]
    number = {character: i for i, (character, _) in enumerate(common)}
    codes = np.array([number.get(character, 49) for character in text], np.uint8)
    windows = (len(codes) - 1) // size
    if windows < 20:
        raise InputError(str(path), f"{len(codes)} characters are fewer than 20 windows of {size}")
    inputs = codes[: windows * size].reshape(windows, size)
    labels = codes[1 : windows * size + 1].reshape(windows, size)
    cut = windows - windows // 10
    train, test = (_text(inputs[part], labels[part]) for part in (slice(cut), slice(cut, None)))
    return train, test


READERS: dict[str, Read] = {
    "idx": idx_folder,
    "cifar10": cifar(tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", 1, 10),
    "cifar100": cifar(("train.bin",), "test.bin", 2, 100),
    "text": text_windows,
}


def _text(inputs: Bytes, labels: Bytes) -> Samples:
    def prepare(stored: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(stored.long(), 50).to(torch.float32)

    return Samples(
        inputs=torch.from_numpy(inputs.copy()),
        labels=torch.from_numpy(labels.astype(np.int64)),
        prepare=prepare,
        classes=50,
    )


def _pair(parts: list[tuple[Bytes, Bytes]], classes: int) -> tuple[Samples, Samples]:
    pixels = parts[0][0]
    scale = (float(pixels.mean()), max(float(pixels.std()), 1.0))
    train, test = (images(*part, scale, classes) for part in parts)
    return train, test


def _padded(pictures: Bytes, size: int) -> Bytes:
    height, width = pictures.shape[2:]
    if max(height, width) > size:
        raise InputError("data", f"images of {height}x{width} do not fit the network's {size}")
    top, left = (size - height) // 2, (size - width) // 2
    edges = ((top, size - height - top), (left, size - width - left))
    return np.pad(pictures, ((0, 0), (0, 0), *edges))


def _either(folder: Path, name: str) -> Path:
    plain = folder / name
    return plain if plain.exists() else folder / f"{name}.gz"


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged gzip"
        raise InputError(str(path), f"cannot be read: {reason}") from error
