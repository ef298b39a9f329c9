"""The share of non-zeros that is asked for, by every preset, and what it may cost."""

import itertools

import numpy as np
import pytest

from sdalgo import PRESETS, decompose, preset
from sdalgo.density import trimmed
from sdalgo.options import CALIBRATED

LAYERS = {
    "conv": ((24, 16, 3, 3), 0.05),
    "small conv": ((24, 16, 3, 3), 5e-4),  # far below a theta of usual size
    "linear": ((32, 47), 0.05),  # a last triple of two
    "depthwise": ((64, 1, 3, 3), 0.3),  # moves in jumps: a slice has nine coefficients
}
ASKED = [name for name in PRESETS if name != CALIBRATED]
"""That one has prices in place of a density, and refuses it."""


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ASKED)
def test_density_is_met_by_every_preset(name, layer):
    shape, std = LAYERS[layer]
    weight = (np.random.default_rng(0).standard_normal(shape) * std).astype(np.float32)
    errors = []
    for wanted in (0.1, 0.3, 0.5, 0.8):
        found = decompose(weight, preset(name, density=wanted))
        assert found.density == pytest.approx(wanted, abs=0.01)
        errors.append(found.error(weight))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.25


def test_the_search_makes_better_use_of_as_many_coefficients():
    weight = (np.random.default_rng(1).standard_normal((32, 48)) * 0.05).astype(np.float32)
    for wanted in (0.2, 0.5):
        plain = decompose(weight, preset("as_released_double", density=wanted))
        assert decompose(weight, preset("best", density=wanted)).error(weight) < 0.95 * (
            plain.error(weight)
        )


def test_no_more_than_the_rows_that_are_left_can_be_used():
    weight = (np.random.default_rng(2).standard_normal((8, 12, 3, 3)) * 0.05).astype(np.float32)
    weight[:, :6] = 0
    for name in ASKED:
        found = decompose(weight, preset(name, density=0.9))
        assert 0.4 < found.density <= 0.5
        assert not found.coef[:, :6].any()


def test_those_are_dropped_whose_loss_costs_least():
    rng = np.random.default_rng(3)
    coef = np.ldexp(rng.choice([-1.0, 1.0], (1, 4, 2)), rng.integers(-3, 1, (1, 4, 2)))
    basis = rng.standard_normal((1, 2, 3))
    weight = coef @ basis + 0.1 * rng.standard_normal((1, 4, 3))

    def error(kept):
        return float(np.square(weight - (coef * kept) @ basis).sum())

    found = trimmed(coef.astype(np.float32), basis, (weight - coef @ basis).astype(np.float32), 7)
    choices = [np.arange(8).reshape(coef.shape) != at for at in range(8)]
    best = min(choices, key=error)
    np.testing.assert_array_equal(found != 0, best)
    assert np.count_nonzero(trimmed(coef.astype(np.float32), basis, weight, 3)) == 3
    assert error(best) < max(map(error, itertools.islice(choices, 8)))
