"""What a filter lacks of its last triple is no weight: a search need not fit it."""

import itertools

import numpy as np
import pytest

from sdalgo import decompose, preset
from sdalgo.basis import stored_basis
from sdalgo.matrices import layout_of, to_slices
from sdalgo.padding import padding_of
from sdalgo.search import _Search


def searching(weight, **changes):
    options = preset("best", basis_bits=32, bit_price=0.0, **changes)
    layout = layout_of(weight.shape, options.slice_rows, options.slicing)
    slices = to_slices(weight, layout)
    return slices, _Search(slices, options, 0.0, layout)


def drawn(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "rows", "place"),
    [((5, 7), 192, ([0, 1, 2, 3, 4], 2, 1)), ((2, 8, 1, 1), 2, ([1, 3], 0, 2)),
     ((2, 14), 3, ([1, 3], 1, 2)), ((5, 9), 192, None), ((5, 7, 3, 3), 192, None)],
)  # fmt: skip
def test_padding_lies_at_the_end_of_each_filter(shape, rows, place):
    layout = layout_of(shape, rows, "even")
    found = padding_of(layout)
    if place is None:
        assert found is None
        return
    assert ([*found.slices], found.row, found.weights) == place
    slices = to_slices(np.ones(shape, np.float32), layout)
    full = slices.sum()
    found.clear(slices)
    assert slices.sum() == full == np.prod(shape)
    # In the last row of a filter, all else is a weight or a missing row of the last slice.
    assert (slices[found.slices, found.row, : found.weights] == 1).all()


def test_the_basis_is_fitted_to_weights_alone():
    weight = drawn((3, 10), 0)  # four rows, the last with one weight
    slices, state = searching(weight)
    coef = np.ldexp(np.float32(1), np.random.default_rng(1).integers(-2, 2, (3, 4, 3)))
    found = state.fit(coef.astype(np.float32))
    for slice_, codes, basis in zip(slices, coef, found, strict=True):
        for column in range(3):
            rows = 4 if column < 1 else 3
            own = np.linalg.lstsq(codes[:rows], slice_[:rows, column], rcond=1e-10)[0]
            np.testing.assert_allclose(basis[:, column], own, rtol=1e-4, atol=1e-5)


def test_each_coefficient_is_the_best_while_the_others_stay():
    weight = drawn((1, 5), 2)  # two rows, the second with two weights
    slices, state = searching(weight)
    start = np.ldexp(np.float32(1), np.random.default_rng(3).integers(-3, 3, (1, 2, 3)))
    basis = stored_basis(drawn((1, 3, 3), 4).astype(np.float64), 32).astype(np.float32)
    prices = state.prices(start.astype(np.float32))
    found, _ = state.sweep(start.astype(np.float32), basis, prices)
    powers = [0.0, *(sign * 2.0**p for sign in (-1, 1) for p in range(prices.low, 4))]

    def wrong(codes):
        return float(np.square((slices - codes @ basis)[0].ravel()[:5]).sum())

    now = start.astype(np.float64)
    for column, row in itertools.product(range(3), range(2)):
        trials = []
        for power in powers:
            now[0, row, column] = power
            trials.append(wrong(now))
        # At one more than the highest power that a start uses there is no code.
        best = min(t for t, p in zip(trials, powers, strict=True) if abs(p) <= start.max())
        now[0, row, column] = found[0, row, column]
        assert wrong(now) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(("channels", "least"), [(4, 0.6), (7, 0.9), (100, 1.0)])
def test_free_padding_lowers_the_error(channels, least):
    # Against the same search where the missing channels are weights of zero.
    weight = drawn((64, channels), channels)
    full = np.concatenate([weight, np.zeros((64, -channels % 3), np.float32)], axis=1)
    free = decompose(weight, preset("best")).error(weight)
    bound = full - decompose(full, preset("best")).rebuild()
    assert free < least * np.linalg.norm(bound) / np.linalg.norm(full)


def test_released_presets_fit_padding_as_the_released_code_does():
    weight = drawn((16, 4), 5)
    full = np.concatenate([weight, np.zeros((16, 2), np.float32)], axis=1)
    for name in ("as_released", "as_released_double"):
        one, two = decompose(weight, preset(name)), decompose(full, preset(name))
        np.testing.assert_array_equal(one.coef, two.coef)
        np.testing.assert_array_equal(one.basis, two.basis)
