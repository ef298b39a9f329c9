"""What a sweep has found out so far, in one SQLite file: a row per run, on the disk before the next
run begins.

A row is found by the hash of everything that its result depends on (`inputs_hash`), so it is never
made twice and never out of date. Each is a transaction of its own: a process that is killed leaves
it whole or not at all. `points` is a view of it for readers:

    pandas.read_sql("SELECT * FROM points", sqlite3.connect("sweep/points.sqlite"))
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archsim.analysis.sweep.quantities import totals_of
from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import make_folder
from archsim.formats.own_files import claim
from archsim.formats.regular import check_output
from archsim.results.result import Result
from archsim.results.store import Stored
from archsim.runs.pool import Answer as RunAnswer

NAME = "points.sqlite"
MARK = b"SQLite format 3\0"
OURS = 0x61726373  # "arcs": SQLite's header says whose file it is
LAYOUT = 1
WAIT_SECONDS = 60.0
"""For another process that reads or writes; each does for a moment only."""
_TOTALS = ("cycles", "energy_pj", "milliseconds", "millijoules", "dram_bytes", "area_mm2")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (inputs_hash TEXT PRIMARY KEY, workload TEXT NOT NULL, "
    "arch TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT NOT NULL, seal TEXT NOT NULL)",
    "CREATE VIEW IF NOT EXISTS points AS SELECT workload, arch, settings, "
    + ", ".join(f"json_extract(answer, '$.totals.{name}') AS {name}" for name in _TOTALS)
    + ", json_extract(answer, '$.not_available') AS not_available, inputs_hash FROM answers "
    "ORDER BY workload, arch, settings",
)
Answer = Mapping[str, Any]
"""`name`, `mode`, `notes` and `totals` of a result, or `not_available`: why there is none."""


def answer_of(answer: RunAnswer) -> dict[str, Any]:
    """What is kept of a result, or of the reason why there is none."""
    if not isinstance(answer, Result):
        return {"not_available": "; ".join(problem.message for problem in answer)}
    return {
        "name": answer.arch,
        "mode": answer.mode,
        "notes": [*answer.notes],
        "totals": totals_of(Stored(answer.workload, answer.arch, answer)),
        "inputs_hash": answer.inputs_hash,
    }


class Answers:
    """An open file of answers."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path = connection, path

    def known(self) -> dict[str, Answer]:
        """Every answer by the hash of its inputs. One that is damaged is left out with a note, and
        so made again."""
        found: dict[str, Answer] = {}
        damaged = 0
        with _blamed(self.path):
            rows = self._connection.execute("SELECT inputs_hash, answer, seal FROM answers")
            for inputs, text, seal in rows:
                if seal == _seal(inputs, str(text)):
                    found[inputs] = json.loads(text)
                else:
                    damaged += 1
        if damaged:
            console.note(f"{self.path}: {damaged} damaged rows are left out, and run again")
        return found

    def keep(self, inputs: str, case: tuple[str, str, str], answer: Answer) -> None:
        """Bring an answer to the disk; `case` is its workload, arch and settings in words."""
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        row = (inputs, *case, text, _seal(inputs, text))
        with _blamed(self.path), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO answers VALUES (?,?,?,?,?,?)", row)


def since(path: Path, row: int, most: int) -> list[tuple[int, str, Answer | None]]:
    """Up to `most` answers after a row: its number, the hash of its inputs, and what was found,
    None where that is damaged.

    For who reads along while a sweep writes: it waits for nobody, and the sweep for it only while
    so many rows are read.

    Raises:
        sqlite3.Error: the file is not there, is being written or is damaged.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    query = "SELECT rowid, inputs_hash, answer, seal FROM answers WHERE rowid > ? ORDER BY rowid"
    with closing(sqlite3.connect(address, timeout=0, uri=True)) as connection:
        rows = connection.execute(f"{query} LIMIT ?", (row, most)).fetchall()
    return [
        (number, inputs, json.loads(text) if seal == _seal(inputs, str(text)) else None)
        for number, inputs, text, seal in rows
    ]


@contextmanager
def opened(folder: Path) -> Iterator[Answers]:
    """The answers of a folder, made if they are not there.

    Raises:
        InputError: the file is somebody else's or damaged, or cannot be written.
    """
    path = folder / NAME
    check_output(path)
    if os.path.lexists(path) and not path.is_file():
        raise InputError.at(path, "is in the way: it is no file; name another folder")
    claim(path, MARK)
    with _blamed(path):
        make_folder(folder)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS)
    with closing(connection):
        with _blamed(path):
            _prepare(connection, path)
        yield Answers(connection, path)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != OURS:
        raise InputError.at(path, "is a database of another program; name another folder")
    if tables and layout != LAYOUT:
        message = "was made by another version of archsim; name another folder, or delete it"
        raise InputError.at(path, message)
    # With EXTRA the folder's entry of the journal is on the disk as well before a row counts.
    connection.execute("PRAGMA synchronous = EXTRA")
    if not tables:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {OURS}")
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
            for statement in _SCHEMA:
                connection.execute(statement)


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """What SQLite or the file system refuse, as a fault of the file."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"cannot be read or written: {error}; if it is damaged, delete it"
        raise InputError.at(path, message) from error
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise InputError.at(path, message) from error


def _seal(inputs: str, text: str) -> str:
    return blake2b(f"{inputs} {text}".encode(), digest_size=16).hexdigest()
