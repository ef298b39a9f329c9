"""Activations from a profile: one Gaussian field a channel, turned into values class by class."""

from functools import lru_cache
from math import fsum

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS, Field, InputClass, InputProfile, ScaleField
from archsim.formats.profile_values import Z_LIMIT, Z_STEPS, magnitudes, step_shares, value_table

Floats = NDArray[np.float32]
# A field is held over blocks of this many pixels where its neighbours correlate at least this much.
COARSE = 4
SLOW = 0.8
LARGEST_HELD = 0.6


def draw_input(
    profile: InputProfile, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.generic]:
    """Activations of `shape`: (C, H, W), (positions, C), or (C,), drawn as one row of C pixels.

    Raises:
        ValueError: the profile describes another number of channels.
    """
    rows, columns, channels = _plane(shape)
    if channels != profile.channels:
        raise ValueError(f"describes {profile.channels} channels, and the layer has {channels}")
    classes = _class_of_channel(profile, rng)
    latent = _latent(profile, (rows, columns, channels), rng)
    mean, spread = _class_moments(latent, classes)
    tables = _tables(profile).reshape(-1)
    # One affine step takes the latent to the steps of its class's table.
    steps = np.float32(Z_STEPS / (2 * Z_LIMIT))
    factor = steps * _scales(profile.scale, (rows, columns), rng)
    values = np.empty(latent.shape, dtype=tables.dtype)
    first_step = (classes * Z_STEPS).astype(np.int32)
    for row in range(rows):
        line = latent[row]
        line -= mean
        line /= spread
        line *= factor[row]
        line += np.float32(Z_STEPS / 2)
        np.maximum(line, 0, out=line)
        np.minimum(line, Z_STEPS - 1, out=line)
        values[row] = tables[line.astype(np.int32) + first_step]
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
    """The latent (rows, columns, channels): own fields, the shared one, and white noise."""
    shared = profile.shared
    white = max(0.0, 1.0 - shared.share - fsum(field.share for field in profile.local))
    latent = rng.standard_normal(shape, dtype=np.float32)
    latent *= np.float32(white**0.5)
    for local in profile.local:
        if local.share:
            _add_field(latent, local, rng)
    if shared.share:
        field = rng.standard_normal((*shape[:2], 1), dtype=np.float32)
        _correlate(field, shared.x, shared.y)
        latent += np.float32(shared.share**0.5) * _shaped(field, shared.levels)
    return latent


def _add_field(latent: Floats, field: Field, rng: np.random.Generator) -> None:
    """Add an autoregressive field to each channel, in place.

    One that changes slowly is drawn at every COARSE-th pixel and held between, which keeps its
    correlations (to 0.02 for decays of SLOW and more) at a sixteenth of the random numbers. Where
    the blocks begin is random, so that they do not meet a machine's tiles. A field that is most of
    the latent is drawn in full: neighbours in a block would be equal, not just alike.
    """
    rows, columns, channels = latent.shape
    held = field.share <= LARGEST_HELD
    down = COARSE if held and field.y >= SLOW and rows >= 4 * COARSE else 1
    across = COARSE if held and field.x >= SLOW and columns >= 4 * COARSE else 1
    first_row, first_column = int(rng.integers(down)), int(rng.integers(across))
    shape = (-(-(rows + down - 1) // down), -(-(columns + across - 1) // across), channels)
    drawn = rng.standard_normal(shape, dtype=np.float32)
    _correlate(drawn, field.x**across, field.y**down)
    drawn *= np.float32(field.share**0.5)
    if down == across == 1:
        latent += drawn
        return
    for row in range(rows):
        line = drawn[(row + first_row) // down]
        latent[row] += np.repeat(line, across, axis=0)[first_column : first_column + columns]


def _correlate(noise: Floats, x: float, y: float) -> None:
    """Turn white noise into a first-order autoregressive field, in place, variance unchanged."""
    for lines, decay in ((noise, y), (noise.swapaxes(0, 1), x)):
        if not decay:
            continue
        lines[1:] *= np.float32((1.0 - decay * decay) ** 0.5)
        for i in range(1, len(lines)):
            lines[i] += np.float32(decay) * lines[i - 1]


def _shaped(field: Floats, levels: tuple[float, ...]) -> Floats:
    """The field with its ranks kept and its values as in `levels`, mean 0 and variance 1.

    It is the plane that has these moments, not the random process: the shares of zeros are those of
    this layer, not of an image that happened to be dark.
    """
    if field.size < 2:
        return field * 0
    shaped: Floats = field
    if levels:
        places = np.empty(field.size)
        places[field.reshape(-1).argsort()] = (np.arange(field.size) + 0.5) / field.size
        ranks = np.linspace(0, 1, len(levels))
        shaped = np.interp(places, ranks, levels).reshape(field.shape).astype(np.float32)
    return np.asarray((shaped - shaped.mean()) / shaped.std(), dtype=np.float32)


def _class_moments(latent: Floats, classes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(C,) mean and deviation over each channel's class, by which its latent is standardised.

    A field that changes slowly has few independent values on a plane, so that chance alone would
    move the shares of a small class by several per cent.
    """
    flat = latent.reshape(-1, latent.shape[2])
    mean, square = flat.mean(axis=0), np.einsum("pc,pc->c", flat, flat) / np.float32(len(flat))
    members = np.bincount(classes)
    found = np.bincount(classes, mean) / members
    spread = np.sqrt(np.maximum(np.bincount(classes, square) / members - found**2, 1e-12))
    lone = members * len(flat) == 1
    found[lone], spread[lone] = 0, 1
    return found[classes].astype(np.float32), spread[classes].astype(np.float32)


def _scales(scale: ScaleField, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """(rows, columns, 1) positive field by which the latents of all channels are multiplied."""
    if not scale.spread:
        return np.ones((*shape, 1), dtype=np.float32)
    field = rng.standard_normal((*shape, 1), dtype=np.float32)
    _correlate(field, scale.x, scale.y)
    logarithm = scale.spread * _shaped(field, ()) - scale.spread**2
    return np.asarray(np.exp(logarithm), dtype=np.float32)


def _tables(profile: InputProfile) -> NDArray[np.generic]:
    """(classes, Z_STEPS) value at each step of the latent."""
    dtype = np.dtype(profile.dtype)
    spread = profile.scale.spread
    return np.stack([_table(members, dtype, spread) for members in profile.classes]).astype(dtype)


@lru_cache(maxsize=256)
def _table(members: InputClass, dtype: np.dtype[np.generic], spread: float) -> NDArray[np.int64]:
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
    return value_table(frequencies, values, step_shares(spread))
