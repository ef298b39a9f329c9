"""Groups of layers, and points of a search: which are the same, and what is wrong with a key."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("optuna")

import torch

from sdalgo import InputError, networks
from sdalgo.graph import layer_graph
from sdalgo.options import preset
from sdalgo.recipe import load_recipe
from sdalgo.tune.groups import groups_of
from sdalgo.tune.setting import setting_of
from sdalgo.tune.space import space_of, usual
from sdalgo.tune.spec import load_plan
from sdalgo.tune.study import Method, Study, Verdict

GROUPS = ("first", "pointwise")


def space(vary, groups=GROUPS, **words):
    plan = load_plan(None, {"recipe": "mobilenet_v2_sd", "vary": vary, **words})
    return space_of(plan, load_recipe("mobilenet_v2_sd"), groups)


@pytest.mark.parametrize("name", ["mobilenet_v2", "tiny"])
def test_layers_go_by_their_kinds(name):
    with torch.device("meta"):
        model = networks.network(name).build()
    nodes = [n for n in layer_graph(model, networks.network(name).INPUT) if n.has_weights]
    found = groups_of(nodes, {}, str)
    by_kind = {kind: [k for k, v in found.items() if v == kind] for kind in found.values()}
    if name == "tiny":
        assert by_kind == {
            "first": ["stem"],
            "pointwise": ["expand", "squeeze", "excite", "project"],
            "depthwise": ["depthwise"],
            "spatial": ["wide", "grouped", "head"],
            "classifier": ["fc"],
        }
        return
    assert by_kind["first"] == ["features.0.0"]
    assert by_kind["classifier"] == ["classifier.1"]
    assert len(by_kind["depthwise"]) == 17
    assert len(by_kind["pointwise"]) == 34
    some = groups_of(nodes, {"a": ["features.[12].*"], "b": ["features.2.*", "*.18.0"]}, str)
    assert {k for k, v in some.items() if v == "b"} == {"features.18.0"}
    assert some["features.2.conv.2"] == "a"
    with pytest.raises(InputError, match=r"there is no layer 'features.19.0'; did you mean"):
        groups_of(nodes, {"a": ["features.19.0"]}, lambda *path: str(path))


def test_a_group_counts_before_all_and_the_recipe_where_its_preset_stays():
    found = space({"theta": [0.001, 0.002], "first.theta": [0.5], "levels": [4]})
    first, pointwise = found.settings((1, 0, 0))
    assert first.options() == preset("as_released_double", theta=0.5, levels=4)
    assert pointwise.options() == preset("as_released_double", theta=0.002, levels=4)
    own = setting_of(load_recipe("mobilenet_v2_sd"), {})
    assert own.options() == preset("as_released_double", theta=0.004)
    best = setting_of(load_recipe("mobilenet_v2_sd"), {"preset": "best"})
    assert best.options() == preset("best")  # the recipe's theta is no share of an rms


def test_points_that_come_to_the_same_are_one():
    found = space(
        {
            "preset": ["as_released_double", "activations"],
            "theta": [0.0, 0.1],
            "price": [1e-8, 1e-7],
        }
    )
    assert found.size == 8
    assert found.distinct is not None
    assert len(found.distinct) == 4  # two thetas, two prices
    assert found.shown((1, 0, 1)) == {"preset": "activations", "theta": None, "price": 1e-7}
    calibrated = found.settings((1, 1, 0))[0].options()
    assert calibrated == preset("activations", bits=None, price=1e-8)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "grid"])
def test_a_sampler_meets_every_point_once_and_the_same_ones_again(sampler):
    found = space(
        {"preset": ["as_released_double", "activations"], "theta": [0.0, 0.1, 0.2],
         "price": [1e-8, 1e-7], "levels": [4, 6]}
    )  # fmt: skip

    def chosen(seed):
        study = Study(found, ("size", "cosine"), Method(sampler, seed, 100))
        points = []
        while (places := study.next()) is not None:
            points.append(places)
            values = [float(sum(places)), float(places[1] * places[3])]
            study.tell(places, None if places[2] else Verdict(values, places[0]))
        return points

    points = chosen(0)
    assert {found.settings(one) for one in points} == {
        found.settings(one) for one in found.distinct or ()
    }
    assert len(points) == 2 * (3 + 2)
    assert chosen(0) == points


def test_points_that_are_wanted_come_first():
    found = space({"theta": [0.0, 0.1, 0.2, 0.3], "levels": [2, 4]})
    study = Study(found, ("size",), Method("tpe", 0, 3))
    study.want(found.places({"theta": 0.2, "levels": 4}))
    assert study.next() == (2, 1)
    study.tell((2, 1), Verdict([1.0]))
    rest = []
    while (places := study.next()) is not None:
        rest.append(places)
        study.tell(places, Verdict([2.0]))
    assert len({(2, 1), *rest}) == 3


def test_the_usual_space_has_prices_by_group():
    found = usual(load_recipe("mobilenet_v2_sd"), GROUPS)
    assert found["preset"] == ["as_released_double", "activations"]
    assert {"first.price", "pointwise.price", "theta", "levels", "row_ratio"} <= set(found)
    assert space({}).size == space(found).size


WRONG = [
    (
        {"vary": {"thta": [1]}},
        r"--vary thta: thta: there is no option 'thta'; did you mean 'theta'",
    ),
    ({"vary": {"frst.theta": [1]}}, r"there is no group of layers 'frst'; did you mean 'first'"),
    ({"vary": {"theta": [-1.0]}}, r"--vary theta: vary.theta: -1.0 is not a finite number"),
    ({"vary": {"levels": ["many"]}}, r"vary.levels: 'many' is not of its type"),
    ({"vary": {"preset": ["bst"]}}, r"there is no preset 'bst'; did you mean 'best'"),
    ({"vary": {"row_ratio": [1.0]}}, r"1.0 is not from 0 to below 1"),
    ({"vary": {"bits": [4]}}, r"bits cannot be varied; a point has a price"),
    (
        {"vary": {"theta": [0.1]}, "set": {"theta": 0.2}},
        r"--set theta: set.theta: is varied as well",
    ),
    ({"vary": {"theta": [0.1]}, "at_most": {"energy": 1}}, r"there is no metric 'energy'; did you"),
    ({"vary": {"theta": [0.1]}, "at_most": {"size": "own_"}}, r"'own_' is neither a number nor"),
    ({"vary": {"theta": [0.1]}, "at_least": {"cosine": float("nan")}}, r"nan is neither a number"),
    ({"vary": {"theta": [0.1]}, "objectives": ["cycles"]}, r"cycles needs a machine"),
    ({"vary": {"theta": [0.1]}, "calibration": "a"}, r"give `evaluation` too"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_what_is_wrong_is_told_with_its_place(words, message):
    with pytest.raises(InputError, match=message):
        space(words.pop("vary"), **words)


def test_what_is_wrong_in_a_file_is_told_at_its_line(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_text("recipe: mobilenet_v2_sd\nvary:\n  theta: [0.1]\n  frst.levels: [4, x]\n"
                    "first:\n  - {theta: 0.2}\n")  # fmt: skip
    plan = load_plan(path, {})
    with pytest.raises(InputError) as error:
        space_of(plan, load_recipe("mobilenet_v2_sd"), GROUPS)
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "search.yaml:4:3: frst.levels: there is no group" in lines[0]
    assert "search.yaml:4:20: vary.frst.levels: 'x' is not of its type" in lines[1]
    path.write_text("recipe: mobilenet_v2_sd\nvary:\n  theta: [0.1]\nfirst:\n  - {theta: 0.2}\n")
    with pytest.raises(InputError, match=r"search.yaml:5:13: first\[0\].theta: 0.2 is not one of"):
        space_of(load_plan(path, {}), load_recipe("mobilenet_v2_sd"), GROUPS)
    path.write_text("recipe: a\nseed: 5\n")
    assert load_plan(path, {"seed": 0}).asked.seed == 0
    assert load_plan(path, {"seed": None}).asked.seed == 5
    path.write_text("recipe: a\nobjectves: [size]\n")
    with pytest.raises(InputError, match=r"search.yaml:2:1: there is no key 'objectves'; did"):
        load_plan(path, {})
