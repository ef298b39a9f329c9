"""Rivals: GPTQ against its definition, uniform grids against all scales, sizes against counts."""

import itertools

import numpy as np
import pytest

from sdalgo.activations.moments import identity, moments_of
from sdalgo.rivals.coded import Coded
from sdalgo.rivals.gptq import gptq
from sdalgo.rivals.uniform import bfloat16, grid_scales, nearest, uniform


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


def moments(width, groups=1, seed=1):
    mixed = np.random.default_rng(seed).standard_normal((groups, width, 300))
    return moments_of(np.maximum(mixed + 2 * mixed.mean(axis=1, keepdims=True), 0))


def obq(weight, second, scale, most):
    """Optimal brain quantisation in a fixed order, by its definition: after each rounding the
    weights still free are solved for anew."""
    codes, fixed = np.zeros(len(weight)), np.zeros(len(weight), bool)
    current = weight.copy()
    for place in range(len(weight)):
        codes[place] = np.clip(np.rint(current[place] / scale), -most, most)
        fixed[place] = True
        current[place] = codes[place] * scale
        free = ~fixed
        if free.any():
            wrong = (weight - current)[fixed]
            inner, cross = second[np.ix_(free, free)], second[np.ix_(free, fixed)]
            current[free] = weight[free] + np.linalg.solve(inner, cross @ wrong)
    return codes


@pytest.mark.parametrize(("shape", "groups"), [((5, 12), 1), ((4, 1, 3, 3), 4), ((6, 2, 2, 2), 3)])
@pytest.mark.parametrize("ordered", [False, True])
def test_gptq_solves_for_the_free_weights_at_each_step(shape, groups, ordered):
    weight = drawn(shape)
    found = moments(int(np.prod(shape[1:])), groups)
    made = gptq(weight, found, 7, ordered=ordered)
    damped = found.damped(0.01).second
    flat = weight.reshape(len(weight), -1).astype(float)
    for k, row in enumerate(flat):
        second = damped[k // (len(flat) // groups)]
        order = np.arange(len(row))
        if ordered and len(flat) > groups:
            order = np.argsort(-np.diagonal(second), kind="stable")
        codes = obq(row[order], second[np.ix_(order, order)], made.scale[k], 3)
        np.testing.assert_array_equal(made.codes[k, order], codes)


def test_gptq_beats_rounding_and_no_code_beats_all():
    weight, found = drawn((3, 5)), moments(5)
    made, plain = gptq(weight, found, 3), uniform(weight, 3)
    second = found.damped(0.01).second[0]

    def energy(rest):
        return np.einsum("kd,de,ke->k", rest, second, rest)

    ours, rounded = (energy(weight - m.rebuild().astype(float)) for m in (made, plain))
    every = np.array(list(itertools.product((-1, 0, 1), repeat=5)))
    for k in range(3):
        least = min(energy(weight[k : k + 1] - every * made.scale[k]))
        assert least <= ours[k] + 1e-12
    assert ours.sum() <= rounded.sum()


def test_gptq_with_the_identity_is_rounding():
    weight = drawn((6, 20))
    made, plain = gptq(weight, identity(weight.shape), 15), uniform(weight, 15)
    np.testing.assert_array_equal(made.codes, plain.codes)


def test_scales_are_the_best_of_those_tried():
    weight = drawn((4, 30)).astype(float)
    found = grid_scales(weight, 7)
    for k, row in enumerate(weight):
        tried = [
            bfloat16(np.array([c * np.abs(row).max() / 3]))[0] for c in np.linspace(0.3, 1, 36)
        ]
        errors = [((nearest(row, s, 3) * s - row) ** 2).sum() for s in tried]
        assert ((nearest(row, found[k], 3) * found[k] - row) ** 2).sum() == pytest.approx(
            min(errors)
        )


def test_sizes_by_hand():
    codes = np.array([[0, 0, 0, 1], [0, 0, -1, 1]], np.int16)
    made = Coded(shape=(2, 4), codes=codes, scale=np.float32([1, 2]))
    # 0 five times: one bit; 1 twice and -1 once: two bits each. Tables and scales.
    assert made.huffman_bits() == 5 + 6 + 15 + 32
    assert made.fixed_bits() == 8 * 2 + 32
    np.testing.assert_array_equal(made.rebuild(), [[0, 0, 0, 1], [0, 0, -2, 2]])
