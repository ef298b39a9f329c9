"""A progress bar on standard error, on a terminal, for what takes more than a moment."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_SECONDS = 1.0  # a bar that only flashes is noise
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, what: str) -> None:
    """No terminal, no bar."""


@contextmanager
def bar(title: str, *, quiet: bool, rate: bool = False) -> Iterator[Progress]:
    """A function to call with (done, total, what); the bar shows itself after a second and is gone
    at the end. With `rate` it also says how many are done, and how many per second."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    columns = [*RichProgress.get_default_columns(), *(_rate_columns() if rate else ())]
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(title, visible=False, rate="")
        start = time.monotonic()

        def report(done: int, total: int, what: str) -> None:
            seconds = time.monotonic() - start
            drawn.update(
                task, completed=done, total=total, description=f"{title}: {what}",
                visible=seconds > PATIENCE_SECONDS, rate=rate_text(done, seconds),
            )  # fmt: skip

        yield report


def rate_text(done: int, seconds: float) -> str:
    """How many are done per second, or how many seconds each takes."""
    if not done or seconds <= 0:
        return ""
    return f"{done / seconds:.1f} per s" if done >= seconds else f"{seconds / done:.1f} s each"


def _rate_columns() -> list[Any]:
    from rich.progress import MofNCompleteColumn, TextColumn

    return [MofNCompleteColumn(), TextColumn("{task.fields[rate]}")]
