"""A progress bar on standard error, on a terminal, for what takes more than a moment."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0  # a bar that only flashes is noise
Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, what: str) -> None:
    """No terminal, no bar."""


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Progress]:
    """A function to call with (done, total, what); the bar shows itself after a second and is gone
    at the end."""
    if quiet or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    with RichProgress(console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(title, visible=False)
        start = time.monotonic()

        def report(done: int, total: int, what: str) -> None:
            late = time.monotonic() - start > PATIENCE_SECONDS
            drawn.update(
                task, completed=done, total=total, description=f"{title}: {what}", visible=late
            )

        yield report
