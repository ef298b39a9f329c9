"""Rows of rivals that train: the shared training, sizes by an independent count, what is kept."""

import copy
import json
import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from archsim.formats.errors import InputError
from benchmarks import trained_page
from sdalgo.networks import network
from sdalgo.rivals.row import Row
from sdalgo.rivals.trained import rows
from sdalgo.rivals.trained.harness import compressed, drawn
from sdalgo.rivals.trained.layers import products
from sdalgo.rivals.trained.loop import Settings, train
from sdalgo.rivals.trained.method import AsItIs, Method
from sdalgo.rivals.trained.methods import METHODS
from sdalgo.rivals.trained.stored import Floats, Indexed
from sdalgo.rivals.trained.task import Task, built, read
from sdalgo.training.readers import images
from sdalgo.training.samples import Samples

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results" / "rivals"
SHORT = Settings(epochs=2, batch=16)
WEIGHTS = {"stem.0": 144, "depthwise.0": 144, "pointwise.0": 512, "wide.0": 18_432, "fc": 640}
OTHERS = 32 * (10 + 4 * (16 + 16 + 32 + 64))  # a bias, and four numbers a channel of each norm


def samples(count: int, seed: int) -> Samples:
    """Images of two kinds of stripes, and which kind they are."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count).astype(np.uint8)
    stripes = (np.indices((28, 28))[labels] % 4 < 2) * 120
    pixels = stripes + generator.integers(0, 100, (count, 28, 28))
    return images(pixels[:, None].astype(np.uint8), labels, (110.0, 70.0), 10)


@pytest.fixture(scope="module")
def striped() -> Task:
    return Task(
        network="small_cnn", model=built("small_cnn").eval(), train=samples(48, 0),
        test=samples(40, 1), augment="none",
    )  # fmt: skip


def bits_by_hand(name: str, stored: dict[str, np.ndarray]) -> int:
    """What the layers take, from what the methods say of themselves and the weights alone."""
    outer = WEIGHTS["stem.0"] + WEIGHTS["fc"]
    inner = sum(WEIGHTS.values()) - outer
    stem, point, wide = (len(stored[key]) for key in ("stem.0", "pointwise.0", "wide.0"))
    left = 9 * stem + 9 * stem + stem * point + 9 * point * wide + 10 * wide
    nonzeros = sum(int(np.count_nonzero(value)) for value in stored.values())
    return {
        "as_it_is": 32 * (inner + outer),
        "float32": 32 * (inner + outer),
        "dorefa": 2 * inner + 32 * outer + 32 * 3,  # a cut for each inner layer's inputs
        "dorefa_4": 4 * inner + 32 * outer + 32 * 3,
        "lsq": 3 * inner + 8 * outer + 32 * 5 + 32 * 5,
        "lsq_8": 3 * inner + 8 * outer + 32 * 5 + 32 * 5,
        # An index bit, three bits where it is not zero, seven means.
        "clip_q": inner + outer + 3 * nonzeros + 5 * 7 * 32,
        "s8": 8 * (inner + outer) + 5 * 2 * 32 + 5 * 2 * 32,
        "fp8": 8 * (inner + WEIGHTS["stem.0"]) + 16 * WEIGHTS["fc"],
        "wageubn": 8 * (inner + outer) + 5 * 32,
        "slimming": 16 * left + 16 * 3,
        "thinet": 16 * left + 16 * 3,
    }[name]


@pytest.mark.parametrize("name", [name for name in METHODS if not name.startswith("smartdeal")])
def test_sizes_are_those_of_an_independent_count(striped, name):
    (row,) = rows(striped, [METHODS[name]()], SHORT)
    _, stored = compressed(striped, METHODS[name](), SHORT)
    weights = {key: one.rebuild() for key, one in stored.items()}
    assert row.layer_bits == bits_by_hand(name, weights)
    assert row.weights == sum(WEIGHTS.values())
    channels = sum(len(weights[key]) for key in WEIGHTS if key != "fc")
    assert row.other_bits == 32 * (10 + 4 * channels)
    if name not in ("slimming", "thinet"):
        assert row.other_bits == OTHERS
    assert row.epochs == (0 if name == "as_it_is" else 2)
    assert row.interval[0] <= row.score <= row.interval[1]


@pytest.mark.parametrize("name", ["smartdeal", "smartdeal_often"])
def test_smartdeal_is_counted_as_its_container_is(striped, name):
    _, stored = compressed(striped, METHODS[name](), SHORT)
    (row,) = rows(striped, [METHODS[name]()], SHORT)
    assert row.layer_bits == sum(one.bits("row") for one in stored.values())
    assert all(one.basis_bits == 8 for one in stored.values())


@pytest.mark.parametrize("name", list(METHODS))
def test_the_network_that_is_judged_holds_what_is_stored(striped, name):
    model, stored = compressed(striped, METHODS[name](), SHORT)
    assert set(stored) == set(products(model)) == set(WEIGHTS)
    for key, layer in products(model).items():
        np.testing.assert_array_equal(layer.weight.detach().numpy(), stored[key].rebuild())
        assert not isinstance(layer, torch.nn.utils.parametrize.ParametrizationList)
        assert len(list(layer.parameters(recurse=False))) == (2 if key == "fc" else 1)


@pytest.mark.parametrize("name", ["s8", "fp8", "lsq", "smartdeal_often"])
def test_the_same_seed_gives_the_same_bytes(striped, name):
    one, two = (compressed(striped, METHODS[name](), SHORT)[0] for _ in range(2))
    other, _ = compressed(striped, METHODS[name](), Settings(epochs=2, batch=16, seed=1))

    def content(model):
        return b"".join(value.numpy().tobytes() for value in model.state_dict().values())

    assert content(one) == content(two) != content(other)
    again = copy.deepcopy(striped.model).state_dict()
    assert all(torch.equal(again[k], v) for k, v in striped.model.state_dict().items())


def test_training_learns_the_stripes_and_leaves_the_start_alone(striped):
    (before, after) = rows(striped, [AsItIs(), Method()], Settings(epochs=6, batch=8, lr=0.05))
    assert after.score > 0.9 > before.score
    assert before.seconds < after.seconds


def test_the_rate_falls_as_a_cosine():
    settings = Settings(lr=0.4)
    rates = [settings.rate(step, 100) for step in range(100)]
    assert rates[0] == 0.4
    assert rates[50] == pytest.approx(0.2)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.001


def test_a_training_that_diverges_says_whose_it_is(striped):
    model = copy.deepcopy(striped.model)
    model.fc.weight.data.fill_(math.inf)
    with pytest.raises(InputError, match="float32, fine-tuned: the loss is"):
        train(model, Method(), striped.train, SHORT, "none")


def test_samples_of_a_sorted_file_are_drawn():
    some = samples(400, 0)
    order = np.argsort(some.labels.numpy(), kind="stable")
    found = drawn(some.take(order), 100, 0)
    assert len(found) == 100
    assert 30 < int(found.labels.sum()) < 70
    assert torch.equal(found.inputs, drawn(some.take(order), 100, 0).inputs)


def test_codes_are_counted_by_the_table():
    codes = np.array([0, 1, 5, 0])
    held = {"shape": (2, 2), "codes": codes, "table": np.arange(6, dtype=np.float32)}
    assert Indexed(**held, table_bits=7).bits() == 3 * 4 + 7
    assert Indexed(**held, table_bits=7, sparse=True).bits() == 4 + 3 * 2 + 7
    assert Floats(values=np.zeros((3, 2), np.float32), each=16).bits() == 96


def test_missing_images_are_named(tmp_path):
    with pytest.raises(InputError, match="no network 'mlp9'"):
        read("mlp9", None)
    with pytest.raises(InputError, match="nowhere: not there"):
        read("resnet20_cifar", tmp_path / "nowhere")


def test_all_methods_have_rows_of_their_own():
    made = [(one.name, one.setting) for one in (make() for make in METHODS.values())]
    assert len(set(made)) == len(METHODS)
    assert isinstance(network("small_cnn").build(), nn.Module)


def test_a_table_shows_what_a_file_of_results_holds(tmp_path):
    row = Row(
        method="LSQ", setting="3-bit", weights=1000, layer_bits=3210, other_bits=790,
        metric="accuracy", score=0.875, interval=(0.868, 0.881), refreshed=0.8612, epochs=2,
        seconds=17.6,
    )  # fmt: skip
    results = tmp_path / "mine_trained.json"
    results.write_text(json.dumps({"network": "mine", "rows": [row.to_json()]}))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- mine -->\nold\n<!-- end mine -->\nafter\n")
    trained_page.write(page, results)
    lines = page.read_text().splitlines()
    assert lines[:2] == ["before", "<!-- mine -->"]
    assert lines[-2:] == ["<!-- end mine -->", "after"]
    assert lines[4] == "| LSQ | 3-bit | 3.21 | 0.5 | 87.50 (86.8-88.1) | 86.12 | 18 |"


@pytest.mark.parametrize("results", sorted(RESULTS.glob("*_trained.json")), ids=lambda p: p.stem)
def test_the_page_shows_the_rows_that_are_kept(results):
    found = json.loads(results.read_text(encoding="utf-8"))
    page = (ROOT / trained_page.PAGE).read_text(encoding="utf-8")
    assert trained_page.table(found["rows"]) in page
    made = [(one.name, one.setting) for one in (make() for make in METHODS.values())]
    assert {(row["method"], row["setting"]) for row in found["rows"]} <= set(made)
    assert found["settings"]["images"] == 20_000
    for row in found["rows"]:
        held = Row(**{each.name: row[each.name] for each in fields(Row)})
        assert held.to_json() == row  # its ratios are those of its counts
