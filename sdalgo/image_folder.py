"""Images sorted into one folder a class, as ImageNet and many others are kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.regular import open_input
from sdalgo.photos import prepared

ENDINGS = (".jpeg", ".jpg", ".png", ".bmp", ".ppm", ".webp")


@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """Paths and labels; images are read when they are asked for.

    Attributes:
        classes: folder names in order; a label is a place in it.
    """

    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def batches(
        self, size: tuple[int, int], count: int
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield (images (N, 3, H, W), labels) with the evaluation transform, `count` at a time."""
        for start in range(0, len(self), count):
            part = slice(start, start + count)
            images = [prepared(read_rgb(path), size) for path in self.paths[part]]
            yield np.stack(images), np.array(self.labels[part], np.int64)


def image_folder(root: Path) -> ImageFolder:
    """List FOLDER/CLASS/IMAGE.

    Raises:
        InputError: the folder is missing or holds no image in a class folder.
    """
    if not root.is_dir():
        raise InputError.at(root, "no such folder")
    found = [
        path
        for folder in sorted(p for p in root.iterdir() if p.is_dir())
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
    ]
    if not found:
        raise InputError.at(root, f"holds no images in class folders ({', '.join(ENDINGS)})")
    classes = tuple(sorted({path.relative_to(root).parts[0] for path in found}))
    labels = tuple(classes.index(path.relative_to(root).parts[0]) for path in found)
    return ImageFolder(classes=classes, paths=tuple(found), labels=labels)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read one image as (H, W, 3)."""
    from PIL import Image

    try:
        with open_input(path) as file, Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError.at(path, "cannot be read as an image") from error
