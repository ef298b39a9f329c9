"""Tensors drawn from a density alone: exact counts, even places, and what may stand beside it."""

import numpy as np
import pytest

from archsim.formats.errors import InputError
from archsim.workload.profile import draw, parsed
from archsim.workload.profile_density import BLOCK, draw_density


def drawn(what, shape, share, seed=0):
    key = "input" if what == "input" else "weight"
    return draw({"density": {key: share}}, what, shape, seed)


@pytest.mark.parametrize("share", [0, 0.043, 0.5, 0.84, 1])
@pytest.mark.parametrize("what", ["input", "weight", "pruned"])
@pytest.mark.parametrize("shape", [(7, 13, 13), (3,), (5, 2, 3, 3), (3, BLOCK // 2 + 1)])
def test_as_many_entries_are_live_as_the_share_says(what, shape, share):
    array = drawn(what, shape, share)
    assert array.shape == shape
    assert np.count_nonzero(array) == round(share * array.size)


def test_values_are_uniform():
    """Sizes 1 .. 127 alike often, of either sign but for activations: chi-square of 126 degrees of
    freedom stays below 200 but once in 30 000 seeds."""
    for what in ("input", "pruned"):
        live = drawn(what, (1 << 18,), 0.75).astype(int)
        live = live[live != 0]
        expected = live.size / 127
        counts = np.bincount(abs(live), minlength=128)[1:]
        assert ((counts - expected) ** 2 / expected).sum() < 200
        positive = (live > 0).mean()
        assert positive == (1 if what == "input" else pytest.approx(0.5, abs=0.01))


@pytest.mark.parametrize(("bits", "largest"), [(4, 7), (8, 127), (16, 32767)])
def test_values_are_as_wide_as_asked_for(bits, largest):
    for positive in (True, False):
        rng = np.random.default_rng(0)
        array = draw_density(0.5, (1 << 18,), rng, positive=positive, bits=bits)
        assert array.dtype == (np.int16 if bits == 16 else np.int8)
        assert np.count_nonzero(array) == 1 << 17
        assert array.min() == pytest.approx(0 if positive else -largest, abs=largest / 4096)
        assert array.max() == pytest.approx(largest, abs=largest / 4096)


def test_places_are_even_and_independent():
    """Of 64 x 64 places each is live in a share of 400 draws, neighbours without correlation."""
    live = np.stack([drawn("input", (64, 64), 0.3, seed) != 0 for seed in range(400)])
    deviation = (0.3 * 0.7 / 400) ** 0.5
    assert abs(live.mean(axis=0) - 0.3).max() < 5 * deviation
    centred = live - 0.3
    for pair in ((centred[:, 1:], centred[:, :-1]), (centred[:, :, 1:], centred[:, :, :-1])):
        assert abs((pair[0] * pair[1]).mean() / 0.21) < 0.005


def test_blocks_get_their_share_by_chance():
    """Whole blocks of a large tensor scatter as drawing without replacement does."""
    array = drawn("pruned", (4, BLOCK), 0.5)
    counts = np.count_nonzero(array, axis=1)
    assert counts.sum() == 2 * BLOCK
    assert len(set(counts.tolist())) > 1
    # The deviation of a hypergeometric count of BLOCK of 4 BLOCK: sqrt(BLOCK / 4 * 3 / 4).
    assert abs(counts - BLOCK // 2).max() < 5 * (BLOCK * 3 / 16) ** 0.5


def test_seeds_and_tensors_differ_and_pruned_is_the_weight():
    shape = (16, 16)
    assert (drawn("pruned", shape, 0.5) == drawn("weight", shape, 0.5)).all()
    assert (drawn("pruned", shape, 0.5) == drawn("pruned", shape, 0.5)).all()
    assert (drawn("pruned", shape, 0.5) != drawn("pruned", shape, 0.5, seed=1)).any()
    assert ((drawn("pruned", shape, 0.5) != 0) != (drawn("input", shape, 0.5) != 0)).any()


MEASURED = {"input": {"classes": [{"channels": 1, "zero": 0, "values": [1]}]}}
WEIGHT = {"live": 1, "values": [1]}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"density": {"input": 1.1}}, "density.input"),
        ({"density": {"input": -0.1}}, "density.input"),
        ({"density": {"pruned": 0.5}}, "density.pruned"),
        ({"density": {"input": 0.5}, **MEASURED}, "give input or density.input, not both"),
        ({"density": {"weight": 0.5}, "weight": WEIGHT}, "give weight or density.weight, not both"),
        ({"density": {"weight": 0.5}, "pruned": WEIGHT}, "give pruned or density.weight, not both"),
    ],
)
def test_what_contradicts_itself_is_refused(profile, message):
    with pytest.raises(InputError, match=message):
        parsed(profile)


def test_a_tensor_without_a_density_is_missing():
    with pytest.raises(InputError, match=r"profile\.pruned"):
        draw({"density": {"input": 0.5}}, "pruned", (3, 3), 0)
    with pytest.raises(InputError, match=r"profile\.coef"):
        draw({"density": {"weight": 0.5}}, "coef", (3, 3), 0)
