"""What ends a command from outside: Ctrl-C, `kill`, a terminal that is closed. All end it alike."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a process to end; there is no SIGHUP on Windows."""
ONCE_SECONDS = 1.0
"""`timeout` sends its signal twice at once, to the process and to its group: within this time it is
one signal, so that the second does not end the putting away that the first began."""


class _State:
    """Whether something must be finished first, and whether an interruption waits for that."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what another command was told."""
        self.finishing = self.pending = self.raised = False
        self._last_seconds = float("-inf")

    def interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal. A second one, later, no longer waits."""
        now_seconds = time.monotonic()
        if now_seconds - self._last_seconds <= ONCE_SECONDS:
            return
        self._last_seconds = now_seconds
        if self.finishing and not self.pending:
            self.pending = True
            return
        self.end()

    def end(self) -> None:
        """Raise what ends the command."""
        self.pending, self.raised = False, True
        raise KeyboardInterrupt


_state = _State()


@contextmanager
def interruptible() -> Iterator[None]:
    """Have each of these signals raise KeyboardInterrupt, until the end of the block.

    One that the caller has told this process to ignore (`nohup`), or handles itself, is left as it
    is. Signals reach the main thread alone, so nothing changes in another.
    """
    if current_thread() is not main_thread():
        yield
        return
    _state.begin()
    mine = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number in ENDING if before[number] in mine]
    try:
        for number in ours:
            signal.signal(number, _state.interrupt)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextmanager
def finishing() -> Iterator[None]:
    """Have an interruption wait for the end of the block, which is short."""
    _state.finishing = True
    try:
        yield
    finally:
        _state.finishing = False
        if _state.pending:
            _state.end()


def interrupted() -> bool:
    """Whether this command was told to end. Some libraries make another exception of it."""
    return _state.raised
