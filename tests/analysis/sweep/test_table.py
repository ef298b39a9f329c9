"""The table of a sweep: verdicts, order and front."""

import random
from dataclasses import replace
from itertools import product
from math import exp, log
from pathlib import Path
from statistics import fmean

import pytest

from archsim.analysis.figures.sweep_tornado import swings
from archsim.analysis.sweep.case import Case
from archsim.analysis.sweep.plan import Plan, constraint, objectives
from archsim.analysis.sweep.table import Row, as_csv, front, swept
from archsim.runs.pool import Job


def case(values, inputs):
    return Case("net", "arch", "Arch", 1, values, {}, None, {}, Job(Path("w"), Path("a")), inputs)


def rows(points):
    found = [case({}, str(at)) for at in range(len(points))]
    return [
        Row(one, {"totals": {}}, tuple(each), True) for one, each in zip(found, points, strict=True)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_the_front_is_what_no_other_beats(seed):
    """Against the definition: at least as good in all, better in one."""
    rng = random.Random(seed)
    points = [tuple(rng.randrange(6) for _ in range(3)) for _ in range(40)]
    wanted = objectives([("cycles", ""), ("gops", ""), ("energy_pj", "")])  # gops: much of it
    better = [(a, -b, c) for a, b, c in points]
    expected = [
        at
        for at, own in enumerate(better)
        if not any(
            all(x <= y for x, y in zip(other, own, strict=True)) and other != own
            for other in better
        )
    ]
    assert [int(row.case.inputs) for row in front(rows(points), wanted)] == expected


def made(cycles, constraints=()):
    """A sweep of one workload over two keys, with the given cycles of each pair."""
    pairs = list(cycles)
    cases = [case({"a.x": x, "b.y": y}, f"{x}{y}") for x, y in pairs]
    answers = {
        one.inputs: {"name": "Arch", "mode": "shapes", "notes": [],
                     "totals": {"cycles": cycles[pair], "energy_pj": 2.0}}
        for one, pair in zip(cases, pairs, strict=True)
    }  # fmt: skip
    plan = Plan(workloads=("net",), objectives=objectives(()), constraints=tuple(constraints))
    return cases, answers, plan


def test_rows_stand_in_the_order_of_the_design_whoever_was_first():
    cases, answers, plan = made({(1, "p"): 9, (2, "p"): 7, (1, "q"): 5})
    one = as_csv(swept(plan, cases, answers, {}))
    other = as_csv(swept(plan, cases, dict(reversed(answers.items())), {}))
    assert one == other
    assert [line.split(b",")[6] for line in one.splitlines()[1:]] == [b"9", b"7", b"5"]


def test_what_breaks_a_constraint_on_totals_is_kept_and_is_on_no_front():
    cases, answers, plan = made({(1, "p"): 9, (2, "p"): 4}, [constraint("cycles > 5", "")])
    found = swept(plan, cases, answers, {})
    assert [(row.feasible, row.front) for row in found.rows] == [(True, True), (False, False)]


def test_a_point_without_a_result_has_its_reason():
    cases, answers, plan = made({(1, "p"): 9, (2, "p"): 4})
    answers["2p"] = {"not_available": "too small a buffer"}
    lines = as_csv(swept(plan, cases, answers, {})).decode().splitlines()
    assert lines[2].endswith("2p,too small a buffer")
    assert ",false,false," in lines[2]


def test_how_far_a_key_moves_is_the_ratio_of_geometric_means():
    """By hand: logarithms, means, and the ratio to the mean over all."""
    cycles = {(x, y): 2**x * {"p": 10, "q": 1000}[y] for x, y in product((1, 2, 3), "pq")}
    cases, answers, plan = made(cycles)
    found = swings(swept(plan, cases, answers, {}).of("net"), ["a.x", "b.y"], 0)
    whole = fmean(log(value) for value in cycles.values())

    def expected(key, side):
        at = ["a.x", "b.y"].index(key)
        own = fmean(log(value) for pair, value in cycles.items() if str(pair[at]) == side)
        return 100 * (exp(own - whole) - 1)

    assert [swing.key for swing in found] == ["b.y", "a.x"]
    for swing in found:
        for side, percent in (swing.low, swing.high):
            assert percent == pytest.approx(expected(swing.key, side))


def test_a_formula_without_a_value_leaves_its_cell_empty():
    cases, answers, plan = made({(1, "p"): 9})
    plan = replace(plan, objectives=objectives([("cycles / (energy_pj - 2)", "")]))
    (row,) = swept(plan, cases, answers, {}).rows
    assert row.wanted == (None,)
    assert not row.front
