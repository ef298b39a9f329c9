"""How much of a known front each sampler finds: 6 keys of 4 values, 4096 points, all of them run.

    python -m benchmarks.search_4096                     # searches in the table of all points
    python -m benchmarks.search_4096 --enumerate --jobs 4     # runs all points first

`search_4096.csv` has the three objectives of every point, in the order of the grid. Prints the
share of the front's hypervolume that is reached, up to the worst corner of all points.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from archsim.analysis.search.hypervolume import hypervolume
from archsim.analysis.search.samplers import Budget
from archsim.analysis.search.space import Places, Space
from archsim.analysis.search.spec import load_search
from archsim.analysis.search.study import Study, Verdict
from archsim.analysis.sweep.plan import Plan
from archsim.formats.files import write_atomically

SPEC = Path(__file__).with_suffix(".yaml")
TABLE = SPEC.with_suffix(".csv")
SEEDS = 5
SAMPLERS = ("tpe", "nsga2", "qmc", "random", "grid")
Point = tuple[float, ...]


def known() -> Mapping[Places, Point]:
    """The objectives of every point, by its place on each axis."""
    space = Space(load_search(SPEC)[0].axes)
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = [tuple(map(float, row.values())) for row in csv.DictReader(file)]
    if len(rows) != space.size:
        raise ValueError(f"{TABLE} has {len(rows)} points, and the grid {space.size}")
    return {space.numbered(at): row for at, row in enumerate(rows)}


def found(plan: Plan, points: Mapping[Places, Point], budget: Budget, sampler: str) -> list[Point]:
    """The points that a search chooses, as `archsim search` would."""
    study = Study(Space(plan.axes), plan.objectives, budget, sampler)
    chosen: list[Point] = []
    while not study.finished:
        for places in [*study.proposals()]:
            study.tell(places, Verdict(points[places]))
            chosen.append(points[places])
    return chosen


def shares(sampler: str, seeds: Sequence[int] = range(SEEDS)) -> list[float]:
    """The share of the hypervolume that a sampler reaches, for each seed."""
    plan, method = load_search(SPEC)
    points = known()
    corner = [max(column) for column in zip(*points.values(), strict=True)]
    whole = hypervolume([*points.values()], corner)
    reached = []
    for seed in seeds:
        budget = Budget(seed, method.evaluations, method.together, len(plan.objectives))
        chosen = found(plan, points, budget, sampler)
        reached.append(hypervolume(chosen, corner) / whole)
    return reached


def enumerate_all(folder: Path, jobs: int) -> None:
    """Run every point, and write the table of them."""
    from archsim.analysis.sweep.cases import design
    from archsim.analysis.sweep.engine import Where
    from archsim.analysis.sweep.sweep import run
    from archsim.formats.progress import bar
    from archsim.runs.cache import default_cache

    plan, _ = load_search(SPEC)
    with bar("points", quiet=False, rate=True) as tick:
        swept = run(plan, design(plan), folder, Where(jobs, None, default_cache().folder), tick)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([one.name for one in plan.objectives])
    writer.writerows(row.wanted for row in swept.rows)
    write_atomically(TABLE, text.getvalue().encode())


def main() -> None:
    """Print a line per sampler."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--enumerate", action="store_true", help="run all points first")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/search_4096"))
    told = parser.parse_args()
    if told.enumerate:
        enumerate_all(told.out, told.jobs)
    say = sys.stdout.write
    say(f"{'sampler':8} {'mean':>7} {'least':>7}  seeds 0 to {SEEDS - 1}\n")
    for sampler in SAMPLERS:
        reached = shares(sampler)
        each = " ".join(f"{one:.2%}" for one in reached)
        say(f"{sampler:8} {fmean(reached):7.2%} {min(reached):7.2%}  {each}\n")


if __name__ == "__main__":
    main()
