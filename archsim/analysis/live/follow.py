"""How far a sweep is and what it has found, read from its folder while it runs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import Any

from archsim.analysis.figures.palette import machine_colours
from archsim.analysis.report.colours import on_dark
from archsim.analysis.sweep.answers import NAME, Answer, since
from archsim.analysis.sweep.case import Case
from archsim.analysis.sweep.plan import Plan
from archsim.analysis.sweep.table import Row, swept
from archsim.results.settings import settings_text

AT_ONCE = 200
"""Rows that are read together: the sweep cannot write meanwhile, for some milliseconds."""
MOST_DRAWN = 20_000
"""Points in the figure; a browser draws more slowly than a sweep runs."""
IN_ORDER = "finished"
"""The other axis of a sweep with one objective: which point of how many it was."""


class Follower:
    """What the folder of a sweep tells of a plan and its cases, whoever fills it.

    `clock` has seconds. Threads may ask at once.
    """

    def __init__(self, plan: Plan, cases: Sequence[Case], folder: Path,
                 clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._plan, self._path, self._clock = plan, folder / NAME, clock
        self._cases: dict[str, list[Case]] = {}
        for case in cases:
            if not case.problems:
                self._cases.setdefault(case.inputs, []).append(case)
        self._workloads = [*dict.fromkeys(case.workload for case in cases)]
        self._colours = machine_colours(case.machine for case in cases)
        self._done: set[str] = set()
        self._refused = self._row = 0
        self._points: list[dict[str, Any]] = []
        self._lock = Lock()
        self._before, self._start = 0, clock()

    def catch_up(self) -> None:
        """Read what earlier commands have left; rates count from here."""
        more = True
        while more:
            with self._lock:
                more = self._read()
                self._before, self._start = len(self._done), self._clock()

    def state(self, after: int) -> dict[str, Any]:
        """How far the sweep is, and points that are new to who has seen `after` of them; `more`
        says that others are there already."""
        with self._lock:
            more = self._read()
            new = self._points[after : after + AT_ONCE]
            return {
                **self._progress(),
                "workloads": self._workloads,
                "machines": [[name, own, on_dark(own)] for name, own in self._colours.items()],
                "objectives": self._objectives(),
                "points": new,
                "next": after + len(new),
                "more": more or after + len(new) < len(self._points),
            }

    def _progress(self) -> dict[str, Any]:
        """Points done and to do; what it takes per point is the mean since this was made."""
        done, total = len(self._done), len(self._cases)
        ran, seconds = done - self._before, self._clock() - self._start
        each = seconds / ran if ran else None
        return {
            "done": done, "total": total, "refused": self._refused, "before": self._before,
            "seconds_each": each, "seconds_left": None if each is None else each * (total - done),
        }  # fmt: skip

    def _objectives(self) -> list[dict[str, Any]]:
        """The two axes."""
        found = [{"name": one.name, "largest": one.largest} for one in self._plan.objectives[:2]]
        return found if len(found) > 1 else [{"name": IN_ORDER, "largest": False}, *found]

    def _read(self) -> bool:
        """Take in what is new, and say whether there may be more."""
        rows = []
        with suppress(sqlite3.Error):  # it is being written, or is not there yet
            rows = since(self._path, self._row, AT_ONCE)
        for number, inputs, answer in rows:
            self._row = number
            if answer is not None and inputs in self._cases and inputs not in self._done:
                self._done.add(inputs)
                self._take(inputs, answer)
        return len(rows) == AT_ONCE

    def _take(self, inputs: str, answer: Answer) -> None:
        if "totals" not in answer:
            self._refused += 1
        elif len(self._points) < MOST_DRAWN:
            for row in swept(self._plan, self._cases[inputs], {inputs: answer}, {}).rows:
                self._points += self._point(row)

    def _point(self, row: Row) -> list[dict[str, Any]]:
        """The point of a row; none where an objective has no value."""
        wanted = [float(value) for value in row.wanted[:2] if value is not None]
        place = wanted if len(self._plan.objectives) > 1 else [float(len(self._done)), *wanted]
        if len(place) < 2 or not all(map(isfinite, place)):
            return []
        return [{
            "workload": row.case.workload, "machine": row.case.machine, "place": place,
            "keys": settings_text(row.case.values), "feasible": row.feasible,
        }]  # fmt: skip
