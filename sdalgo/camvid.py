"""CamVid road scenes with 11 classes, and mean intersection over union (paper VI-B).

The layout is the one usual for segmentation: train/, val/ and test/ with images, and trainannot/
and so on with label images of the same names, whose pixels are class numbers; 11 is unlabelled.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.regular import open_input
from sdalgo.image_folder import ENDINGS, read_rgb

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian",
    "cyclist",
)  # fmt: skip
UNLABELLED = 11


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Pairs of an image and its labels."""

    images: tuple[Path, ...]
    labels: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return (image (H, W, 3), labels (H, W)).

        Raises:
            InputError: a file is no image, the sizes differ, or a label is above 11.
        """
        from PIL import Image

        image = read_rgb(self.images[index])
        try:
            with open_input(self.labels[index]) as file, Image.open(file) as picture:
                labels = np.asarray(picture)
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError.at(self.labels[index], "cannot be read as an image") from error
        if labels.shape != image.shape[:2]:
            raise InputError.at(self.labels[index], f"{labels.shape} for {image.shape[:2]}")
        if labels.max(initial=0) > UNLABELLED:
            raise InputError.at(self.labels[index], f"a label is above {UNLABELLED}")
        return image, labels.astype(np.uint8)


def camvid(root: Path, split: str = "val") -> Scenes:
    """List one split.

    Raises:
        InputError: a folder is missing, or an image has no labels.
    """
    folder, annotated = root / split, root / f"{split}annot"
    for place in (folder, annotated):
        if not place.is_dir():
            raise InputError.at(place, "no such folder; train, val and test are usual")
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    if not images:
        raise InputError.at(folder, "holds no images")
    labels = [annotated / f"{path.stem}.png" for path in images]
    for path in labels:
        if not path.is_file():
            raise InputError.at(path, "missing: every image needs labels of its name")
    return Scenes(images=tuple(images), labels=tuple(labels))


def confusion(
    truth: NDArray[np.integer], guess: NDArray[np.integer], classes: int = len(CLASSES)
) -> NDArray[np.int64]:
    """Return counts (truth, guess), (classes, classes); unlabelled pixels are left out."""
    known = truth < classes
    if guess.size and (guess.min() < 0 or guess.max() >= classes):
        raise InputError.at("guess", f"a class outside 0..{classes - 1}")
    pairs = truth[known].astype(np.int64) * classes + guess[known]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def mean_iou(counts: NDArray[np.int64]) -> float:
    """Return the mean over the classes that occur of hits / (truth + guess - hits)."""
    hits = np.diagonal(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - hits
    present = union > 0
    return float((hits[present] / union[present]).mean()) if present.any() else 0.0
