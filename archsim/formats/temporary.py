"""Names of files that are not whole yet, and the removal of those that nobody will finish.

A name is new on every computer that shares the folder: two containers have the same process ids, so
it holds the computer and a random part as well. It leaves the final name out, which may be as long
as names may be.
"""

import os
import platform
import re
import time
from contextlib import suppress
from pathlib import Path

STALE_SECONDS = 24 * 60 * 60
"""No file of ours takes so long to write: whoever began it is gone."""
_PREFIX, _SUFFIX = ".archsim-", ".tmp"
_HOST_LETTERS = 24
_RANDOM_BYTES = 8
_swept: set[Path] = set()


def temporary_beside(path: Path) -> Path:
    """A new name in the folder of `path`; open it with mode ``xb``."""
    host = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:_HOST_LETTERS] or "host"
    mark = f"{host}-{os.getpid()}-{os.urandom(_RANDOM_BYTES).hex()}"
    return path.with_name(f"{_PREFIX}{mark}{_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether a file of that name is one that `temporary_beside` named."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def sweep_once(folder: Path) -> None:
    """Remove stale temporary files from a folder, the first time that this process asks."""
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder, time.time())


def sweep(folder: Path, now_seconds: float) -> None:
    """Remove the temporary files in `folder` that nobody has written to for a day."""
    # Another process may sweep too, and what may not be removed is in nobody's way.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if _is_stale(entry, now_seconds):
                    os.unlink(entry.path)


def _is_stale(entry: os.DirEntry[str], now_seconds: float) -> bool:
    if not is_temporary(entry.name) or not entry.is_file(follow_symlinks=False):
        return False
    return now_seconds - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS
