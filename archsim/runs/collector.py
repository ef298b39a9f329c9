"""Python's collector of cycles, paused while a network is read, simulated or written.

What a run makes lives until its end, so that the collector would look through all of it again and
again and find nothing: a fifth of the time of a network of thousands of layers. References are
counted as ever, which frees everything that is in no cycle.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no cycles inside; afterwards as before."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
