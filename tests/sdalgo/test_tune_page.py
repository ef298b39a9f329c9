"""docs/reference/tune.md says what docs/results/tune/mobilenet_v2.json has, and that holds."""

import json
from pathlib import Path

import pytest

from benchmarks.tune import PAGE, POINTS, SPEC, written
from sdalgo.tune.front import dominates
from sdalgo.tune.spec import load_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found():
    return json.loads((ROOT / POINTS).read_text(encoding="utf-8"))


def test_the_page_has_the_table_of_the_points(found):
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert written(text, found) == text


def test_the_points_are_those_of_the_file(found):
    asked = load_plan(ROOT / SPEC, {}).asked
    assert found["recipe"] == asked.recipe
    assert found["objectives"] == asked.objectives
    own, *points = found["points"]
    assert len(points) == asked.evaluations
    for key, value in asked.first[0].items():
        assert points[0].get(key) == value
    for point in points:
        for key, values in asked.vary.items():
            assert key not in point or point[key] in values
        assert point["keeps_limits"] == (point["energy_pj"] <= own["energy_pj"])


def test_the_front_is_that_of_its_points(found):
    counting = [point for point in found["points"] if point["keeps_limits"]]
    values = {
        point["point"]: (point["size_bytes"], -point["cosine"], point["energy_pj"])
        for point in counting
    }
    best = {k for k, v in values.items() if not any(dominates(o, v) for o in values.values())}
    assert {point["point"] for point in found["points"] if point["front"]} == best
    assert all("evaluation_cosine" in point for point in counting if point["front"])


def test_a_point_is_smaller_and_agrees_better_for_no_more_energy(found):
    own, *points = found["points"]
    better = [
        point for point in points
        if point["front"]
        and point["size_bytes"] < own["size_bytes"]
        and point["energy_pj"] <= own["energy_pj"]
        and point["evaluation_cosine_low"] > own["evaluation_cosine_high"]
        and point["evaluation_agreement_low"] > own["evaluation_agreement_high"]
    ]  # fmt: skip
    assert better
    assert {point["point"] for point in better} <= set(found["better_than_own"])
