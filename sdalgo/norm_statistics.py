"""Statistics of batch normalisation taken anew: plain means over the batches that pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

BatchNorm = nn.modules.batchnorm._BatchNorm


def batch_norms(model: nn.Module) -> list[BatchNorm]:
    """Return the batch norms of a network, over planes or not."""
    return [module for module in model.modules() if isinstance(module, BatchNorm)]


@contextmanager
def taken_anew(norms: Sequence[BatchNorm]) -> Iterator[None]:
    """Forget what norms have seen; until the end all batches that they see in training mode weigh
    alike."""
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch: a plain mean over all batches
    yield
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
