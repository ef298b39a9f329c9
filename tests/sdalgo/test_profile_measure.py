"""Measuring what was drawn from known parameters gives the parameters back, and so on round."""

import json

import numpy as np
import pytest

import archsim.formats.profile_values
from archsim.formats.errors import InputError
from archsim.formats.profile_models import Profile
from archsim.workload.profile import draw
from sdalgo.profile import measure, nbytes
from sdalgo.profile_coef import shared_by
from sdalgo.profile_normal import cut, latent_correlation
from sdalgo.profile_values import EDGES

CLASSES = [
    {"channels": 60, "zero": 0.8, "values": [200, 150, 100, 50, 20]},
    {"channels": 60, "zero": 0.3, "values": [10, 20, 30, 40, 50, 60, 70, 60, 50, 40, 30, 20, 10]},
]


def again(fields, shape=(120, 48, 48), seed=3):
    """What is measured from activations drawn with `fields`."""
    section = {"classes": CLASSES, "order": "01" * 60, **fields}
    return measure("conv", {"input": draw({"input": section}, "input", shape, seed)})["input"]


def test_zeros_and_histograms_come_back():
    found = again({})
    assert sum(c["channels"] for c in found["classes"]) == 120
    values = draw({"input": {"classes": CLASSES, "order": "01" * 60}}, "input", (120, 48, 48), 3)
    drawn = draw({"input": found}, "input", values.shape, 9)
    for value in range(20):
        assert (drawn == value).mean() == pytest.approx((values == value).mean(), abs=0.004)
    zeros = [(each == 0).mean(axis=(1, 2)) for each in (values, drawn)]
    assert np.allclose(*zeros, atol=0.06)


@pytest.mark.parametrize(("share", "x", "y"), [(0.7, 0.5, 0.6), (0.5, 0.75, 0.3), (0.9, 0.2, 0.7)])
def test_a_field_of_each_channel_comes_back(share, x, y):
    found = again({"local": [{"share": share, "x": x, "y": y}]})
    for lag in (1, 2, 3):
        curves = [
            sum(field["share"] * field[axis] ** lag for field in found["local"]) for axis in "xy"
        ]
        assert np.allclose(curves, [share * x**lag, share * y**lag], atol=0.03)
    assert "shared" not in found


def test_two_ranges_of_one_channel_come_back():
    fields = [{"share": 0.4, "x": 0.3, "y": 0.3}, {"share": 0.4, "x": 0.94, "y": 0.94}]
    found = again({"local": fields}, (120, 80, 80))["local"]
    for lag in (1, 2, 4, 8, 16):
        curve = sum(field["share"] * field["x"] ** lag for field in found)
        assert curve == pytest.approx(0.4 * 0.3**lag + 0.4 * 0.94**lag, abs=0.05)


@pytest.mark.parametrize(("share", "spread"), [(0.2, 0.0), (0.0, 0.3), (0.1, 0.25)])
def test_a_shared_field_is_told_from_a_shared_scale(share, spread):
    fields = {"local": [{"share": 0.4, "x": 0.5, "y": 0.5}]}
    if share:
        fields["shared"] = {"share": share, "x": 0.8, "y": 0.7}
    if spread:
        fields["scale"] = {"spread": spread, "x": 0.8, "y": 0.7}
    found = again(fields)
    assert found.get("shared", {}).get("share", 0) == pytest.approx(share, abs=0.03)
    assert found.get("scale", {}).get("spread", 0) == pytest.approx(spread, abs=0.06)
    for name in ("shared", "scale"):
        if name in fields:
            assert found[name]["x"] == pytest.approx(0.8, abs=0.08)
            assert found[name]["y"] == pytest.approx(0.7, abs=0.08)


def test_latent_correlation_of_signs_is_the_arcsine_law():
    _, indicator = cut(np.array([1.0, 1.0]))
    score = indicator[:, 0] / 0.5
    spectrum = (score @ indicator) ** 2
    for latent in (0.1, 0.5, 0.8):
        seen = 2 / np.pi * np.arcsin(latent) * (score**2).mean()
        assert latent_correlation(np.array([seen]), spectrum)[0] == pytest.approx(latent, abs=0.02)


@pytest.mark.parametrize("group", [1, 2, 5, 8, 32, 48, 100])
@pytest.mark.parametrize("inside", [1.0, 0.9, 0.4])
def test_the_size_of_a_group_is_found(group, inside):
    rng = np.random.default_rng(group)
    rows = rng.random((-(-100 // group), 80)) < 0.55
    live = np.repeat(rows, group, axis=0)[:100] & (rng.random((100, 80)) < inside)
    assert shared_by(live) == group


def test_coefficients_come_back():
    rows = {"live": 0.55, "counted": True, "filters": [0.4, 0.55, 0.7], "kernel": 0.3}
    codes = {"nonzeros": [1, 2, 7], "positive": [10, 20, 30, 40], "negative": [5, 15, 25, 35]}
    section = {"group": 8, "rows": rows, "filters": [0.9], **codes}
    coef = draw({"coef": section}, "coef", (512, 96, 3, 3), 2)
    found = measure("conv", {"coef": coef, "basis": np.zeros((512, 7, 3, 3), np.int8)})["coef"]
    assert found["group"] == 8
    assert found["slices"] == 7
    assert found["rows"]["live"] == pytest.approx(0.55, abs=0.01)
    assert found["rows"]["filters"][0] == pytest.approx(0.4, abs=0.01)
    assert found["rows"]["filters"][-1] == pytest.approx(0.7, abs=0.01)
    assert found["rows"]["kernel"] == pytest.approx(0.3, abs=0.1)
    assert np.mean(found["filters"]) == pytest.approx(0.9, abs=0.01)
    assert np.allclose(found["nonzeros"], [1000, 2000, 7000], atol=100)
    total = sum(codes["positive"]) + sum(codes["negative"])
    assert np.allclose(found["positive"], np.array(codes["positive"]) * 1e4 / total, atol=60)


def test_the_spread_of_filters_comes_back_from_coins():
    """Filters of two densities: counts are a mixture of two binomials, drawn and drawn again."""
    mask = {"live": 0.4, "values": [1], "filters": [0.3] * 50 + [0.5] * 50}
    first = draw({"pruned": mask}, "pruned", (400, 80, 3, 3), 0)
    second = draw(measure("conv", {"pruned": first}), "pruned", first.shape, 1)
    spreads = [w.reshape(400, -1).mean(axis=1).std() for w in (first, second)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.08)


EXTREMES = {
    "all zero": np.zeros((5, 6, 7), np.int8),
    "dense": np.full((5, 6, 7), 3, np.int8),
    "one channel": np.arange(49, dtype=np.int8).reshape(1, 7, 7),
    "one pixel a channel": np.arange(40, dtype=np.uint8).reshape(40, 1, 1),
    "one value": np.ones((1, 1, 1), np.int8),
    "extreme values": np.array([[[-128, 127], [0, -1]]], np.int8),
    "all bits": np.full((2, 3, 3), 255, np.uint8),
    "one row": (np.arange(300).reshape(3, 1, 100) % 7).astype(np.int8),
    "vector": (np.arange(50) % 3).astype(np.int8),
    "positions": (np.arange(600).reshape(12, 50) % 5).astype(np.int8),
    "one line live": np.pad(np.ones((8, 1, 9), np.int8), ((0, 0), (3, 3), (0, 0))),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_activations_are_measured_and_drawn(name):
    values = EXTREMES[name]
    profile = json.loads(json.dumps(measure("conv", {"input": values})))
    drawn = draw(Profile.model_validate(profile), "input", values.shape, 0)
    assert drawn.shape == values.shape
    assert drawn.dtype == values.dtype
    few = 1 / np.sqrt(values.size)
    assert abs((drawn == 0).mean() - (values == 0).mean()) < 0.15 + few
    assert np.abs(drawn.astype(int)).max() <= 2 * np.abs(values.astype(int)).max()
    if (values == 0).all() or (values != 0).all():
        assert ((drawn == 0) == (values == 0)).all()


@pytest.mark.parametrize("shape", [(4, 5, 3, 3), (1, 1, 1, 1), (7, 1, 3, 3), (9, 4), (2, 3, 7, 7)])
@pytest.mark.parametrize("live", [0.0, 1.0])
def test_masks_of_nothing_and_of_everything_come_back(shape, live):
    weight = np.full(shape, int(live) * 5, np.int8)
    rows = weight if len(shape) > 2 else np.repeat(weight[..., None], 3, axis=2)
    profile = measure("conv", {"weight": weight, "pruned": weight, "coef": rows})
    for what, like in (("weight", weight), ("pruned", weight), ("coef", rows)):
        assert np.array_equal(draw(profile, what, like.shape, 1) != 0, like != 0)


def test_the_largest_layer_of_the_wildest_kind_fits_4_kbytes():
    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(0, 1.5, (2048, 1, 1)))
    values = np.clip(np.round(rng.normal(0, 30, (2048, 7, 7)) * scale), -127, 127)
    weight = np.round(rng.normal(0, 20, (256, 2048)) * rng.random((256, 1))).astype(np.int8)
    small = np.where(rng.random((40, 400)) < rng.random((40, 1)), weight[:40, :400], 0)
    arrays = {"input": values.astype(np.int8), "weight": weight, "pruned": small}
    coef = np.clip(weight[:, :2046].reshape(256, 682, 3), -60, 60) * (
        rng.random((256, 682, 1)) < 0.5
    )
    profile = measure("conv", {**arrays, "coef": coef.astype(np.int8)})
    assert nbytes(profile) <= 4096
    Profile.model_validate(profile)


def test_both_sides_read_a_histogram_alike():
    assert archsim.formats.profile_values.EDGES == EDGES


@pytest.mark.parametrize(
    ("op", "arrays", "message"),
    [
        ("pool", {}, "has no tensors"),
        ("conv", {"input": np.zeros((0, 3, 3), np.int8)}, "shape"),
        ("conv", {"weight": np.zeros((2, 3, 1, 1))}, "float64"),
    ],
)
def test_what_cannot_be_measured_is_named(op, arrays, message):
    with pytest.raises(InputError, match=message):
        measure(op, arrays)


def test_operands_of_a_product_come_back():
    second = {"live": 0.7, "values": [5, 4, 3, 2, 1]}
    weight = draw({"weight": second}, "weight", (12 * 64, 96), 1).reshape(12, 64, 96)
    first = draw({"input": {"classes": [CLASSES[0] | {"channels": 12}]}}, "input", (12, 96, 96), 2)
    found = measure("matmul", {"input": first, "weight": weight})
    assert found["weight"]["live"] == pytest.approx(0.7, abs=0.01)
    assert found["input"]["classes"][0]["zero"] == pytest.approx(0.8, abs=0.02)
    again = draw(found, "weight", (12 * 64, 96), 3)
    assert (again != 0).mean() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("seen", [96, 160])
def test_what_a_causal_row_does_not_see_is_not_measured(seen):
    section = {"input": {"classes": [CLASSES[1] | {"channels": 12}]}}
    whole = draw(section, "input", (12, 96, seen), 2)
    causal = np.tril(whole, seen - 96)
    found = measure("matmul", {"input": causal}, causal=True)["input"]
    share = sum(each["channels"] * each["zero"] for each in found["classes"]) / 12
    assert share == pytest.approx(0.3, abs=0.02)
    assert measure("matmul", {"input": causal})["input"]["classes"][0]["zero"] > 0.45


def test_tokens_are_a_plane_of_one_row():
    section = {"classes": CLASSES, "order": "01" * 60, "local": [{"share": 0.6, "x": 0.8, "y": 0}]}
    plane = draw({"input": section}, "input", (120, 1, 512), 4)
    found = measure("conv", {"input": plane})["input"]
    curve = sum(field["share"] * field["x"] for field in found["local"])
    assert curve == pytest.approx(0.48, abs=0.06)
