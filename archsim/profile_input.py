"""Activations from a profile: one Gaussian field a channel, turned into values class by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.profile_models import LETTERS, InputClass, InputProfile, Ranges
from archsim.profile_values import Z_LIMIT, Z_STEPS, magnitudes, value_table

Floats = NDArray[np.float32]


def draw_input(
    profile: InputProfile, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.generic]:
    """Activations of `shape`: (C, H, W), (positions, C), or (C,), which is drawn as one row of C pixels.

    Raises:
        ValueError: the profile describes another number of channels.
    """
    rows, columns, channels = _plane(shape)
    if channels != profile.channels:
        raise ValueError(f"describes {profile.channels} channels, and the layer has {channels}")
    latent = _latent(profile, (rows, columns, channels), rng)
    values = _values(profile, latent, _class_of_channel(profile, rng))
    if len(shape) == 3:
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values.reshape(shape))


def _plane(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) == 3:
        return shape[1], shape[2], shape[0]
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    return 1, shape[0], 1


def _class_of_channel(profile: InputProfile, rng: np.random.Generator) -> NDArray[np.int64]:
    if profile.order is not None:
        return np.array([LETTERS.index(letter) for letter in profile.order])
    members = [c.channels for c in profile.classes]
    return rng.permutation(np.repeat(np.arange(len(members)), members))


def _latent(profile: InputProfile, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    """Standard normal (rows, columns, channels): channel offsets, two fields and white noise."""
    parts = (profile.offset, profile.shared.share, profile.local.share)
    white = max(0.0, 1.0 - sum(parts))
    latent = rng.standard_normal(shape, dtype=np.float32)
    if profile.local.share:
        _correlate(latent, profile.local)
        latent *= np.float32(profile.local.share**0.5)
        if white:
            noise = rng.standard_normal(shape, dtype=np.float32)
            noise *= np.float32(white**0.5)
            latent += noise
    else:
        latent *= np.float32(white**0.5)
    if profile.shared.share:
        field = rng.standard_normal((*shape[:2], 1), dtype=np.float32)
        _correlate(field, profile.shared)
        latent += np.float32(profile.shared.share**0.5) * field
    if profile.offset:
        latent += np.float32(profile.offset**0.5) * rng.standard_normal(shape[2], dtype=np.float32)
    return latent


def _correlate(noise: Floats, ranges: Ranges) -> None:
    """Turn white noise into a first-order autoregressive field, in place, variance unchanged."""
    for lines, decay in ((noise, ranges.y), (noise.swapaxes(0, 1), ranges.x)):
        if not decay:
            continue
        lines[1:] *= np.float32((1.0 - decay * decay) ** 0.5)
        for i in range(1, len(lines)):
            lines[i] += np.float32(decay) * lines[i - 1]


def _values(
    profile: InputProfile, latent: Floats, class_of_channel: NDArray[np.int64]
) -> NDArray[np.generic]:
    dtype = np.dtype(profile.dtype)
    tables = np.stack([_table(members, dtype) for members in profile.classes]).astype(dtype)
    latent *= np.float32(Z_STEPS / (2 * Z_LIMIT))
    latent += np.float32(Z_STEPS / 2)
    np.clip(latent, 0, Z_STEPS - 1, out=latent)
    places = latent.astype(np.int32)
    places += (class_of_channel * Z_STEPS).astype(np.int32)
    return tables.reshape(-1)[places]


def _table(members: InputClass, dtype: np.dtype[np.generic]) -> NDArray[np.int64]:
    least, most = (-128, 127) if dtype == np.int8 else (0, 255)
    values = np.arange(least, most + 1)
    frequencies = np.zeros(len(values))
    positive = magnitudes(members.values, most)
    negative = magnitudes(members.negative, -least)
    total = positive.sum() + negative.sum()
    if total:
        frequencies[-least + 1 :] = positive / total * (1 - members.zero)
        frequencies[:-least] = negative[::-1] / total * (1 - members.zero)
    frequencies[-least] = members.zero
    return value_table(frequencies, values)
