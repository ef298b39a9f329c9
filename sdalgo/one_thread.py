"""One thread for torch, so that a machine repeats its own bytes, and one for numpy's products."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order, whatever ends the block: those of several threads differ each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def products_on_one_thread() -> Iterator[None]:
    """A second thread of numpy's products waits more than it works on layers' matrices, and costs
    as much; and layers are worked on side by side."""
    with threadpool_limits(1, user_api="blas"):
        yield
