"""The list that compressed networks are judged by: disjoint, seeded, and cut the same each time."""

import numpy as np
import pytest

from sdalgo import InputError
from sdalgo.evaluation.crops import cut, draw
from sdalgo.evaluation.intervals import agreed
from sdalgo.evaluation.photographs import photographs
from sdalgo.evaluation.trial import confident


def test_each_photograph_is_on_one_side_and_none_on_both():
    found = photographs()
    sides = [{(p.source, p.name) for p in photographs(side)} for side in ("calibration", "evaluation")]  # fmt: skip # noqa: E501
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == {(p.source, p.name) for p in found}
    assert len(found) == len({p.number for p in found}) == 37
    assert abs(len(sides[0]) - len(sides[1])) <= 1


def test_crops_lie_inside_and_differ_between_photographs():
    first, second = photographs()[:2]
    crops = draw(first, (300, 400), 50)
    assert draw(first, (300, 400), 8) == crops[:8]
    assert [c.left for c in crops] != [c.left for c in draw(second, (300, 400), 50)]
    for crop in crops:
        assert 105 <= crop.side <= 300
        assert 0 <= crop.left <= 400 - crop.side
        assert 0 <= crop.top <= 300 - crop.side


def test_images_are_normalised_squares_of_their_photograph():
    chosen = [p for p in photographs() if p.name in {"chelsea", "coins"}]
    found = cut(chosen, 3, size=32)
    assert found.images.shape == (6, 3, 32, 32)
    assert found.images.dtype == np.float32
    assert [crop.photograph.name for crop in found.crops] == ["chelsea"] * 3 + ["coins"] * 3
    assert len(set(found.groups.tolist())) == 2
    some = found.chosen(found.groups == chosen[1].number)
    np.testing.assert_array_equal(some.images, found.images[3:])


def test_a_missing_package_is_named(tmp_path):
    debian = next(p for p in photographs() if p.source == "mate-backgrounds")
    with pytest.raises(InputError, match="`make data` unpacks Debian's mate-backgrounds"):
        debian.pixels(tmp_path)


def test_intervals_draw_photographs_and_not_crops():
    generator = np.random.default_rng(0)
    outputs = generator.standard_normal((60, 10))
    groups = np.repeat(np.arange(6), 10)
    other = outputs.copy()
    other[groups == 0] *= -1  # one photograph of six is lost altogether
    found = agreed(outputs, other, groups)
    assert (found.images, found.photographs) == (60, 6)
    assert found.top1 == pytest.approx(5 / 6)
    assert found.cosine == pytest.approx(2 / 3)
    single = agreed(outputs, other, np.arange(60))
    low, high = found.top1_interval
    assert low < 5 / 6 < high
    assert high - low > 1.5 * (single.top1_interval[1] - single.top1_interval[0])
    assert agreed(outputs, outputs, groups).top1_interval == (1.0, 1.0)


def test_only_the_first_crops_that_the_network_is_sure_of_are_kept():
    answers = np.zeros((20, 4), np.float32)
    answers[:, 1] = 9
    answers[3] = 0  # sure of nothing
    groups = np.repeat([7, 9], 10)
    kept = np.flatnonzero(confident(answers, groups)).tolist()
    assert kept == [0, 1, 2, 4, 5, 6, 10, 11, 12, 13, 14, 15]
