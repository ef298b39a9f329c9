"""A generator's random numbers by the compiled loops of `random_loops`, where they pay."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.compiled import worth

LOOPS = "archsim.workload.random_loops"
FEW = 2048
"""Numbers that numpy makes in the time that it takes to hand a generator's state over."""
TRIED = 4095
"""Numbers of each kind by which the loops are held against numpy, once a process."""
SAVED = 3e-9
"""Seconds per number."""
WORD = (1 << 64) - 1


def loops_for(count: int) -> Any:
    """The compiled loops if they pay where so many numbers are wanted; else None."""
    loops = worth(LOOPS, SAVED * count) if count >= FEW else None
    return loops if loops is not None and _agrees(loops) else None


@cache
def _agrees(loops: Any) -> bool:
    """Whether the loops draw what this numpy does: another one may have other rules."""
    rng = np.random.default_rng(TRIED)
    own, tried = np.empty(TRIED, np.uint16), np.empty(TRIED, np.float32)
    with stream_of(np.random.default_rng(TRIED)) as stream:
        loops.sixteens(stream, own)
        loops.normals(stream, tried)
    sixteens = rng.integers(0, 1 << 16, TRIED, dtype=np.uint16)
    deviates = rng.standard_normal(TRIED, dtype=np.float32)
    return np.array_equal(own, sixteens) and np.array_equal(tried, deviates)


@contextmanager
def stream_of(rng: np.random.Generator) -> Iterator[NDArray[np.uint64]]:
    """The state of a generator of PCG64 as six words, which go back to it at the end."""
    held: Any = rng.bit_generator.state
    state, step = held["state"]["state"], held["state"]["inc"]
    words = np.array(
        [state >> 64, state & WORD, step >> 64, step & WORD, held["has_uint32"], held["uinteger"]],
        np.uint64,
    )
    yield words
    high, low, _, _, left, half = words.tolist()
    held["state"]["state"] = high << 64 | low
    held["has_uint32"], held["uinteger"] = left, half
    rng.bit_generator.state = held


def normals(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal deviates."""
    if (loops := loops_for(int(np.prod(shape)))) is None:
        return rng.standard_normal(shape, dtype=np.float32)
    drawn = np.empty(shape, np.float32)
    with stream_of(rng) as stream:
        loops.normals(stream, drawn.reshape(-1))
    return drawn


def random16(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """16 random bits an entry."""
    if (loops := loops_for(int(np.prod(shape)))) is None:
        return rng.integers(0, 1 << 16, shape, dtype=np.uint16)
    drawn = np.empty(shape, np.uint16)
    with stream_of(rng) as stream:
        loops.sixteens(stream, drawn.reshape(-1))
    return drawn


def random_rows16(rng: np.random.Generator, rows: int, entries: int) -> NDArray[np.uint16]:
    """16 random bits an entry of (rows, entries), the same however many rows are drawn together.

    Numpy makes two entries of 32 bits and drops what a call leaves over.
    """
    return random16(rng, (rows, entries + entries % 2))[:, :entries]
