"""A run as a timeline: the Trace Event Format, which Perfetto and chrome://tracing open.

One process per run, in it a row of layers, a row per component with what it did and for what it
stood still, and counters. Times in that format are microseconds, so a cycle is drawn as long as the
machine's clock makes it. Format: "Trace Event Format", Google, 2016.
"""

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from archsim.formats.own_files import claim, write_own
from archsim.results.trace_slices import LIMIT, Slice, merged

LAYERS = "layers"
"""The row of layers, the first one."""
STALL = "stall"
"""The category of a slice in which a component stood still; its name is the cause."""
Event = dict[str, object]


class Trace:
    """Collects what happened in one run; give it to `simulate`, then `write` it."""

    def __init__(
        self, machine: str, clock_mhz: float, components: Iterable[str] = (), limit: int = LIMIT
    ) -> None:
        """`components` are rows in the order in which they are to stand; others follow. Of more
        than `limit` slices short ones are drawn together (`archsim.results.trace_slices`)."""
        self.machine = machine
        self.clock_mhz = clock_mhz
        self.limit = limit
        self._components = tuple(components)
        self._slices: list[Slice] = []
        self._counts: list[tuple[str, int, Mapping[str, float]]] = []

    def add(self, component: str, layer: str, what: str, start: int, end: int) -> None:
        """`component` did `what` for `layer` from cycle `start` to cycle `end`.

        A side of a component that works by itself (``input_gb.read``) is a row beside it.
        """
        self._slices.append(Slice(component, layer, what, False, start, end, end - start))

    def stall(self, component: str, layer: str, cause: str, start: int, end: int) -> None:
        """`component` stood still for `cause` before it could go on with `layer`."""
        self._slices.append(Slice(component, layer, cause, True, start, end, end - start))

    def add_layer(self, layer: str, phase: str, start: int, end: int) -> None:
        """The array worked on `layer`, or waited for it, from cycle `start` to cycle `end`."""
        self.add(LAYERS, layer, phase, start, end)

    def count(self, counter: str, cycle: int, values: Mapping[str, float]) -> None:
        """From `cycle` on the series of `counter` have these values."""
        self._counts.append((counter, cycle, values))

    def rows(self) -> list[str]:
        """The rows from top to bottom; a component that did nothing has one as well."""
        seen = list(dict.fromkeys(one.row for one in self._slices))
        ordered = [LAYERS] if LAYERS in seen else []
        for component in self._components:
            own = [name for name in seen if name.partition(".")[0] == component]
            ordered += sorted(own) or [component]
        return list(dict.fromkeys([*ordered, *seen]))

    def __len__(self) -> int:
        return len(self._slices)

    def write(self, path: str | Path) -> None:
        """Write this run alone."""
        write_traces(path, [self])

    def events(self, process: int) -> Iterator[Event]:
        """The machine's name, its rows' names, their slices in the order of time, the counters."""
        yield _name("process_name", process, 0, {"name": self.machine})
        slices, window = merged(self._slices, self.limit)
        if window > 1:
            said = f"slices shorter than {window} cycles are drawn together"
            yield _name("process_labels", process, 0, {"labels": said})
        rows = {name: row for row, name in enumerate(self.rows(), start=1)}
        for component, row in rows.items():
            yield _name("thread_name", process, row, {"name": component})
            yield _name("thread_sort_index", process, row, {"sort_index": row})
        for one in slices:
            yield self._slice(one) | {"pid": process, "tid": rows[one.row]}
        for counter, cycle, values in self._counts:
            at = {"pid": process, "ts": self._time(cycle)}
            yield {"ph": "C", "name": counter, **at, "args": dict(values)}

    def _slice(self, one: Slice) -> Event:
        """A slice is called by its layer, one in which nothing was done by the cause."""
        args: dict[str, object] = {"cycle": one.start, "cycles": one.cycles}
        if one.tasks > 1:
            args["tasks"] = one.tasks
        name, kind = (one.what, STALL) if one.stalled else (one.layer, one.what)
        if one.stalled:
            args["layer"] = one.layer
        args |= dict(one.parts)
        times = {"ts": self._time(one.start), "dur": self._time(one.end - one.start)}
        return {"ph": "X", "name": name, "cat": kind, **times, "args": args}

    def _time(self, cycles: int) -> float:
        return round(cycles / self.clock_mhz, 6)


MARK = b'"made_by":"archsim"'
"""What tells a timeline of ours from others (`otherData` is free in the format)."""
PACKED_NAME = "archsim-trace.json"
"""The name in the head of a packed one, which tells the same: its content is not seen."""


def claim_trace(path: Path) -> None:
    """InputError where a timeline would take the place of somebody's file."""
    claim(path, _mark(path))


def write_traces(path: str | Path, traces: Iterable[Trace]) -> None:
    """Write several runs into one file, a process each; packed where its name ends in ``.gz``.
    InputError where `path` cannot be written."""
    path = Path(path)
    events = (
        event for process, trace in enumerate(traces, start=1) for event in trace.events(process)
    )
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    head = f'"displayTimeUnit":"ns","otherData":{{{MARK.decode()}}}'
    content = f'{{{head},"traceEvents":[\n{lines}\n]}}\n'.encode()
    write_own(path, _packed(content) if _is_packed(path) else content, _mark(path))


def _is_packed(path: Path) -> bool:
    return path.name.casefold().endswith(".gz")


def _mark(path: Path) -> bytes:
    return PACKED_NAME.encode() if _is_packed(path) else MARK


def _packed(content: bytes) -> bytes:
    """The same bytes for the same content: no time, and a name that is not the file's."""
    packed = io.BytesIO()
    with gzip.GzipFile(PACKED_NAME, "wb", fileobj=packed, mtime=0) as file:
        file.write(content)
    return packed.getvalue()


def _name(what: str, process: int, row: int, args: Event) -> Event:
    return {"ph": "M", "name": what, "pid": process, "tid": row, "args": args}
