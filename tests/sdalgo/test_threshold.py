"""Theta as a share of a layer's rms: what a layer loses does not depend on its scale."""

import numpy as np
import pytest

from sdalgo import Options, decompose, preset
from sdalgo.recipe import Recipe
from sdalgo.sweep import usual_thetas
from sdalgo.threshold import absolute


def drawn(shape, seed, std):
    return (np.random.default_rng(seed).standard_normal(shape) * std).astype(np.float32)


def test_a_relative_theta_is_a_share_of_the_rms_of_what_is_not_zero():
    weight = np.array([[3.0, 0, -4], [0, 0, 5]], np.float32)
    found = absolute(Options(theta=0.5, relative=True), weight)
    assert found.theta == pytest.approx(0.5 * (50 / 3) ** 0.5)
    assert not found.relative
    assert absolute(found, weight) is found
    assert absolute(Options(theta=0.5, relative=True), np.zeros((2, 3), np.float32)).theta == 0


@pytest.mark.parametrize("scale", [2.0**-30, 5e-4, 1.0, 37.0, 2.0**30])
def test_best_decomposes_a_layer_of_any_scale_alike(scale):
    # With the released theta of 4e-3 a layer of std 5e-4 lost everything, and one above 2^5 its
    # largest weights.
    weight = drawn((16, 24, 3, 3), 0, 1)
    found = decompose((weight * np.float32(scale)).astype(np.float32), preset("best"))
    plain = decompose(weight, preset("best"))
    assert found.density == pytest.approx(plain.density, abs=0.02)
    assert found.error(weight * np.float32(scale)) == pytest.approx(plain.error(weight), abs=5e-3)
    if np.frexp(scale)[0] == 0.5:  # a power of two moves no rounding
        np.testing.assert_array_equal(found.coef, plain.coef)


@pytest.mark.parametrize("name", ["as_released", "as_released_double"])
def test_released_presets_keep_their_absolute_theta(name):
    assert not preset(name).relative
    assert preset(name).theta == 4e-3
    assert decompose(drawn((16, 24, 3, 3), 0, 5e-4), preset(name)).nonzeros == 0


def test_the_theta_of_a_recipe_and_of_a_sweep_is_that_of_the_preset():
    known = {"name": "a", "about": "a", "network": "tiny"}
    assert Recipe(**known).options() == preset("as_released_double")
    assert Recipe(**known, preset="best").options() == preset("best")
    assert usual_thetas(Options()) == (0.0, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
    assert usual_thetas(preset("best"))[3] == preset("best").theta
