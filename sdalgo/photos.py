"""Photographs that scikit-image ships, prepared as an ImageNet network wants them.

Short side to 256/224 of the wanted size, centre crop, ImageNet mean and deviation: the usual
evaluation transform. All are public domain or CC0 but `motorcycle` (Middlebury stereo set).
"""

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError

NAMES = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle", "hubble_deep_field")
LICENCE = "photographs of scikit-image: public domain, CC0, and the Middlebury stereo set"
Pixels = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of a channel, of 0..1
IMAGENET: Pixels = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Caffe's networks: 0..255 less the mean, and blue first (`batch(...)[:, ::-1]`).
CAFFE: Pixels = ((123 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3)


def photo(name: str) -> NDArray[np.uint8]:
    """Return one photograph, (H, W, 3)."""
    try:
        from skimage import data
    except ImportError as error:
        raise InputError.at(
            "scikit-image", "not installed: pip install 'archsim[sdalgo]'"
        ) from error
    image = getattr(data, name)()
    return np.asarray(image[0] if isinstance(image, tuple) else image)


def prepared(
    image: NDArray[np.uint8], size: tuple[int, int], pixels: Pixels = IMAGENET
) -> NDArray[np.float32]:
    """Return (3, H, W), resized, cropped and normalised."""
    from PIL import Image

    height, width = image.shape[:2]
    side = round(max(size) * 256 / 224)
    scale = side / min(height, width)
    shape = (max(side, round(width * scale)), max(side, round(height * scale)))
    resized = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR))
    top, left = (resized.shape[0] - size[0]) // 2, (resized.shape[1] - size[1]) // 2
    return normalised(resized[top : top + size[0], left : left + size[1]], pixels)


def normalised(image: NDArray[np.uint8], pixels: Pixels = IMAGENET) -> NDArray[np.float32]:
    """Return an image (H, W, 3) as (3, H, W), less the mean and by the deviation."""
    mean, deviation = (np.array(part, np.float32) for part in pixels)
    normal = ((image.astype(np.float32) / 255 - mean) / deviation).transpose(2, 0, 1)
    return np.ascontiguousarray(normal, dtype=np.float32)


def batch(
    shape: tuple[int, int, int], count: int = len(NAMES), pixels: Pixels = IMAGENET
) -> NDArray[np.float32]:
    """Return the first `count` photographs as (N, C, H, W); one channel is their grey value."""
    images = np.stack([prepared(photo(name), shape[1:], pixels) for name in NAMES[:count]])
    if shape[0] == 1:
        return np.asarray(images.mean(axis=1, keepdims=True), dtype=np.float32)
    if shape[0] != 3:
        raise InputError.at(
            "photos", f"a network of {shape[0]} input channels takes no photographs"
        )
    return images
