"""A folder of results: `<out>/<workload>[@<scenario>]/<arch>[@<settings>].json`, and `summary.csv`
over them.

The summary lists what the folder holds and nothing else, whichever run wrote it. What a result was
made with is read from the result; its name only keeps it from being written over.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.formats import console
from archsim.formats.errors import InputError, Problem
from archsim.formats.files import write_atomically
from archsim.formats.json_file import read_json
from archsim.formats.own_files import claim, is_own, write_own
from archsim.formats.sealed import CHECKSUM, make_way, sealed
from archsim.formats.spreadsheet import records_text
from archsim.results.energy_parts import memory_parts
from archsim.results.result import Result
from archsim.results.result_file import result_at, result_of
from archsim.results.settings import BATCH, LAYERS, Settings, machine_of, settings_text
from archsim.version import MODEL

if TYPE_CHECKING:
    import pandas as pd

MARK = "archsim"  # a JSON object with this key is a result; its value is the version
LARGEST = 2**63 - 1  # that a column of integers holds
_KEYS = frozenset({MARK, CHECKSUM, "arch_resolved", "workload_hash"})
"""A JSON object with one of these is a result, or what is left of one."""
SUMMARY_MARK = b"workload,scenario,arch,name,batch,layers,set,"  # how a summary begins
PLAIN_COLUMNS = (
    "macs", "macs_done", "cycles", "compute_cycles", "milliseconds", "millijoules", "dram_bytes",
    "sram_bytes", "gops", "gops_per_watt",
)  # fmt: skip

PRICED_COLUMNS = ("leakage_pj", "area_mm2", "gops_per_mm2")
"""Of results whose prices have them."""


@dataclass(frozen=True)
class Stored:
    """A result and where it stands: `group` is the folder, `<workload>` or
    `<workload>@<scenario>`; `stem` is the name of the result's file."""

    group: str
    stem: str
    result: Result
    of_machine: str = ""

    @property
    def machine(self) -> str:
        """The name of the machine's file, which stays unique where two machines call themselves
        the same: `of_machine` if it is given, else what `stem` begins with."""
        return self.of_machine or machine_of(self.stem, self.settings)

    @property
    def place(self) -> str:
        """Where it stands in a results folder."""
        return f"{self.group}/{self.stem}"

    @property
    def settings(self) -> Settings:
        return self.result.settings

    def path(self, out: Path) -> Path:
        return out / self.group / f"{self.stem}.json"


def group_name(workload: str, scenario: str | None) -> str:
    """The folder of a workload under a scenario."""
    return f"{workload}@{scenario}" if scenario else workload


def claim_results(out: Path, places: Iterable[tuple[str, str]]) -> None:
    """Refuse a folder in which results would be written over files of somebody else.

    In a folder that has a summary of ours the results are ours as well, damaged ones too.

    Args:
        places: (group, stem) of each result.

    Raises:
        InputError: such a file is there, and nothing is forced.
    """
    summary_path = out / "summary.csv"
    claim(summary_path, SUMMARY_MARK)
    if not is_own(summary_path, SUMMARY_MARK):
        for group, stem in places:
            claim(out / group / f"{stem}.json", f'"{MARK}"'.encode())


def save(out: Path, stored: Stored) -> Path:
    """Write one result, with a checksum of its content; the path it now stands at."""
    path, _ = written(out, stored)
    return path


def written(out: Path, stored: Stored) -> tuple[Path, bytes]:
    """Write one result as `save` does; the path it now stands at, and the bytes of the file."""
    path, content = stored.path(out), sealed(stored.result.to_dict())
    make_way(path)
    write_atomically(path, content)
    return path, content


def read_result(path: Path) -> Result:
    """The result in `path`; InputError where the file is damaged, changed or something else."""
    return result_at(path, Result.from_dict)


def kept_result(out: Path, group: str, stem: str, inputs: str) -> Result | None:
    """The result that stands in its place under `out` if it was made from `inputs`, a hash of all
    that it depends on; None where there is none or an outdated one, and after a note where it is
    damaged or was changed."""
    path = out / group / f"{stem}.json"
    if not os.path.lexists(path):
        return None
    try:
        result = read_result(path)
    except InputError as error:
        for problem in error.problems:
            console.note(f"{problem}; it is made again")
        return None
    return result if result.inputs_hash == inputs else None


def result_files(out: Path) -> list[Path]:
    """The files under `out` that may be results, in the order of their paths."""
    return sorted(out.glob("*/*.json"))


def read_stored(path: Path) -> Stored | None:
    """The result in a file of a results folder; None where it is the file of another program.

    Raises:
        InputError: it is damaged, or was changed.
    """
    data = read_json(path)
    if _is_foreign(data):
        return None
    return Stored(path.parent.name, path.stem, result_of(path, data, Result.from_dict))


def _is_foreign(data: Any) -> bool:
    """Whether another program wrote it: an object or a list with something in it, and no key of a
    result. What is empty, or nothing but a number or a word, is what is left of a result."""
    if isinstance(data, list):
        return bool(data) and not any(_KEYS & {*each} for each in data if isinstance(each, dict))
    return isinstance(data, dict) and bool(data) and not _KEYS & {*data}


def read_folder(
    out: Path, groups: Collection[str] | None = None
) -> tuple[list[Stored], list[Problem]]:
    """All results under `out`, or those of some groups, and what is wrong with the damaged ones.
    JSON files of other programs may stand there too and are passed over."""
    found: list[Stored] = []
    problems: list[Problem] = []
    for path in result_files(out):
        if groups is not None and path.parent.name not in groups:
            continue
        try:
            stored = read_stored(path)
        except InputError as error:
            problems += error.problems
            continue
        if stored is not None:
            found.append(stored)
    return found, problems


def other_models(made: Iterable[tuple[str, int]]) -> list[str]:
    """A line for each other version of the model that made some of the results, of which the place
    (`<group>/<stem>`) and the version are given."""
    places: dict[int, list[str]] = {}
    for place, model in made:
        if model != MODEL:
            places.setdefault(model, []).append(place)
    return [
        f"of model version {model}, not {MODEL} as this archsim (CHANGELOG.md): " + ", ".join(names)
        for model, names in sorted(places.items())
    ]


def run_columns(stored: Stored) -> dict[str, Any]:
    """What was run, as columns: workload, scenario, machine, batch (empty where an earlier archsim
    has not written it), layers, and the other settings."""
    workload, _, scenario = stored.group.partition("@")
    settings = dict(stored.settings)
    batch = settings.pop(BATCH, None)
    return {
        "workload": workload,
        "scenario": scenario,
        "arch": stored.machine,
        "name": stored.result.arch,
        "batch": batch if stored.result.batch is None else stored.result.batch,
        "layers": settings.pop(LAYERS, "all"),
        "set": settings_text(settings),
    }


def summary_row(stored: Stored) -> dict[str, Any]:
    """The totals of one result as a row of `summary.csv`: what was run, the plain counts, then
    `dram_bytes.<flow>` and `energy_pj.<component>`, and of memories with rows
    `memory_pj.<component>.<part>`, which the component's energy contains; where prices have them,
    leakage and area, which are left empty for a component that they do not know."""
    result = stored.result
    totals = result.totals()
    return {
        **run_columns(stored),
        "mode": result.mode,
        "model": result.model,
        **{name: totals[name] for name in PLAIN_COLUMNS},
        "arch_hash": result.arch_hash,
        "workload_hash": result.workload_hash,
        **{f"dram_bytes.{flow}": n for flow, n in totals["dram_bytes_by"].items()},
        **{f"energy_pj.{name}": pj for name, pj in totals["energy_by"].items()},
        **{
            f"memory_pj.{name}.{part}": pj
            for name, parts in memory_parts(result).items()
            for part, pj in parts.items()
        },
        **{name: totals[name] for name in PRICED_COLUMNS if name in totals},
        **{f"leakage_pj.{name}": pj for name, pj in totals.get("leakage_by", {}).items()},
        **{f"area_mm2.{name}": mm2 for name, mm2 in totals.get("area_by", {}).items()},
        "notes": "; ".join(result.notes),
    }


def summary(results: Sequence[Stored]) -> pd.DataFrame:
    """One row per result. A flow or component that a machine does not have is left empty."""
    import pandas as pd

    rows = [summary_row(stored) for stored in results]
    columns = _columns(rows)
    frame = pd.DataFrame(rows, columns=columns)
    for name in columns:
        if name.startswith("dram_bytes."):  # made of the rows: a gap would turn them into floats
            counts = [row.get(name) for row in rows]
            fits = all(count is None or count <= LARGEST for count in counts)
            frame[name] = pd.array(counts, dtype="Int64" if fits else object)
    return frame


def write_summary(out: Path, results: Sequence[Stored]) -> Path:
    """Write `summary.csv` over `results`; the path it stands at."""
    return write_rows(out, [summary_row(stored) for stored in results])


def write_rows(out: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write `summary.csv` of rows as `summary_row` makes them; the path it stands at."""
    path = out / "summary.csv"
    write_own(path, records_text(_columns(rows), rows).encode(), SUMMARY_MARK)
    return path


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """In the order in which rows bring them; the notes last."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [*(name for name in names if name != "notes"), "notes"]
