"""Layers side by side: none depends on another, and numpy works without the interpreter's lock."""

from collections.abc import Callable, Mapping
from itertools import chain
from multiprocessing.pool import ThreadPool
from typing import TypeVar

import torch

from archsim.formats.progress import Progress

Result = TypeVar("Result")
_MOST = 4  # at once: a wide layer holds several hundred MB while it is worked on
_WORTH = 180_000
"""Weights of a layer from which two at a time are faster than one after the other: in smaller ones
threads wait for the interpreter. Two threads took 1.3 times as long for layers of 96 x 576, and 0.6
for 3072 x 768."""


def each_layer(
    sizes: Mapping[str, int], work: Callable[[str], Result], told: Progress, doing: str = ""
) -> dict[str, Result]:
    """Return `work` of each layer's name, in the order given.

    The largest are begun first, so that none is left to the end alone. Large ones have as many
    threads as torch has, of which OMP_NUM_THREADS is one way to have fewer; results do not depend
    on it.

    Args:
        sizes: weights of each layer by its name.
        told: called with weights worked on, of how many, and `doing` with the layer's name.

    Raises:
        Whatever `work` raises, for the largest layer for which it does.
    """
    order = sorted(sizes, key=lambda name: -sizes[name])
    large = [name for name in order if sizes[name] >= _WORTH]
    found: dict[str, Result] = {}
    done, total = 0, sum(sizes.values())
    told(done, total, f"{doing}{order[0]}")
    # Its threads do not outlive the program, so that Ctrl-C ends it at once.
    with ThreadPool(max(1, min(torch.get_num_threads(), _MOST, len(large)))) as pool:
        results = chain(pool.imap(work, large), map(work, order[len(large) :]))
        for name, result in zip(order, results, strict=True):
            found[name] = result
            done += sizes[name]
            told(done, total, f"{doing}{name}")
    return {name: found[name] for name in sizes}
