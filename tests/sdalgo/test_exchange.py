"""Algorithm 1: against hand-made cases, properties, and the released code's published figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from sdalgo import InputError, Options, decompose, preset
from sdalgo.exchange import exchange
from sdalgo.matrices import layout_of, rows_of, to_slices
from sdalgo.pow2 import round_to_pow2

shapes = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(1, 20)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from((1, 3, 5)), st.just(3)),
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.just(1), st.just(1)),
)
presets = st.sampled_from(("as_released", "as_released_double", "as_paper", "best"))


def drawn(shape, seed, std=0.1):
    return (np.random.default_rng(seed).standard_normal(shape) * std).astype(np.float32)


def reference(matrix, theta, rounds=30):
    """Algorithm 1 on one matrix with numpy's own least squares, as the released code orders it."""
    coef, before = matrix.copy(), None
    for _ in range(rounds - 1):
        quantised = round_to_pow2(coef, 32.0)
        if before is not None and np.linalg.norm(quantised - before) <= 1e-10:
            break
        before = quantised
        basis = np.linalg.lstsq(quantised.astype(float), matrix.astype(float), rcond=1e-10)[0]
        basis = basis.astype(np.float32)
        coef = np.linalg.lstsq(basis.T.astype(float), matrix.T.astype(float), rcond=1e-10)[0].T
        coef = coef.astype(np.float32)
        coef[np.abs(coef) < np.float32(theta)] = 0
    coef = round_to_pow2(coef, 32.0)
    return coef, np.linalg.lstsq(coef.astype(float), matrix.astype(float), rcond=1e-10)[0]


@pytest.mark.parametrize("theta", [0.0, 4e-3, 2e-2])
def test_batches_equal_one_matrix_at_a_time(theta):
    slices = drawn((40, 48, 3), 3, 0.05)
    coef, basis = exchange(slices, preset("as_released", theta=theta))
    for index, matrix in enumerate(slices):
        expected, expected_basis = reference(matrix, theta)
        np.testing.assert_array_equal(coef[index], expected)
        np.testing.assert_allclose(basis[index], expected_basis, rtol=1e-4, atol=1e-6)


def test_a_matrix_of_powers_of_two_is_its_own_decomposition():
    rng = np.random.default_rng(0)
    weight = np.ldexp(rng.choice([-1.0, 1.0], (4, 8, 3, 3)), rng.integers(-5, 0, (4, 8, 3, 3)))
    found = decompose(weight.astype(np.float32), preset("as_released", theta=0.0))
    assert found.error(weight.astype(np.float32)) < 1e-6


def test_numbers_do_not_depend_on_the_threads_of_numpys_products():
    weight, made = drawn((96, 1280), 9, 0.05), []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found = decompose(weight)
            made.append((found.coef.tobytes(), found.basis.tobytes(), found.error(weight)))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("std", "density", "error"),
    [(0.005, 0.06, 0.83), (0.01, 0.40, 0.40), (0.02, 0.69, 0.23), (0.05, 0.89, 0.20)],
)
def test_gaussian_slices_have_the_density_and_error_of_the_released_code(std, density, error):
    # Released code, theta 8e-3, one slice of 192 rows each: hence the tolerance.
    weight = drawn((50, 64, 3, 3), 0, std)
    found = decompose(weight, preset("as_released", theta=8e-3))
    assert found.density == pytest.approx(density, abs=0.05)
    assert found.error(weight) == pytest.approx(error, abs=0.05)


@settings(max_examples=60)
@given(shape=shapes, name=presets, seed=st.integers(0, 99), theta=st.sampled_from((0.0, 0.02)))
def test_zero_rows_stay_zero_and_codes_stay_in_p(shape, name, seed, theta):
    weight = drawn(shape, seed)
    options = preset(name, theta=theta, starts=1) if name == "best" else preset(name, theta=theta)
    layout = layout_of(weight.shape, options.slice_rows, options.slicing)
    slices = to_slices(weight, layout)
    dead = np.random.default_rng(seed).random(slices.shape[:2]) < 0.4
    slices[dead] = 0
    coef, basis = exchange(slices, options)
    assert not coef[dead].any()
    assert np.isfinite(basis).all()
    nonzero = coef[coef != 0]
    assert (np.frexp(nonzero)[0] == np.copysign(0.5, nonzero)).all()
    if options.levels:
        for one in coef:
            powers = np.frexp(one[one != 0])[1]
            assert powers.size == 0 or powers.max() - powers.min() < options.levels
    elif nonzero.size and options.exponents[1] is not None:
        assert np.abs(nonzero).max() <= 2.0 ** options.exponents[1]


@settings(max_examples=60)
@given(shape=shapes, name=st.sampled_from(("as_released_double", "best")), seed=st.integers(0, 99))
def test_error_is_never_above_that_of_the_initial_point(shape, name, seed):
    # Initial point: W rounded to powers of two, B = I (paper III-B).
    weight = drawn(shape, seed)
    options = preset(name, theta=0.0, basis_bits=32, bit_price=0.0)
    found = decompose(weight, options)
    start = float(np.linalg.norm(weight - round_to_pow2(weight)) / np.linalg.norm(weight))
    assert found.error(weight) <= start * (1 + 1e-5) + 1e-7


@pytest.mark.parametrize("preset_name", ["as_released", "as_released_double", "as_paper", "best"])
def test_degenerate_slices_are_handled(preset_name):
    weight = np.zeros((6, 5, 3, 3), np.float32)
    weight[1, 0, 0] = [0.5, 0.25, -1]  # one live row
    weight[2] = 0.3  # rank one
    weight[3, :, :, 0] = drawn((5, 3), 1)  # one live column
    weight[4] = 1e-30  # far below theta
    weight[5] = np.float32(1e-40)  # denormal
    found = decompose(weight, preset(preset_name))
    assert np.isfinite(found.rebuild()).all()
    assert not found.coef[0].any()
    assert not found.scale[0].any()
    assert np.abs(found.rebuild()[2] - 0.3).max() < 0.02


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.full((2, 2), np.nan, np.float32), "NaN"),
        (np.full((2, 2), np.inf, np.float32), "infinite"),
        (np.zeros((0, 3), np.float32), "empty"),
        (np.zeros((2, 3), np.int8), "floating-point"),
        (np.zeros((2, 3, 4), np.float32), "needed"),
        (np.full((2, 3), 1e30, np.float32), "rescale"),
    ],
)
def test_what_cannot_be_decomposed_is_refused_by_name(weight, said):
    with pytest.raises(InputError, match=rf"layer7.*{said}"):
        decompose(weight, name="layer7")


def test_half_precision_weights_are_read_as_they_are():
    weight = drawn((8, 6, 3, 3), 2).astype(np.float16)
    found = decompose(weight)
    same = decompose(weight.astype(np.float32))
    np.testing.assert_array_equal(found.coef, same.coef)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_smaller_rank_gives_fewer_coefficients_and_more_error(rank):
    weight = drawn((16, 16, 3, 3), 5)
    found = decompose(weight, Options(rank=rank, theta=0.0, basis_bits=32))
    assert found.coef.shape == (16, 16, 3, rank)
    assert found.basis.shape == (16, 1, rank, 3)
    # A random row keeps r of its 3 directions at best: sqrt(1 - r/3), and rounding comes on top.
    assert found.error(weight) >= np.sqrt(max(0, 1 - rank / 3)) * 0.85
    if rank == 3:
        assert found.error(weight) < 0.2


@pytest.mark.parametrize("kernel", [(5, 5), (7, 7), (1, 3), (2, 4)])
def test_other_kernels_have_bases_of_their_own_width(kernel):
    weight = drawn((4, 6, *kernel), 6)
    found = decompose(weight, Options(largest_kernel=None, theta=0.0))
    assert found.coef.shape == (4, 6, kernel[0], kernel[1])
    assert found.basis.shape[2:] == (kernel[1], kernel[1])
    assert found.error(weight) < 0.25


def test_density_wanted_is_density_found():
    weight = drawn((64, 64, 3, 3), 7, 0.05)
    assert decompose(weight, Options(density=0.4)).density == pytest.approx(0.4, abs=2e-3)


def test_equal_input_gives_equal_bytes():
    weight = drawn((16, 30), 8)
    for name in ("as_released", "best"):
        one, two = (decompose(weight, preset(name)) for _ in range(2))
        assert one.coef.tobytes() == two.coef.tobytes()
        assert one.basis.tobytes() == two.basis.tobytes()


def test_search_lowers_error_at_fewer_bits():
    # On real MobileNetV2 the whole network gains 6 % (docs/reference/sdalgo.md); this is a drawn
    # layer.
    weight = drawn((64, 96), 9, 0.05)
    plain, found = decompose(weight), decompose(weight, preset("best"))
    assert found.bits() < plain.bits()
    assert found.error(weight) < 0.97 * plain.error(weight)


def test_double_basis_removes_the_clipped_entries_of_singular_slices():
    # A 3x3 slice whose rounded coefficients are singular: rounding B to float32 between the fits
    # blows coefficients up to the clip at 2^5, as on real depthwise layers.
    weight = drawn((4000, 1, 3, 3), 11)
    released = decompose(weight, preset("as_released", theta=8e-3))
    double = decompose(weight, preset("as_released", theta=8e-3, loop_basis="float64"))
    assert released.powers[1] == 5
    assert double.powers[1] < 5
    assert double.error(weight) < released.error(weight)


def test_watching_shows_every_round():
    slices = to_slices(drawn((1, 64, 3, 3), 1), layout_of((1, 64, 3, 3), 192, "even"))
    rounds = []
    coef, _ = exchange(slices, Options(iterations=12, theta=0.02), rounds.append)
    assert [r.index for r in rounds] == list(range(len(rounds)))
    assert 3 < len(rounds) < 12
    assert (rounds[0].coef != 0).all()
    assert (rounds[-1].coef == 0).mean() > 0.05
    drift = [np.linalg.norm(r.basis - np.eye(3)) for r in (rounds[0], rounds[-1])]
    assert drift[1] > drift[0]
    assert (coef == 0).mean() == pytest.approx((rounds[-1].coef == 0).mean(), abs=0.02)


def test_unknown_options_and_presets_name_the_legal_ones():
    with pytest.raises(InputError, match="as_released_double"):
        preset("fast")
    with pytest.raises(InputError, match="theta"):
        preset("best", thet=1)
    with pytest.raises(InputError, match="basis_bits: 7 is not 8, 16 or 32"):
        Options(basis_bits=7)
    with pytest.raises(InputError, match="ordered"):
        Options(exponents=(3, 1))


@pytest.mark.parametrize(
    ("shape", "slicing", "slices", "rows"),
    [
        ((64, 64, 3, 3), "factors", 1, 192),
        ((512, 512, 3, 3), "factors", 8, 1536),
        ((10, 2048), "factors", 4, 683),
        ((10, 1280), "factors", 3, 427),
        ((4096, 4096), "factors", 8, 1366),
        ((10, 786), "factors", 2, 262),
        ((64, 144, 3, 3), "factors", 4, 432),
        ((64, 144, 3, 3), "even", 3, 432),
        ((8, 25088), "factors", 1, 8363),
        ((32, 1, 3, 3), "even", 1, 3),
    ],
)
def test_slices_are_those_of_the_released_code(shape, slicing, slices, rows):
    layout = layout_of(shape, 192, slicing)
    assert (layout.slices, layout.rows) == (slices, rows)


@given(shape=shapes, most=st.integers(1, 12))
def test_slicing_loses_nothing(shape, most):
    weight = drawn(shape, 1)
    layout = layout_of(weight.shape, most, "even")
    slices = to_slices(weight, layout)
    assert slices.shape[1] <= most
    assert np.count_nonzero(slices) == np.count_nonzero(weight)
    from sdalgo.matrices import from_slices, slices_of

    np.testing.assert_array_equal(from_slices(slices, layout), weight)
    np.testing.assert_array_equal(slices_of(rows_of(slices, layout), layout), slices)
