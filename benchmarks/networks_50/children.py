"""Commands in processes of their own: their time, their memory, and what they said.

Each is a fork of this process, which has imported torch and the commands before, so that a hundred
commands load them once; seconds are of the work, without the start.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, NoReturn

KIB, MEGA = 1024, 1e6
LATE = 124
"""The status of a command that was stopped because it took too long."""
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LOADED = (
    "torch",
    "torch._dynamo",
    "onnx",
    "sdalgo.cli.importing",
    "sdalgo.onnx_import",
    "archsim.cli.run",
)


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


def load() -> None:
    """Import what the commands need, for one thread."""
    os.environ.update(ONE_CORE)
    for name in LOADED:
        importlib.import_module(name)


def run(
    words: Sequence[str], environment: Mapping[str, str] | None = None, *, limit: float = 600
) -> Finished:
    """Run ``python -m`` with these words; it is stopped after `limit` seconds."""
    load()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        start = time.monotonic()
        child = os.fork()
        if not child:
            _become(words, environment or {}, out, err)
        status, memory = _wait(child, start + limit)
        seconds = time.monotonic() - start
        printed, said = (_text(file) for file in (out, err))
    return Finished(
        status=status, seconds=seconds, megabytes=memory * KIB / MEGA, printed=printed,
        said=said[-2000:].strip(),
    )  # fmt: skip


def _become(
    words: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
) -> NoReturn:
    """In the fork: be the command, and end without what the parent would do at its end."""
    status = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
        os.environ.update(environment)
        sys.argv = list(words)
        sys.modules.pop(words[0], None)  # a module that runs is imported anew
        warnings.resetwarnings()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _wait(child: int, end: float) -> tuple[int, int]:
    """Its status and its memory in KiB; waits in small steps, as no call waits with a limit and
    tells the memory as well."""
    late = False
    try:
        while True:
            pid, status, usage = os.wait4(child, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end and not late:
                late = True
                os.kill(child, signal.SIGKILL)
            time.sleep(0.02)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return LATE if late else os.waitstatus_to_exitcode(status), usage.ru_maxrss


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))
