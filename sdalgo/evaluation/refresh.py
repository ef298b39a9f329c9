"""Batch-norm statistics taken anew with compressed weights: a column of its own in every table.

It is a correction that costs no bits and no training but changes the network beyond the weights, so
a method judged with it is not comparable with one judged without.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdalgo.norm_statistics import BatchNorm, batch_norms, taken_anew
from sdalgo.one_thread import one_thread

BATCH = 36
"""Images that are normalised together, at most."""


def refreshed(
    model: nn.Module, images: NDArray[np.generic], batch: int = BATCH
) -> nn.Module | None:
    """Return the network with every batch norm's running mean and variance taken from `images`.

    Each batch is normalised by its own statistics, and their means over batches are what is kept.
    Batches take images evenly from the whole list, so each sees all photographs. The network is
    changed in place; None, and no change, where it has no batch norm with running statistics.

    Args:
        images: calibration inputs, never those of the evaluation.
        batch: images of a batch, at most.
    """
    norms = _with_statistics(model)
    if not norms:
        return None
    model.eval()
    for norm in norms:
        norm.train()
    count = -(-len(images) // batch)
    with one_thread(), torch.no_grad(), taken_anew(norms):
        for first in range(count):
            some = np.ascontiguousarray(images[first::count], np.float32)
            model(torch.from_numpy(some))
    return model.eval()


def has_statistics(model: nn.Module) -> bool:
    """Return whether there is anything that `refreshed` would take anew."""
    return bool(_with_statistics(model))


def _with_statistics(model: nn.Module) -> list[BatchNorm]:
    return [norm for norm in batch_norms(model) if norm.track_running_stats]
