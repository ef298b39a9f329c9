"""Gaussian fields over a plane (rows, columns, channels), in blocks of rows.

A plane that is held is one block. A larger one is never whole: its random numbers are drawn once to
find out where the stream goes on, and again whenever its blocks are asked for, so that its memory
is a block's and its values are those of a plane that is held.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import Field
from archsim.workload.random_stream import normals

Floats = NDArray[np.float32]
Plane = tuple[int, int, int]
# A field is held over blocks of this many pixels where its neighbours correlate at least this much.
COARSE = 4
SLOW = 0.8
LARGEST_HELD = 0.6


class Noise:
    """White noise of a plane, taken from `rng` when it is made. With `step` rows a block it can be
    had any number of times; without it is held, for one."""

    def __init__(self, shape: Plane, step: int | None, rng: np.random.Generator) -> None:
        self.shape = shape
        self._held: Floats | None = None
        if step is None:
            self._held = self._draw(shape[0], rng)
            return
        self._start = deepcopy(rng)
        self._sizes = [min(step, shape[0] - first) for first in range(0, shape[0], step)]
        for rows in self._sizes:
            self._draw(rows, rng)

    def _draw(self, rows: int, rng: np.random.Generator) -> Floats:
        return normals(rng, (rows, *self.shape[1:]))

    def blocks(self) -> Iterator[Floats]:
        """The blocks from the first row on, which are the caller's to change."""
        if self._held is not None:
            yield self._held
        else:
            rng = deepcopy(self._start)
            for rows in self._sizes:
                yield self._draw(rows, rng)


class LocalField:
    """An autoregressive field of each channel, added to blocks of the plane.

    One that changes slowly is drawn at every COARSE-th pixel and held between, which keeps its
    correlations (to 0.02 for decays of SLOW and more) at a sixteenth of the random numbers. Where
    the blocks of pixels begin is random, so that they do not meet a machine's tiles. A field that
    is most of the latent is drawn in full: neighbours would be equal, not just alike.
    """

    def __init__(
        self, field: Field, shape: Plane, step: int | None, rng: np.random.Generator
    ) -> None:
        rows, columns, channels = shape
        held = field.share <= LARGEST_HELD
        self.field = field
        self.down = COARSE if held and field.y >= SLOW and rows >= 4 * COARSE else 1
        self.across = COARSE if held and field.x >= SLOW and columns >= 4 * COARSE else 1
        # A range of one takes nothing from the stream.
        self.first_row = int(rng.integers(self.down)) if self.down > 1 else 0
        self.first_column = int(rng.integers(self.across)) if self.across > 1 else 0
        lines, points = rows + self.down - 1, columns + self.across - 1
        drawn = (-(-lines // self.down), -(-points // self.across), channels)
        self.noise = Noise(drawn, step, rng)

    def add_to(self, planes: Iterator[Floats]) -> Iterator[Floats]:
        """Each block of the plane with the field in it, changed in place."""
        if self.down == self.across == 1:
            for block, field in zip(planes, self._fields(), strict=True):
                np.add(block, field, out=block)
                yield block
            return
        lines = (line for field in self._fields() for line in field)
        line, ready, row = next(lines), 0, self.first_row
        for block in planes:
            columns = slice(self.first_column, self.first_column + block.shape[1])
            for target in block:
                if row // self.down > ready:
                    line, ready = next(lines), ready + 1
                repeated = np.repeat(line, self.across, axis=0)
                np.add(target, repeated[columns], out=target)
                row += 1
            yield block

    def _fields(self) -> Iterator[Floats]:
        """What was drawn, correlated and scaled, in blocks of lines."""
        x, y = self.field.x**self.across, self.field.y**self.down
        share = np.float32(self.field.share**0.5)
        for block in correlated(self.noise.blocks(), x, y):
            yield np.multiply(block, share, out=block)


def correlated(blocks: Iterator[Floats], x: float, y: float) -> Iterator[Floats]:
    """Turn white noise into a first-order autoregressive field, in place, variance unchanged: `x`
    and `y` are the correlations of neighbours along a row and down a column."""
    above: Floats | None = None
    for block in blocks:
        if y:
            _follow(block, above, y)
            above = block[-1].copy()
        if x:
            _follow(block.swapaxes(0, 1), None, x)
        yield block


def _follow(lines: Floats, before: Floats | None, decay: float) -> None:
    """Let each of the lines follow the one before it; the first one `before`, if there is any."""
    first = 1 if before is None else 0
    lines[first:] *= np.float32((1.0 - decay * decay) ** 0.5)
    kept = np.float32(decay)
    if before is not None:
        lines[0] += kept * before
    part = np.empty_like(lines[0])
    for above, line in pairwise(lines):
        np.multiply(above, kept, part)
        np.add(line, part, line)
