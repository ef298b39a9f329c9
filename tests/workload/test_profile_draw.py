"""Drawing against what theory says of the drawn: the arcsine law, counts, shares, streams."""

import math
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.formats.errors import InputError
from archsim.formats.profile_values import EDGES, magnitudes
from archsim.workload.profile import basis_scale, draw

COIN = {"channels": 400, "zero": 0.5, "values": [1]}
CODES = {"nonzeros": [1, 2, 7], "positive": [3, 1], "negative": [4]}


def drawn(section, shape, what="input", seed=0):
    return draw({what: section}, what, shape, seed)


def correlation(bits, axis, lag):
    """Correlation of 0/1 maps of mean one half at a distance along an axis."""
    first = np.take(bits, range(lag, bits.shape[axis]), axis=axis)
    second = np.take(bits, range(bits.shape[axis] - lag), axis=axis)
    return float((first * second).mean() * 4 - 1)


@pytest.mark.parametrize(("share", "x", "y"), [(1.0, 0.6, 0.3), (0.5, 0.7, 0.0), (0.6, 0.9, 0.9)])
def test_neighbours_of_a_cut_field_follow_the_arcsine_law(share, x, y):
    """Signs of two normals of correlation r have correlation 2/pi * asin(r)."""
    section = {"classes": [COIN], "local": [{"share": share, "x": x, "y": y}]}
    bits = drawn(section, (400, 48, 48)).astype(float)
    for axis, decay in ((2, x), (1, y)):
        for lag in (1, 2, 5):
            law = 2 / math.pi * math.asin(share * decay**lag)
            assert correlation(bits, axis, lag) == pytest.approx(law, abs=0.025), (axis, lag)


def test_channels_share_the_shared_field_and_nothing_else():
    both = {"share": 0.3, "x": 0.5, "y": 0.5}
    fields = {"shared": both, "local": [{"share": 0.5, "x": 0.5, "y": 0.5}]}
    bits = drawn({"classes": [COIN], **fields}, (400, 40, 40)).astype(float)
    flat = bits.reshape(400, -1) * 2 - 1
    pairs = (flat.sum(axis=0) ** 2 - (flat**2).sum(axis=0)).mean() / (400 * 399)
    assert pairs == pytest.approx(2 / math.pi * math.asin(0.3), abs=0.02)


def test_levels_give_the_shared_field_its_extremes():
    """One level far from the rest: a few pixels where almost every channel is live."""
    levels = [-0.5] * 9 + [-0.4, 4.0]
    shared = {"share": 0.5, "levels": levels}
    counts = (drawn({"classes": [COIN], "shared": shared}, (400, 20, 20)) > 0).mean(axis=0)
    plain = (drawn({"classes": [COIN], "shared": {"share": 0.5}}, (400, 20, 20)) > 0).mean(axis=0)
    assert counts.max() > 0.97
    assert counts.min() > plain.min() + 0.2


def test_a_common_scale_keeps_every_distribution_and_gathers_large_values():
    classes = [{"channels": 300, "zero": 0.3, "values": [50, 40, 30, 20, 10, 5, 3, 2, 1, 1, 1]}]
    plain = drawn({"classes": classes}, (300, 32, 32))
    scaled = drawn({"classes": classes, "scale": {"spread": 0.4}}, (300, 32, 32))
    for value in range(8):
        assert (scaled == value).mean() == pytest.approx((plain == value).mean(), abs=0.01)
    assert (scaled > 4).mean(axis=0).std() > 3 * (plain > 4).mean(axis=0).std()


def test_classes_keep_their_zeros_and_histograms_in_their_order():
    few = {"channels": 2, "zero": 0.9, "values": [0, 0, 0, 10]}
    many = {"channels": 3, "zero": 0.1, "values": [1, 2], "negative": [1]}
    section = {"dtype": "int8", "classes": [few, many], "order": "10110"}
    channels = drawn(section, (5, 100, 100)).reshape(5, -1)
    assert np.allclose((channels == 0).mean(axis=1), [0.1, 0.9, 0.1, 0.1, 0.9], atol=0.02)
    assert set(np.unique(channels[[1, 4]])) == {0, 4}
    shares = [(channels[[0, 2, 3]] == value).mean() for value in (-1, 1, 2)]
    assert np.allclose(shares, [0.225, 0.225, 0.45], atol=0.01)


def test_without_an_order_the_classes_fall_on_random_channels():
    few, many = {"channels": 20, "zero": 1.0}, {"channels": 20, "zero": 0.0, "values": [1]}
    live = [drawn({"classes": [few, many]}, (40, 2, 2), seed=s)[:, 0, 0] for s in (0, 1)]
    assert [int(row.sum()) for row in live] == [20, 20]
    assert (live[0] != live[1]).any()


@pytest.mark.parametrize("shape", [(400, 1, 1), (400, 1, 9), (400, 9, 1), (30, 400)])
def test_planes_of_any_shape_are_drawn(shape):
    fields = {
        "local": [{"share": 0.4, "x": 0.5, "y": 0.5}, {"share": 0.3, "x": 0.95, "y": 0.95}],
        "shared": {"share": 0.2, "x": 0.9, "y": 0.9, "levels": [-1.0, 0.0, 2.0]},
        "scale": {"spread": 0.3, "x": 0.5, "y": 0.5},
    }
    values = drawn({"dtype": "uint8", "classes": [COIN], **fields}, shape)
    assert values.shape == shape
    assert values.dtype == np.uint8
    assert values.flags.c_contiguous
    assert set(np.unique(values)) <= {0, 1}


def test_a_vector_is_one_channel_along_its_length():
    section = {"classes": [{**COIN, "channels": 1}], "local": [{"share": 1.0, "x": 0.9}]}
    values = drawn(section, (20_000,)).astype(float)
    law = 2 / math.pi * math.asin(0.9)
    assert correlation(values, 0, 1) == pytest.approx(law, abs=0.04)


@given(st.lists(st.integers(0, 1000), max_size=23))
@settings(max_examples=60)
def test_magnitudes_keep_the_count_of_every_bin(counts):
    spread = magnitudes(tuple(counts), 127)
    for i, count in enumerate(counts):
        found = spread[EDGES[i] - 1 : EDGES[i + 1] - 1].sum()
        assert found == pytest.approx(count, abs=1e-6)
    assert (spread >= 0).all()


def test_magnitudes_follow_a_smooth_histogram_within_its_bins():
    values = np.arange(1, 256)
    true = np.exp(-values / 20)
    counts = [int(1e6 * true[low - 1 : high - 1].sum()) for low, high in pairwise(EDGES)]
    assert np.allclose(magnitudes(tuple(counts), 255)[:60], 1e6 * true[:60], rtol=0.02)


def test_counted_masks_keep_every_filters_share_to_the_entry():
    mask = {"live": 0.5, "counted": True, "filter_order": "0izz9", "values": [1]}
    live = np.count_nonzero(drawn(mask, (5, 7, 5, 1), "pruned"), axis=(1, 2, 3))
    assert live.tolist() == [0, 18, 35, 35, 9]


def test_a_channel_order_for_each_filter_counts_each_channel():
    mask = {"live": 0.5, "counted": True, "channel_order": ["0zcn", "zz00"], "values": [1]}
    live = np.count_nonzero(drawn(mask, (2, 4, 3, 1), "pruned"), axis=(2, 3))
    assert live.tolist() == [[0, 3, 1, 2], [3, 3, 0, 0]]


def test_coins_spread_filters_as_binomials_do():
    weights = drawn({"live": 0.4, "values": [1]}, (2000, 10, 3, 3), "pruned")
    counts = weights.reshape(2000, -1).sum(axis=1)
    assert counts.mean() == pytest.approx(36, abs=0.5)
    assert counts.var() == pytest.approx(90 * 0.4 * 0.6, rel=0.12)


def test_a_kernels_entries_live_together():
    """Two entries of one kernel are a bivariate normal of correlation 0.5: P(both) = 1/3."""
    mask = {"live": 0.5, "values": [1], "kernel": 0.5}
    weights = drawn(mask, (200, 100, 1, 2), "pruned").astype(bool)
    assert weights.all(axis=3).mean() == pytest.approx(1 / 3, abs=0.01)


def test_channels_and_taps_have_their_shares():
    mask = {"live": 0.5, "channel_order": "0zi", "taps": [0.3, 0.7], "values": [1]}
    live = drawn(mask, (4000, 3, 1, 2), "pruned").mean(axis=0)[:, 0]
    assert np.allclose(live[0], 0)
    assert np.allclose(live[1], 1)
    assert live[2, 0] < 0.4
    assert live[2, 1] > 0.6


@pytest.mark.parametrize("shape", [(64, 5, 3, 3), (65, 22, 3), (1, 1, 1, 5), (3, 1, 3)])
def test_a_group_of_filters_shares_its_rows_to_the_row(shape):
    rows = {"live": 0.6, "counted": True, "filters": [0.6]}
    coef = drawn({"group": 32, "rows": rows, **CODES}, shape, "coef")
    live = (coef != 0).any(axis=-1)
    for first in range(0, shape[0], 32):
        group = live[first : first + 32].reshape(len(live[first : first + 32]), -1)
        assert (group == group[0]).all()
        assert group[0].sum() == round(0.6 * group.shape[1])


def test_codes_and_nonzeros_have_their_frequencies():
    rows = {"live": 0.5, "counted": True, "filters": [0.5]}
    section = {"group": 16, "rows": rows, "filters": [0.8], **CODES}
    coef = drawn(section, (64, 300, 3, 3), "coef")
    counts = np.count_nonzero(coef, axis=-1)
    assert (counts > 0).mean() == pytest.approx(0.4, abs=0.005)
    shares = np.bincount(counts[counts > 0], minlength=4)[1:] / (counts > 0).sum()
    assert np.allclose(shares, [0.1, 0.2, 0.7], atol=0.01)
    codes = [(coef[coef != 0] == code).mean() for code in (1, 2, -1)]
    assert np.allclose(codes, [3 / 8, 1 / 8, 4 / 8], atol=0.01)


def test_pruned_is_weight_or_nothing():
    profile = {
        "weight": {"live": 0.95, "values": [5, 4, 3, 2, 1], "negative": [5, 4, 3, 2, 1]},
        "pruned": {"live": 0.4, "values": [0, 0, 3, 2, 1], "negative": [0, 0, 3, 2, 1]},
    }
    shape = (40, 30, 3, 3)
    weight, pruned = (draw(profile, what, shape, 5) for what in ("weight", "pruned"))
    assert np.array_equal(pruned[pruned != 0], weight[pruned != 0])
    assert (weight != 0).mean() == pytest.approx(0.95, abs=0.01)
    assert (pruned != 0).mean() == pytest.approx(0.4, abs=0.01)
    assert np.abs(weight[pruned == 0]).max() <= 5
    sizes = np.bincount(np.abs(weight.reshape(-1)), minlength=6) / weight.size
    assert np.allclose(sizes[1:6] / sizes[1:6].sum(), np.array([5, 4, 3, 2, 1]) / 15, atol=0.03)


def test_every_tensor_has_its_own_stream():
    profile = {
        "input": {"classes": [{**COIN, "channels": 8}]},
        "weight": {"live": 0.5, "values": [1, 1, 1]},
        "coef": {"rows": {"live": 0.5}, **CODES},
    }
    shapes = {
        "input": (8, 9, 9),
        "weight": (8, 8, 3, 3),
        "coef": (8, 8, 3, 3),
        "basis": (8, 2, 3, 3),
    }
    once = {what: draw(profile, what, shape, 7) for what, shape in shapes.items()}
    for what, shape in reversed(shapes.items()):
        assert np.array_equal(once[what], draw(profile, what, shape, 7))
        assert not np.array_equal(once[what], draw(profile, what, shape, 8))
    alone = draw({"coef": profile["coef"]}, "coef", shapes["coef"], 7)
    assert np.array_equal(alone, once["coef"])


def test_a_slice_has_a_scale_where_it_has_a_code():
    coef = draw({"coef": {"rows": {"live": 0.2}, **CODES}}, "coef", (6, 7, 3, 3), 0)
    scale = basis_scale(coef, 4)
    rows = coef.reshape(6, 21, 3)
    for k in range(6):
        for i in range(4):  # slices of ceil(21 / 4) rows, the last shorter
            assert scale[k, i] == float(rows[k, 6 * i : 6 * i + 6].any())


@pytest.mark.parametrize(
    ("profile", "what", "shape", "message"),
    [
        ({"input": {"classes": [COIN]}}, "input", (3, 4, 4), "describes 400 channels"),
        ({"input": {"classes": [COIN]}}, "coef", (3, 4, 3), "profile.coef: is missing"),
        ({"input": {"classes": [COIN]}}, "bias", (3,), "legal: input, weight"),
        ({"weight": {"live": 0.5, "taps": [0.5]}}, "weight", (3, 4, 3, 3), "kernel of 9"),
        ({"pruned": {"live": 0.5, "channel_order": "zz"}}, "pruned", (3, 4, 1, 1), "4 are needed"),
        ({"coef": {"rows": {"live": 0.5}, **CODES}}, "coef", (3, 4, 2), "a row has 2 codes"),
        (
            {"pruned": {"live": 0.5, "counted": True, "channel_order": ["zz", "00"]}},
            "pruned",
            (3, 2, 3, 3),
            "list of 2 where 3",
        ),
        ({"input": {"classes": [{**COIN, "values": [1] * 27}]}}, "input", (400, 1, 1), "127"),
        ({"weight": {"live": 2}}, "weight", (3, 4, 1, 1), "profile.weight.live"),
    ],
)
def test_a_profile_that_does_not_fit_is_named(profile, what, shape, message):
    with pytest.raises(InputError, match=message):
        draw(profile, what, shape, 0)


def test_streams_are_those_that_numpy_makes_of_seed_and_name():
    for seed in (0, 1, 2**32 - 1, 2**32, 2**40 + 7, 2**64, 2**100 + 3):
        # Documented by numpy: a list of integers seeds a generator.
        expected = np.random.default_rng([seed, zlib.crc32(b"basis")])
        expected = expected.integers(-127, 128, (2, 1, 3, 3), dtype=np.int8)
        found = draw({}, "basis", (2, 1, 3, 3), seed)
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="at least 0"):
        draw({}, "basis", (1, 1, 3, 3), -1)
