"""A folder of results: `<out>/<workload>[@<scenario>]/<arch>.json`, and `summary.csv` over them.

The summary is made from the JSON files each time, so it lists what the folder holds and nothing
else, whichever run wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.formats.errors import InputError, Problem
from archsim.formats.files import write_atomically
from archsim.results.result import Result
from archsim.version import MODEL

if TYPE_CHECKING:
    import pandas as pd

MARK = "archsim"  # a JSON object with this key is a result; its value is the version
PLAIN_COLUMNS = (
    "macs", "macs_done", "cycles", "compute_cycles", "milliseconds", "millijoules", "dram_bytes",
    "sram_bytes", "gops", "gops_per_watt",
)  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """A result and where it stands: `group` is the folder, `<workload>` or
    `<workload>@<scenario>`; `stem` is the name of the machine's file, which stays unique where two
    machines call themselves the same."""

    group: str
    stem: str
    result: Result

    def path(self, out: Path) -> Path:
        return out / self.group / f"{self.stem}.json"


def group_name(workload: str, scenario: str | None) -> str:
    """The folder of a workload under a scenario."""
    return f"{workload}@{scenario}" if scenario else workload


def save(out: Path, stored: Stored) -> Path:
    """Write one result; the path it now stands at."""
    path = stored.path(out)
    text = json.dumps(stored.result.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())
    return path


def read_result(path: Path) -> Result:
    """The result in `path`; InputError where the file is damaged or something else."""
    return _result_from(path, _read_json(path))


def kept_result(out: Path, group: str, stem: str, inputs: str) -> Result | None:
    """The result that stands in its place under `out` if it was made from `inputs`, a hash of all
    that it depends on; None where there is none, or a damaged or outdated one."""
    path = out / group / f"{stem}.json"
    try:
        result = read_result(path)
    except InputError:
        return None
    return result if result.inputs_hash == inputs else None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError.at(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError.at(str(path), f"not valid JSON: {error}") from error


def _result_from(path: Path, data: Any) -> Result:
    if isinstance(data, dict) and "layers" in data and "kinds" not in data:
        message = (
            "a result of an earlier archsim, which does not say what components are; make it anew"
        )
        raise InputError.at(str(path), message)
    try:
        return Result.from_dict(data)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not a result of archsim run ({type(error).__name__}: {error})"
        raise InputError.at(str(path), message) from error


def read_folder(
    out: Path, groups: Collection[str] | None = None
) -> tuple[list[Stored], list[Problem]]:
    """All results under `out`, or those of some groups, in the order of their paths, and what is
    wrong with the damaged ones. JSON files of other programs may stand there too and are passed
    over."""
    found: list[Stored] = []
    problems: list[Problem] = []
    for path in sorted(out.glob("*/*.json")):
        if groups is not None and path.parent.name not in groups:
            continue
        try:
            data = _read_json(path)
            if isinstance(data, dict) and MARK in data:
                found.append(Stored(path.parent.name, path.stem, _result_from(path, data)))
        except InputError as error:
            problems += error.problems
    return found, problems


def other_models(results: Sequence[Stored]) -> list[str]:
    """A line for each other version of the model that made some of the results."""
    made: dict[int, list[str]] = {}
    for stored in results:
        if stored.result.model != MODEL:
            made.setdefault(stored.result.model, []).append(f"{stored.group}/{stored.stem}")
    return [
        f"of model version {model}, not {MODEL} as this archsim (CHANGELOG.md): " + ", ".join(names)
        for model, names in sorted(made.items())
    ]


def summary_row(stored: Stored) -> dict[str, Any]:
    """The totals of one result as a row of `summary.csv`: the plain counts, then
    `dram_bytes.<flow>` and `energy_pj.<component>`."""
    result = stored.result
    workload, _, scenario = stored.group.partition("@")
    totals = result.totals()
    return {
        "workload": workload,
        "scenario": scenario,
        "arch": stored.stem,
        "name": result.arch,
        "mode": result.mode,
        "model": result.model,
        **{name: totals[name] for name in PLAIN_COLUMNS},
        "arch_hash": result.arch_hash,
        "workload_hash": result.workload_hash,
        **{f"dram_bytes.{flow}": n for flow, n in totals["dram_bytes_by"].items()},
        **{f"energy_pj.{name}": pj for name, pj in totals["energy_by"].items()},
        "notes": "; ".join(result.notes),
    }


def summary(results: Sequence[Stored]) -> pd.DataFrame:
    """One row per (workload, scenario, machine). A flow or component that a machine does not have
    is left empty."""
    import pandas as pd

    frame = pd.DataFrame([summary_row(stored) for stored in results])
    frame["notes"] = frame.pop("notes")  # last, whichever columns later rows brought
    whole = [name for name in frame.columns if name.startswith("dram_bytes.")]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def write_summary(out: Path, results: Sequence[Stored]) -> Path:
    """Write `summary.csv` over `results`; the path it stands at."""
    path = out / "summary.csv"
    write_atomically(path, summary(results).to_csv(index=False, lineterminator="\n").encode())
    return path
