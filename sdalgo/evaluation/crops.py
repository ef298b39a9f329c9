"""Square crops of photographs, drawn by a seed, as an ImageNet network takes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdalgo.evaluation.photographs import BACKGROUNDS, SEED, Photograph
from sdalgo.photos import IMAGENET, Pixels, normalised
from sdalgo.pow2 import Float32

_LEAST = 0.35  # of the short side; sides are drawn evenly in their logarithm
CONFIDENT = 0.45
"""Top-1 probability in the original network above which a crop is kept for evaluation: what a
network sees nothing in, it answers by chance."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of a photograph: left, top and side in its pixels."""

    photograph: Photograph
    left: int
    top: int
    side: int


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Images as the network takes them, (N, 3, size, size), and where each is from."""

    images: Float32
    crops: tuple[Crop, ...]

    @property
    def groups(self) -> NDArray[np.int64]:
        """The number of each image's photograph, (N,)."""
        return np.array([crop.photograph.number for crop in self.crops], np.int64)

    def chosen(self, which: NDArray[np.bool_]) -> "Crops":
        """Return those that a mask names."""
        kept = tuple(crop for crop, keep in zip(self.crops, which, strict=True) if keep)
        return Crops(images=self.images[which], crops=kept)


def draw(photograph: Photograph, shape: tuple[int, int], count: int) -> list[Crop]:
    """Draw `count` crops of a photograph of `shape` (H, W)."""
    generator = np.random.default_rng([SEED, photograph.number])
    short = min(shape)
    found = []
    for _ in range(count):
        side = int(short * _LEAST ** generator.random())
        top, left = (int(generator.integers(0, extent - side + 1)) for extent in shape)
        found.append(Crop(photograph=photograph, left=left, top=top, side=side))
    return found


def cut(
    photographs: Iterable[Photograph],
    count: int,
    size: int = 224,
    pixels: Pixels = IMAGENET,
    folder: Path = BACKGROUNDS,
) -> Crops:
    """Cut `count` crops from each photograph, resized and normalised.

    Raises:
        InputError: a photograph is not there.
    """
    from PIL import Image

    images, crops = [], []
    for photograph in photographs:
        held = photograph.pixels(folder)
        for crop in draw(photograph, held.shape[:2], count):
            part = held[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side]
            square = Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR)
            images.append(normalised(np.asarray(square), pixels))
            crops.append(crop)
    return Crops(images=np.stack(images), crops=tuple(crops))
