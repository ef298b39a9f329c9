"""Commands in processes of their own: their time, their memory, and what they said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

KIB, MEGA = 1024, 1e6
LATE = 124
"""The status of a command that was stopped because it took too long."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has ended.

    Attributes:
        seconds: on the clock.
        megabytes: the most memory that it had at once.
        said: the last of what it wrote to standard error.
    """

    status: int
    seconds: float
    megabytes: float
    printed: str
    said: str

    def record(self) -> dict[str, Any]:
        """What is kept of it."""
        kept = asdict(self)
        del kept["printed"]
        return {**kept, "seconds": round(self.seconds, 2), "megabytes": round(self.megabytes)}


def run(
    words: Sequence[str], environment: Mapping[str, str] | None = None, *, limit: float = 600
) -> Finished:
    """Run ``python -m`` with these words; it is stopped after `limit` seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        child = subprocess.Popen(
            (sys.executable, "-m", *words), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        status, memory = _wait(child, start + limit)
        seconds = time.monotonic() - start
        printed, said = (_text(file) for file in (out, err))
    return Finished(
        status=status, seconds=seconds, megabytes=memory * KIB / MEGA, printed=printed,
        said=said[-2000:].strip(),
    )  # fmt: skip


def _wait(child: subprocess.Popen[bytes], end: float) -> tuple[int, int]:
    """Its status and its memory in KiB; waits in small steps, as no call waits with a limit and
    tells the memory as well."""
    late = False
    try:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end and not late:
                late = True
                child.send_signal(signal.SIGKILL)
            time.sleep(0.02)
    except BaseException:
        child.kill()
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    return LATE if late else child.returncode, usage.ru_maxrss


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))
