"""What a results folder holds, without reading again what has been read before.

The cache keeps, for each results folder, the row of `summary.csv` and the digest of every file,
with the size, inode and time of change under which it was read. A file that is not just that any
more, or that was damaged, is read again: the index is never trusted over the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError, Problem
from archsim.formats.regular import read_regular
from archsim.formats.sealed import sealed, unsealed
from archsim.results.store import Stored, read_stored, result_files, summary_row, written
from archsim.runs.cache import Cache
from archsim.runs.collector import collector_paused
from archsim.runs.content import code_hash

CODE = ("formats", "results", "runs")
"""Folders that the content of an index depends on."""


@dataclass(frozen=True)
class Listed:
    """A file of a results folder: its row of the summary, None where it is no result, and what is
    wrong with it; `digest` is of its bytes."""

    group: str
    stem: str
    digest: str
    row: Mapping[str, Any] | None = None
    problems: tuple[tuple[str, str], ...] = field(default=())

    @property
    def place(self) -> str:
        return f"{self.group}/{self.stem}"

    @property
    def made_by(self) -> tuple[str, int]:
        """Its place and the version of the model."""
        return self.place, (self.row or {})["model"]


@dataclass(frozen=True)
class Listing:
    """The results of a folder, in the order of their paths, and what is wrong with the others."""

    results: tuple[Listed, ...]
    problems: tuple[Problem, ...]

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The rows of `summary.csv`."""
        return [each.row for each in self.results if each.row is not None]


Known = dict[str, tuple[Sequence[int], Listed]]
"""What was found in files, by folder and name, and the stamp that each had then."""


def saved(out: Path, stored: Stored) -> Known:
    """Write one result; what `listing` would find in its file, so that nobody reads it for that."""
    with collector_paused():
        path, content = written(out, stored)
    return {_key(path): (_stamp(path), _as_listed(path, content, stored))}


def listing(out: Path, cache: Cache | None, own: Known | None = None) -> Listing:
    """What `out` holds. Files that are as this process wrote them (`own`, of `saved`), or as they
    were when the cache last listed them, are not read."""
    name = index_name("index", out)
    known = {} if cache is None else _known(cache.read(name))
    before = {**known, **(own or {})}
    found: Known = {}
    for path in result_files(out):
        stamp, key = _stamp(path), _key(path)
        kept = before.get(key)
        found[key] = (stamp, kept[1] if kept and kept[0] == stamp else _listed(path))
    if cache is not None and found != known:
        files = {
            key: [stamp, asdict(each)] for key, (stamp, each) in found.items() if not each.problems
        }
        cache.write(name, sealed({"code": code_hash(CODE), "files": files}))
    every = [each for _, each in found.values()]
    return Listing(
        tuple(each for each in every if each.row is not None),
        tuple(Problem(*problem) for each in every for problem in each.problems),
    )


def index_name(what: str, out: Path, *more: str) -> str:
    """The name in the cache of what belongs to a results folder."""
    text = json.dumps([str(out.resolve()), *more])
    return f"{what}-{blake2b(text.encode(), digest_size=16).hexdigest()}.json"


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _stamp(path: Path) -> list[int]:
    """Of the file as it is now; empty where it is a link to nowhere, which no reader can read."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_ino, stat.st_mtime_ns]


def _listed(path: Path) -> Listed:
    try:
        return _as_listed(path, read_regular(path), read_stored(path))
    except OSError as error:
        return Listed(path.parent.name, path.stem, "", None, ((str(path), str(error.strerror)),))
    except InputError as error:
        problems = tuple((each.place, each.message) for each in error.problems)
        return Listed(path.parent.name, path.stem, "", None, problems)


def _as_listed(path: Path, content: bytes, stored: Stored | None) -> Listed:
    """A file of that content, which is a result or, with None, none."""
    digest = blake2b(content, digest_size=16).hexdigest()
    row = None if stored is None else summary_row(stored)
    return Listed(path.parent.name, path.stem, digest, row)


def _known(content: bytes | None) -> Known:
    """What an index says; nothing where it is damaged or of another program."""
    try:
        index = unsealed(content or b"")
        if index["code"] != code_hash(CODE):
            return {}
        return {key: (stamp, _from_dict(each)) for key, (stamp, each) in index["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _from_dict(data: Mapping[str, Any]) -> Listed:
    problems = tuple((place, message) for place, message in data["problems"])
    return Listed(data["group"], data["stem"], data["digest"], data["row"], problems)
