"""Activations from a profile: one Gaussian field a channel, turned into values class by class."""

from collections.abc import Iterator
from functools import lru_cache
from math import fsum

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS, InputClass, InputProfile, ScaleField
from archsim.formats.profile_values import Z_LIMIT, Z_STEPS, magnitudes, step_shares, value_table
from archsim.formats.widths import DEFAULT_BITS, bounds_of, storage_bits
from archsim.workload.profile_noise import Floats, LocalField, Noise, Plane, correlated
from archsim.workload.random_stream import loops_for

MAX_HELD = 1 << 24
"""Values of a latent that is held whole; a larger one would take several times its memory."""
BLOCK = 1 << 22
"""Values of a block of one that is not."""
LOOKED_UP = 1 << 13
"""Values that are looked up at a time, so that they stay in a cache."""
TABLES_KEPT = 2048
"""Tables of values, a few KB each, that the next machine or point of a sweep finds: more than the
classes of a network."""
RANKS = 1 << 20
"""Pixels that get their levels at a time."""


def draw_input(
    profile: InputProfile,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    bits: int = DEFAULT_BITS,
) -> NDArray[np.generic]:
    """Activations of `shape`: (C, H, W), (positions, C), or (C,), drawn as one row of C pixels, of
    so many bits at most.

    Raises:
        ValueError: the profile describes another number of channels, or wider values.
    """
    rows, columns, channels = _plane(shape)
    if channels != profile.channels:
        raise ValueError(f"describes {profile.channels} channels, and the layer has {channels}")
    classes = _class_of_channel(profile, rng)
    latent = Latent(profile, (rows, columns, channels), rng)
    mean, spread = _class_moments(latent, classes)
    tables = _tables(profile, bits)
    # One affine step takes the latent to the steps of its class's table.
    steps = np.float32(Z_STEPS / (2 * Z_LIMIT))
    factor = _scales(profile.scale, (rows, columns), steps, rng)
    first_step = (classes * Z_STEPS).astype(np.int32)
    values = np.empty(shape, dtype=tables.dtype)
    pixels = values.transpose(1, 2, 0) if len(shape) == 3 else values.reshape(rows, columns, -1)
    row = 0
    step = max(1, LOOKED_UP // (columns * channels))
    loops = loops_for(values.size) if len(shape) == 3 else None
    for block in latent.blocks():
        if loops:
            own, of_rows = (mean, spread, first_step), (factor[..., 0], row)
            loops.stepped(block, own, of_rows, (tables, np.float32(Z_STEPS)), values)
            row += len(block)
            continue
        drawn = np.empty(block.shape, dtype=tables.dtype)
        for first in range(0, len(block), step):
            lines, scale = block[first : first + step], factor[row + first :][:step]
            places = _places(lines, (mean, spread), scale[: len(lines)])
            places += first_step
            tables.take(places, out=drawn[first : first + step], mode="clip")
        pixels[row : row + len(block)] = drawn
        row += len(block)
    return values


def _places(lines: Floats, moments: tuple[Floats, Floats], scale: Floats) -> NDArray[np.int32]:
    """Steps of a table for rows of the latent, which are standardised in place."""
    lines -= moments[0]
    lines /= moments[1]
    lines *= scale
    lines += np.float32(Z_STEPS / 2)
    np.clip(lines, 0, Z_STEPS - 1, out=lines)
    return lines.astype(np.int32)


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
    return rng.permutation(np.arange(len(members)).repeat(members))


class Latent:
    """The latent (rows, columns, channels): own fields, the shared one, and white noise."""

    def __init__(self, profile: InputProfile, shape: Plane, rng: np.random.Generator) -> None:
        self.shape = rows, columns, channels = shape
        # Numpy adds up a lone channel in another order than rows of several.
        whole = channels == 1 or rows * columns * channels <= MAX_HELD
        step = None if whole else max(1, BLOCK // (columns * channels))
        shared = profile.shared
        white = max(0.0, 1.0 - shared.share - fsum(field.share for field in profile.local))
        self._white = np.float32(white**0.5)
        self._noise = Noise(shape, step, rng)
        self._local = [LocalField(one, shape, step, rng) for one in profile.local if one.share]
        self._shared: Floats | None = None
        if shared.share:
            field = rng.standard_normal((rows, columns, 1), dtype=np.float32)
            self._shared = _shaped(
                next(correlated(iter((field,)), shared.x, shared.y)), shared.levels
            )
            self._shared *= np.float32(shared.share**0.5)
        self._held = next(self._made()) if step is None else None

    def blocks(self) -> Iterator[Floats]:
        """Blocks of rows from the first on; a latent that is held is one, and the caller's to
        change."""
        return self._made() if self._held is None else iter((self._held,))

    def _made(self) -> Iterator[Floats]:
        blocks: Iterator[Floats] = (self._scaled(block) for block in self._noise.blocks())
        for local in self._local:
            blocks = local.add_to(blocks)
        row = 0
        for block in blocks:
            if self._shared is not None:
                np.add(block, self._shared[row : row + len(block)], out=block)
                row += len(block)
            yield block

    def _scaled(self, noise: Floats) -> Floats:
        noise *= self._white
        return noise


def _shaped(field: Floats, levels: tuple[float, ...]) -> Floats:
    """The field with its ranks kept and its values as in `levels`, mean 0 and variance 1, in place.

    It is the plane that has these moments, not the random process: the shares of zeros are those of
    this layer, not of an image that happened to be dark.
    """
    if field.size < 2:
        return field * 0
    if levels:
        # Equal values keep their order, whichever sort a processor has.
        flat, order = field.reshape(-1), field.reshape(-1).argsort(kind="stable")
        for first in range(0, field.size, RANKS):
            pixels = order[first : first + RANKS]
            flat[pixels] = _levels_of(levels, first, len(pixels), field.size)
    field -= field.mean()
    field /= np.sqrt((field * field).mean())
    return field


@lru_cache(maxsize=4)
def _levels_of(levels: tuple[float, ...], first: int, count: int, size: int) -> Floats:
    """The levels at `count` ranks of `size`, from the rank `first` on."""
    places = (np.arange(first, first + count) + 0.5) / size
    return np.interp(places, np.linspace(0, 1, len(levels)), levels).astype(np.float32)


def _class_moments(latent: Latent, classes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(C,) mean and deviation over each channel's class, by which its latent is standardised.

    A field that changes slowly has few independent values on a plane, so that chance alone would
    move the shares of a small class by several per cent.
    """
    pixels = latent.shape[0] * latent.shape[1]
    total, square = _sums(latent)
    mean = np.empty_like(total)
    np.true_divide(total, np.intp(pixels), out=mean, casting="unsafe")
    square /= np.float32(pixels)
    members = np.bincount(classes)
    found = np.bincount(classes, mean) / members
    spread = np.sqrt(np.maximum(np.bincount(classes, square) / members - found**2, 1e-12))
    lone = members * pixels == 1
    found[lone], spread[lone] = 0, 1
    return found[classes].astype(np.float32), spread[classes].astype(np.float32)


def _sums(latent: Latent) -> tuple[Floats, Floats]:
    """(C,) sums and sums of squares over the plane. Pixels are added one after the other, so each
    block goes on from the sums of those before: they are its first pixel."""
    total: Floats | None = None
    for block in latent.blocks():
        flat = block.reshape(-1, block.shape[2])
        if total is None:
            total, square = np.add.reduce(flat, axis=0), np.einsum("pc,pc->c", flat, flat)
            continue
        total = np.add.reduce(np.concatenate([total[None], flat]), axis=0)
        ones = np.concatenate([np.ones_like(square)[None], flat])
        square = np.einsum("pc,pc->c", ones, np.concatenate([square[None], flat]))
    assert total is not None
    return total, square


def _scales(
    scale: ScaleField, shape: tuple[int, int], steps: np.float32, rng: np.random.Generator
) -> Floats:
    """(rows, columns, 1) positive field by which the latents of all channels are multiplied, in
    `steps`."""
    if not scale.spread:
        return np.full((*shape, 1), steps)
    field = rng.standard_normal((*shape, 1), dtype=np.float32)
    logarithm = _shaped(next(correlated(iter((field,)), scale.x, scale.y)), ())
    logarithm *= scale.spread
    logarithm -= scale.spread**2
    np.exp(logarithm, out=logarithm)
    logarithm *= steps
    return logarithm


def _tables(profile: InputProfile, bits: int) -> NDArray[np.generic]:
    """(classes * Z_STEPS,) value at each step of the latent, class by class."""
    widest = storage_bits(bits)
    dtype = np.dtype(profile.dtype or f"int{widest}")
    if 8 * dtype.itemsize > widest:
        raise ValueError(f"dtype {dtype} is wider than the layer's activation_bits, {bits}")
    bounds = bounds_of(min(bits, 8 * dtype.itemsize), signed=dtype.kind == "i")
    spread = profile.scale.spread
    return np.concatenate([_table(each, dtype, bounds, spread) for each in profile.classes])


@lru_cache(maxsize=TABLES_KEPT)
def _table(
    members: InputClass, dtype: np.dtype[np.generic], bounds: tuple[int, int], spread: float
) -> NDArray[np.generic]:
    least, most = bounds
    values = np.arange(least, most + 1)
    frequencies = np.zeros(len(values))
    positive = magnitudes(members.values, most)
    negative = magnitudes(members.negative, -least)
    total = positive.sum() + negative.sum()
    if total:
        frequencies[-least + 1 :] = positive / total * (1 - members.zero)
        frequencies[:-least] = negative[::-1] / total * (1 - members.zero)
    frequencies[-least] = members.zero
    return value_table(frequencies, values, step_shares(spread)).astype(dtype)
