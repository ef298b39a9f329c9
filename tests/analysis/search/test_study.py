"""Points of a search: each once, those that are refused apart, and the same ones every time."""

import pytest

from archsim.analysis.search.samplers import NAMES, Budget
from archsim.analysis.search.space import Space
from archsim.analysis.search.study import Study, Verdict
from archsim.analysis.sweep.plan import axis, objectives

pytest.importorskip("optuna")
AXES = [axis("a.x", [4, 1, 2, 8], ""), axis("a.y", ["u", "v"], ""), axis("a.z", [1, 2, 3], "")]
SPACE = 24


def wanted(count):
    return objectives((name, "") for name in ("cycles", "energy_pj")[:count])


def study(name="tpe", evaluations=12, together=4, count=2):
    return Study(Space(AXES), wanted(count), Budget(3, evaluations, together, count), name)


def values(places):
    """Two objectives that pull apart."""
    x, y, z = places
    return [10 - 3 * x + z, x * x + y]


def walked(one, refused=lambda _: False):
    """The points of a search to its end."""
    found = []
    while not one.finished:
        round_ = []
        for places in one.proposals():
            if refused(places):
                one.refuse(places, 1)
            else:
                round_.append(places)
        for places in round_:
            one.tell(places, Verdict(values(places)[: len(one.objectives)]))
        found += round_
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_point_counts_once_and_a_seed_says_which(name):
    count = 1 if name == "cmaes" else 2
    found = walked(study(name, count=count))
    assert len(found) == len({*found}) == 12
    assert found == walked(study(name, count=count))


@pytest.mark.parametrize("name", NAMES)
def test_a_search_as_long_as_the_grid_is_the_grid(name):
    found = walked(study(name, evaluations=99, count=1 if name == "cmaes" else 2))
    assert sorted(found) == [(x, y, z) for x in range(4) for y in range(2) for z in range(3)]


@pytest.mark.parametrize("name", NAMES)
def test_refused_points_do_not_count(name):
    one = study(name, evaluations=8, count=1 if name == "cmaes" else 2)
    found = walked(one, refused=lambda places: places[0] == 3)
    assert len(found) == one.evaluated == 8
    assert all(places[0] != 3 for places in found)


def test_a_search_that_may_run_nothing_ends():
    one = study()
    assert walked(one, refused=lambda _: True) == []
    assert one.refused == SPACE


def test_a_longer_search_begins_with_the_shorter_one():
    assert walked(study(evaluations=20))[:12] == walked(study(evaluations=12))


def test_a_grid_is_spread_over_its_points():
    found = walked(study("grid", evaluations=8))
    space = Space(AXES)
    assert found == [space.numbered(3 * at) for at in range(8)]


def test_numbers_are_in_order_and_words_as_written():
    space = Space(AXES)
    values = [[each.value for each in space.changes(places)] for places in [(0, 0, 0), (3, 1, 2)]]
    assert values == [[1, "u", 1], [8, "v", 3]]
    assert space.values((2, 0, 1)) == {"a.x": 4, "a.y": "u", "a.z": 2}


def test_it_finds_what_is_worth_finding():
    """On 1,000 points of which ten are on the front, more of them than a draw finds."""
    axes = [axis(f"a.{name}", range(10), "") for name in "xyz"]

    def found(name):
        one = Study(Space(axes), wanted(2), Budget(0, 100, 4, 2), name)
        chosen = set()
        while not one.finished:
            for x, y, z in [*one.proposals()]:
                one.tell((x, y, z), Verdict([x + y + z, (9 - x) + y + z]))
                chosen.add((x, y, z))
        return sum((x, 0, 0) in chosen for x in range(10))

    assert found("tpe") >= 8
    assert found("nsga2") > found("random")
