"""A run as a timeline: the Chrome trace format, which Perfetto and chrome://tracing open.

One process a machine, one row a component, one slice for each stretch of work. Times in that format
are microseconds, so a cycle is drawn as long as the machine's clock makes it.
Format: "Trace Event Format", Google, 2016.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from archsim.formats.own_files import write_own


class Trace:
    """Collects the slices of one run; give it to `simulate`, then `write` it."""

    def __init__(self, machine: str, clock_mhz: float, components: Iterable[str] = ()) -> None:
        """`components` are rows in the order in which they are to stand; others follow."""
        self.machine = machine
        self.clock_mhz = clock_mhz
        self._components = tuple(components)
        self._slices: list[tuple[str, str, str, int, int]] = []

    def add(self, component: str, layer: str, what: str, start: int, end: int) -> None:
        """`component` did `what` for `layer` from cycle `start` to cycle `end`.

        A side of a component that works by itself (``input_gb.read``) is a row beside it.
        """
        self._slices.append((component, layer, what, start, end))

    def rows(self) -> list[str]:
        """The rows from top to bottom; a component that did nothing has one as well."""
        seen = list(dict.fromkeys(component for component, *_ in self._slices))
        ordered = []
        for component in self._components:
            own = [name for name in seen if name.partition(".")[0] == component]
            ordered += own or [component]
        return list(dict.fromkeys([*ordered, *seen]))

    def __len__(self) -> int:
        return len(self._slices)

    def write(self, path: str | Path) -> None:
        """Write this run alone."""
        write_traces(path, [self])

    def events(self, process: int) -> Iterable[dict[str, object]]:
        """The machine's name, its rows' names, then its slices in the order they were added."""
        yield _name("process_name", process, 0, self.machine)
        rows = {name: row for row, name in enumerate(self.rows(), start=1)}
        for component, row in rows.items():
            yield _name("thread_name", process, row, component)
            yield {
                "ph": "M",
                "name": "thread_sort_index",
                "pid": process,
                "tid": row,
                "args": {"sort_index": row},
            }
        for component, layer, what, start, end in self._slices:
            yield {
                "ph": "X",
                "name": layer,
                "cat": what,
                "pid": process,
                "tid": rows[component],
                "ts": round(start / self.clock_mhz, 6),
                "dur": round((end - start) / self.clock_mhz, 6),
                "args": {"what": what, "cycle": start, "cycles": end - start},
            }


MARK = '"made_by":"archsim"'
"""What tells a timeline of ours from others (`otherData` is free in the format)."""


def write_traces(path: str | Path, traces: Iterable[Trace]) -> None:
    """Write several runs into one file, a process each. InputError where `path` cannot be
    written."""
    events = (
        event for process, trace in enumerate(traces, start=1) for event in trace.events(process)
    )
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    head = f'"displayTimeUnit":"ns","otherData":{{{MARK}}}'
    text = f'{{{head},"traceEvents":[\n{lines}\n]}}\n'
    write_own(Path(path), text.encode(), MARK.encode())


def _name(what: str, process: int, row: int, name: str) -> dict[str, object]:
    return {"ph": "M", "name": what, "pid": process, "tid": row, "args": {"name": name}}
