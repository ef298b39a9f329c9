"""Hashes of everything that a part of a run depends on: its inputs, and the code that makes it.

Three parts, each with a key of its own, so that changing one redoes only what follows from it:

    tile tables    the machine's rule, workload, and the arch without what no rule reads
    event run      the above, and the whole arch but its prices and clock
    prices         the above, and every price table

Keys hold contents, never times of files. What no rule reads is `UNREAD_KINDS` and `UNREAD_KEYS`;
a rule from outside the package is not known, so its tables depend on the whole arch.
"""

import json
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from archsim.arch.arch import Arch
from archsim.formats.regular import read_regular
from archsim.results.pricing import prices_of
from archsim.version import MODEL, VERSION
from archsim.workload.workload import Workload

PACKAGE = Path(__file__).resolve().parents[1]
UNREAD_KINDS = frozenset({"off_chip", "mover"})
"""Kinds of components whose keys no rule of the package reads: they carry what the tables say."""
UNREAD_KEYS = frozenset({"clock_mhz", "energy", "interlayer", "barrier"})
"""Keys of the arch itself that no rule of the package reads."""
UNTIMED_KEYS = frozenset({"clock_mhz", "energy"})
"""Keys of the arch that move no event."""

TABLE_CODE = ("formats", "workload", "arch", "machines/shared")
"""Folders that tile tables depend on, the machine's own file or folder apart."""
RUN_CODE = (*TABLE_CODE, "timing", "results", "runs")
"""Folders that an event run depends on."""


def table_key(arch: Arch, workload: Workload) -> str:
    """Of kept tile tables of a workload on a machine."""
    return _digest(np.__version__, _tables(arch, workload))


def run_key(arch: Arch, workload: Workload) -> str:
    """Of a kept event run."""
    return _digest(np.__version__, _run(arch, workload))


def inputs_hash(arch: Arch, workload: Workload) -> str:
    """Of everything that a whole result depends on; numpy's version is not among it, since the
    result is the same on all of them."""
    files = [_file(path) for path in prices_of(arch).files]
    return _digest("result", VERSION, _run(arch, workload), arch.resolved, arch.changed, *files)


@cache
def code_hash(folders: tuple[str, ...]) -> str:
    """Of the simulator's own source in `folders`."""
    paths = [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]
    return _digest({path.relative_to(PACKAGE).as_posix(): _file(path) for path in paths})


def _tables(arch: Arch, workload: Workload) -> str:
    known = arch.machine_path.parent == PACKAGE / "machines"
    return _digest(
        "tables", code_hash(TABLE_CODE), _machine(arch.machine_path),
        _as_read(arch) if known else arch.resolved, workload.hash,
    )  # fmt: skip


def _run(arch: Arch, workload: Workload) -> str:
    kept = {key: value for key, value in arch.resolved.items() if key not in UNTIMED_KEYS}
    return _digest("run", MODEL, _tables(arch, workload), code_hash(RUN_CODE), kept)


def _as_read(arch: Arch) -> dict[str, Any]:
    """The arch less what no rule of the package reads."""
    kept = {key: value for key, value in arch.resolved.items() if key not in UNREAD_KEYS}
    kept["components"] = {
        name: {"class": keys["class"]} if arch.kinds[name] in UNREAD_KINDS else keys
        for name, keys in arch.resolved["components"].items()
    }
    return kept


def _machine(path: Path) -> str:
    """Of a rule: its file, or all files of its folder; of one of the package read once a process,
    as all of its code is."""
    return _shipped(path) if path.parent == PACKAGE / "machines" else _rule(path)


@cache
def _shipped(path: Path) -> str:
    return _rule(path)


def _rule(path: Path) -> str:
    return _digest([_file(each) for each in sorted(path.rglob("*.py"))] or _file(path))


def _file(path: Path) -> str:
    return blake2b(read_regular(path), digest_size=16).hexdigest()


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
