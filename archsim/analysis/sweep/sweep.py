"""A sweep from a plan to its table; what `archsim sweep` and `archsim.sweep` have in common."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.analysis.sweep.cases import Design, design
from archsim.analysis.sweep.engine import Tick, Where, fill
from archsim.analysis.sweep.plan import Formula, Link, Plan, axis, constraint, objectives
from archsim.analysis.sweep.table import CSV_MARK, Swept, as_csv, swept
from archsim.formats.own_files import claim, write_own

if TYPE_CHECKING:
    import pandas as pd

TABLE = "points.csv"
Names = str | Sequence[str]


def run(plan: Plan, made: Design, folder: Path, where: Where, tick: Tick) -> Swept:
    """Run what is not known of a plan's design, and write its table into the folder.

    Raises:
        InputError: as of `archsim.analysis.sweep.engine.fill`, or the table cannot be written.
    """
    claim(folder / TABLE, CSV_MARK)
    answers = fill(made.cases, folder, where, tick)
    found = swept(plan, made.cases, answers, made.left_out)
    write_own(folder / TABLE, as_csv(found), CSV_MARK)
    return found


def sweep(  # noqa: PLR0913 - all but two go by their names
    workloads: Names,
    archs: Names = (),
    *,
    vary: Mapping[str, Sequence[Any]],
    link: Mapping[str, str] | None = None,
    where: Sequence[str] = (),
    objectives: Sequence[str] = (),
    samples: int | None = None,
    seed: int = 0,
    sets: Sequence[str] = (),
    scenario: str | None = None,
    layers: str = "all",
    batch: int | None = None,
    out: str | Path | None = None,
    jobs: int | None = 1,
    dask: str | None = None,
) -> pd.DataFrame:
    """Run machines on workloads at every point of a design; a row per point and workload.

    `vary` has the values of each key, `link` a formula for each key that follows from others, and
    `where` holds constraints (docs/reference/sweep.md has their grammar). With `samples` so many
    points of the grid are drawn. Answers are kept in the folder `out`, and those that it has are
    not run again; without it nothing is kept but what the cache keeps. `jobs` is the number of
    processes, None for as many as are worth it: a script that starts others needs
    ``if __name__ == "__main__":``. `dask` is the address of a scheduler.

    Raises:
        InputError: something that is named does not exist, or cannot be.
    """
    from archsim.runs.cache import default_cache

    plan = plan_of_words(
        workloads, archs, vary=vary, link=link, where=where, objectives=objectives, samples=samples,
        seed=seed, sets=sets, scenario=scenario, layers=layers, batch=batch, place="archsim.sweep",
    )  # fmt: skip
    chosen = Where(jobs, dask, default_cache().folder)
    with tempfile.TemporaryDirectory(prefix="archsim-") as scratch:
        folder = Path(scratch) if out is None else Path(out)
        return run(plan, design(plan), folder, chosen, lambda *_: None).frame()


def plan_of_words(  # noqa: PLR0913 - all but two go by their names
    workloads: Names,
    archs: Names,
    *,
    vary: Mapping[str, Sequence[Any]],
    place: str,
    link: Mapping[str, str] | None = None,
    where: Sequence[str] = (),
    objectives: Sequence[str] = (),
    samples: int | None = None,
    seed: int = 0,
    sets: Sequence[str] = (),
    scenario: str | None = None,
    layers: str = "all",
    batch: int | None = None,
) -> Plan:
    """The plan that the arguments of a call say; `place` is what they are arguments of.

    Raises:
        InputError: something in them has no meaning.
    """
    return Plan(
        workloads=_tuple(workloads),
        archs=_tuple(archs),
        sets=tuple(sets),
        scenario=scenario,
        layers=layers,
        batch=batch,
        axes=tuple(axis(key, values, f"vary: {key}") for key, values in vary.items()),
        samples=samples,
        seed=seed,
        links=tuple(_link(*each) for each in (link or {}).items()),
        constraints=tuple(constraint(text, f"where: {text}") for text in where),
        objectives=_objectives(objectives),
        place=place,
    )


def _link(key: str, text: str) -> Link:
    place = f"link: {key}"
    return Link(key, Formula.at(text, place), place)


def _objectives(texts: Sequence[str]) -> tuple[Any, ...]:
    return objectives((text, f"objectives: {text}") for text in texts)


def _tuple(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
