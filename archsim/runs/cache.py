"""Files that can be made again: written atomically, read with distrust, bounded in size.

A file that is missing, damaged or of another version is simply not there; it is written again. The
folder is `.archsim-cache` in the working directory, or what the environment variable ARCHSIM_CACHE
names. Nothing in it is executed and nothing is unpickled.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.regular import open_regular
from archsim.formats.sealed import make_way
from archsim.formats.temporary import is_temporary

VARIABLE = "ARCHSIM_CACHE"
FOLDER = ".archsim-cache"
LIMIT_BYTES = 2 * 2**30
"""The files used longest ago go first."""
SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by archsim; may be deleted.\n"
"""Backup programs pass such folders over (bford.info/cachedir)."""
MARKS = {"CACHEDIR.TAG": SIGNATURE, ".gitignore": "*\n"}


@dataclass
class Cache:
    """Files by name. `problem` is why the last one could not be written, if it could not: a run
    goes on without. What a folder that only can be read holds is used all the same."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES
    problem: str | None = None

    def read(self, name: str) -> bytes | None:
        """The content under that name, None if there is none; reading keeps it from being thrown
        out."""
        path = self.folder / name
        try:
            with open_regular(path) as file:
                if os.fstat(file.fileno()).st_size > max(LIMIT_BYTES, self.limit_bytes):
                    return None  # none of ours, and perhaps larger than the memory
                content = file.read()
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Keep `content` under that name."""
        self.problem = self.refusal() or None
        if self.problem is None:
            try:
                make_way(self.folder / name)
                write_atomically(self.folder / name, content)
                self._shrink(name)
            except InputError as error:
                self.problem = str(error.problems[0])

    def refusal(self) -> str:
        """Make the folder; why nothing can be written in it, empty where something can."""
        folder_is_there = os.path.isdir(self.folder)  # pathlib raises where a name is too long
        if folder_is_there and not os.access(self.folder, os.W_OK | os.X_OK):
            return f"{self.folder}: cannot be written"
        try:
            if self._is_begun():
                for name, text in MARKS.items():
                    write_atomically(self.folder / name, text.encode())
        except InputError as error:
            return str(error.problems[0])
        return ""

    def _is_begun(self) -> bool:
        """Whether the folder lacks a mark and holds nothing else, as a process that was killed may
        leave it. One with other files in it may be somebody's own, and gets no marks."""
        found = set()
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name not in MARKS and not is_temporary(entry.name):
                    return False
                found.add(entry.name)
        return not found >= MARKS.keys()

    def _shrink(self, newest: str) -> None:
        files = []
        for path in self.folder.glob("*.*"):
            try:
                stat = path.stat()
            except OSError:
                continue  # another process has just thrown it out
            if path.suffix in {".npz", ".json"}:
                files.append((path.name == newest, stat.st_mtime_ns, stat.st_size, path))
        held = sum(nbytes for _, _, nbytes, _ in files)
        for is_newest, _, nbytes, path in sorted(files):
            if held <= self.limit_bytes or is_newest:
                return
            with suppress(OSError):  # it is another user's, or already gone
                path.unlink(missing_ok=True)
                held -= nbytes


def default_cache() -> Cache:
    """The cache of this working directory; where it cannot be written, a note says so once."""
    folder = Path(os.environ.get(VARIABLE) or FOLDER)
    _note_refusal(folder.absolute())
    return Cache(folder)


@cache
def _note_refusal(folder: Path) -> None:
    if refusal := Cache(folder).refusal():
        console.note(f"the cache, {refusal}; nothing new is kept in it ({VARIABLE} names another)")
