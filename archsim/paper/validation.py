"""Each machine beside its own paper: the rows of data/validation.yaml.

A row names runs of archs and workloads, a formula over them, and the number that the machine's
authors print. `for` repeats a row; `let` names formulas; text in braces is a formula. A row whose
ratio is off says what causes it, with numbers of its runs; one that takes what nobody has says so
under `missing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any, Literal

from archsim.arch.arch import load_arch
from archsim.arch.change import Change, parsed
from archsim.formats.errors import InputError, Problem
from archsim.formats.search import find
from archsim.paper.formula import Names, filled, loop, value
from archsim.paper.lines import Spec, meets
from archsim.paper.printed import MISSING, Number, data, exactly, read
from archsim.paper.ratios import geometric_mean
from archsim.results.result import Result
from archsim.runs.cache import Cache
from archsim.runs.pool import Job, Tick, run_jobs

Verdict = Literal["agrees", "differs", "not checkable here"]
WITHIN = "within 10 %"


@dataclass(frozen=True)
class Row:
    """A number of a machine's authors, and ours at the published size. `ratio` is ours over
    theirs; `cause` says what a difference is from, `missing` what the comparison lacks."""

    machine: str
    configuration: str
    quantity: str
    published: str
    source: str
    ours: float | None
    ratio: float | None
    verdict: Verdict
    cause: str
    missing: str

    def to_dict(self) -> dict[str, Any]:
        """As `archsim paper validation --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class _Asked:
    """A row of the data file in one round of its `for`: its runs by name, and what loops name."""

    spec: Spec
    names: Names
    jobs: Mapping[str, Job]


def validation(
    cache: Cache | None, processes: int, tick: Tick, specs: Sequence[Spec] | None = None
) -> list[Row]:
    """Every row, or those of `specs`, their runs made now or taken from the cache.

    Raises:
        InputError: a machine refuses a workload of a row.
    """
    asked = list(_asked(data("validation") if specs is None else specs))
    jobs = list(dict.fromkeys(job for one in asked for job in one.jobs.values()))
    answers = run_jobs(jobs, processes, cache.folder if cache else None, tick)
    refused = [
        Problem(job.title, str(problem))
        for job, answer in zip(jobs, answers, strict=True)
        if isinstance(answer, tuple)
        for problem in answer
    ]
    if refused:
        raise InputError(refused)
    return [_row(one, dict(zip(jobs, answers, strict=True))) for one in asked]


def notes(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What is said of rows, each text once: whose it is, then the cause and what is missing."""
    said: dict[str, list[str]] = {}
    for row in rows:
        parts = [row.cause, row.missing and f"Missing: {row.missing}"]
        if text := " ".join(part if part[-1] == "." else f"{part}." for part in parts if part):
            said.setdefault(text, []).append(f"{row.quantity} ({row.configuration})")
    return [("; ".join(dict.fromkeys(whose)), text) for text, whose in said.items()]


def _asked(specs: Sequence[Spec]) -> Iterator[_Asked]:
    for spec in specs:
        for names in loop(spec["for"], _known()) if "for" in spec else [_known()]:
            jobs = {name: _job(run, names) for name, run in spec.get("runs", {}).items()}
            yield _Asked(spec, names, jobs)


def _job(run: Spec, names: Names) -> Job:
    """`arch`, `workload`, and optionally `set` (keys of the arch) and `layers` of a run."""
    changes = run.get("set", {})
    return Job(
        find("workloads", filled(run["workload"], names)),
        find("archs", filled(run["arch"], names)),
        tuple(_change(key, filled(text, names)) for key, text in changes.items()),
        run.get("layers", "all"),
        drawn=True,
    )


def _change(key: str, text: str) -> Change:
    (change,) = parsed([f"{key}={text}"], "data/validation.yaml ")
    return change


def _row(asked: _Asked, found: Mapping[Job, Any]) -> Row:
    spec = asked.spec
    names = dict(asked.names) | {name: _of(found[job]) for name, job in asked.jobs.items()}
    for name, formula in spec.get("let", {}).items():
        names[name] = value(formula, names)
    published = filled(spec["published"], names)
    number = value(spec["ours"], names) if "ours" in spec else None
    ours = None if number is None else float(number)
    stated = read(published)
    over = stated.value if isinstance(stated, Number) else 0.0
    texts = ("machine", "configuration", "quantity", "source", "cause", "missing")
    said = {key: " ".join(filled(spec.get(key, ""), names).split()) for key in texts}
    verdict = _verdict(ours, published, spec.get("test", WITHIN))
    ratio = ours / over if ours is not None and over else None
    return Row(published=published, ours=ours, ratio=ratio, verdict=verdict, **said)


def _verdict(ours: float | None, published: str, test: str) -> Verdict:
    if ours is None or published == MISSING or test == "open":
        return "not checkable here"
    return "agrees" if meets(exactly(ours), published, test) else "differs"


def _of(result: Result) -> Mapping[str, Any]:
    """What formulas see of a run: its totals, energy without DRAM, and prices."""
    off_chip = fsum(pj for name, pj in result.energy_by.items() if result.kinds[name] == "off_chip")
    on_chip = {"chip_pj": result.energy_pj - off_chip, "prices": result.prices}
    return {**result.totals(), **on_chip}


def _known() -> Names:
    """Functions that formulas may call."""
    return {
        "keys": lambda arch: load_arch(arch).resolved,
        "share": _share,
        "geometric_mean": geometric_mean,
        "max": max,
        "min": min,
        "sum": sum,
        "items": lambda mapping: list(mapping.items()),
        "len": len,
    }


def _share(run: Mapping[str, Any], parts: Sequence[str], of: Sequence[str] = ()) -> float:
    """Percent of a run's energy that its `parts` spend; of that of the components `of` if given."""
    energy = run["energy_by"]
    return 100 * fsum(energy[part] for part in parts) / fsum(energy[part] for part in of or energy)
