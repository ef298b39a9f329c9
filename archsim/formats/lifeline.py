"""A process that ends with the one that started it, however that one ended.

No signal tells a process on every system that its parent is gone. A pipe does: its reader comes to
the end of it when the last process that could write to it has ended.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from threading import Thread


def end_after(parent_is_gone: Callable[[], object]) -> None:
    """End this process at once when `parent_is_gone`, which waits for that, returns."""

    def watch() -> None:
        parent_is_gone()
        os._exit(1)  # whatever the main thread is doing

    Thread(target=watch, daemon=True).start()


def run_module(
    words: Sequence[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` with these words in another process, which ends with this one.

    Returns:
        What it printed, as text, and its exit status.
    """
    theirs, ours = os.pipe()  # other processes do not inherit ours
    command = [sys.executable, "-m", __name__, *words]
    try:
        return subprocess.run(
            command, env=environment, stdin=theirs, capture_output=True, text=True, check=False
        )
    finally:
        os.close(theirs)
        os.close(ours)


def _main() -> None:
    end_after(lambda: os.read(sys.stdin.fileno(), 1))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
