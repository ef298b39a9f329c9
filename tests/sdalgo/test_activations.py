"""The preset `activations`: exhaustive search over tiny rows, a falling objective, plain fitting
where H = I, and a result that is a decomposition as any other."""

import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import sdalgo
from archsim.formats.weight_bits import weight_bits
from sdalgo import InputError, preset
from sdalgo.activations import bases
from sdalgo.activations.budget import first_price, price_for
from sdalgo.activations.code_lengths import CodeLengths, measured
from sdalgo.activations.descent import start, sweep
from sdalgo.activations.layer import as_stored, decompose_layer, layout_for
from sdalgo.activations.moments import Moments, identity, joined, moments_of
from sdalgo.activations.problem import problem_of, rebuilt
from sdalgo.activations.rounds import Search, fit_layer
from sdalgo.activations.row_search import choose, squares
from sdalgo.container import from_bytes, to_bytes


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


def inputs(width, groups=None, seed=1):
    generator = np.random.default_rng(seed)
    shape = (width, 400) if groups is None else (groups, width, 400)
    mixed = generator.standard_normal(shape)
    return np.maximum(mixed + mixed.mean(axis=-2, keepdims=True) * 3, 0)


def search_of(price=0.0, rounds=3, **changes):
    return Search.of(preset("activations", **changes), price, rounds)


def problem(weight, moments, price=0.0, search=None):
    search = search or search_of(price)
    return problem_of(weight, moments.damped(0.01), layout_for(weight.shape, search), price)


LENGTHS = CodeLengths(
    low=-2, positive=np.array([3.0, 2.5, 4.0]), negative=np.array([3.5, 2.0, 5.0]), zero=1.5, dead=0
)
CODES = [0.0, *(sign * 2.0**p for sign in (1, -1) for p in (-2, -1, 0))]


def row_costs(metric, pull, rate):
    """What every row of three codes costs, by the definition."""
    found = {}
    for row in itertools.product(CODES, repeat=3):
        c = np.array(row)
        bits = sum(
            1.5
            if v == 0
            else (LENGTHS.positive if v > 0 else LENGTHS.negative)[int(np.log2(abs(v))) + 2]
            for v in row
        )
        bits = bits if c.any() else 0
        found[row] = c @ metric @ c - 2 * pull @ c + rate * bits
    return found


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1])
def test_a_row_of_independent_codes_is_the_best_of_all_343(rate):
    generator = np.random.default_rng(5)
    for _ in range(30):
        metric = np.diag(generator.uniform(0.5, 2, 3))
        pull = generator.normal(0, 0.6, 3)
        form = squares(metric[:, :, None], pull[:, None])
        new = choose(form, np.zeros((3, 1)), np.zeros(1), LENGTHS, np.array([rate]))[:, 0]
        costs = row_costs(metric, pull, rate)
        found = costs[tuple(new.tolist())]
        # A price may favour a power that is no neighbour; never by more than the bits differ.
        assert found <= min(costs.values()) + 3 * rate + 1e-12
        if rate == 0:
            assert found == pytest.approx(min(costs.values()), abs=1e-12)


def test_a_row_of_tied_codes_is_near_the_best_of_all_343_and_beats_one_by_one():
    generator = np.random.default_rng(6)
    excess = []
    for _ in range(60):
        half = generator.standard_normal((3, 3))
        metric = half @ half.T + 0.1 * np.eye(3)
        pull = metric @ generator.normal(0, 0.5, 3)
        form = squares(metric[:, :, None], pull[:, None])
        new = choose(form, np.zeros((3, 1)), np.zeros(1), LENGTHS, np.zeros(1))[:, 0]
        costs = row_costs(metric, pull, 0.0)
        best = min(costs.values())
        rounded = min(
            costs, key=lambda row: np.sum((np.array(row) - np.linalg.solve(metric, pull)) ** 2)
        )
        assert costs[tuple(new.tolist())] >= best - 1e-12
        excess.append((costs[tuple(new.tolist())] - best, costs[rounded] - best))
    tree, plain = np.mean(excess, axis=0)
    assert tree < 0.5 * plain


def test_squares_are_the_quadratic_form():
    generator = np.random.default_rng(7)
    half = generator.standard_normal((4, 3, 3))
    metric = (half @ half.transpose(0, 2, 1)).transpose(1, 2, 0)
    pull, row = generator.standard_normal((2, 3, 4))
    form = squares(metric, pull)
    zero = form.cost(np.zeros((3, 4)))
    quadratic = np.einsum("in,ijn,jn->n", row, metric, row) - 2 * (pull * row).sum(axis=0)
    np.testing.assert_allclose(form.cost(row) - zero, quadratic)


CASES = [((6, 20), None), ((5, 2, 3, 3), None), ((6, 1, 3, 3), 6), ((6, 2, 3, 3), 3)]


@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_no_filter_costs_more_after_a_sweep_or_a_fit(shape, groups):
    weight = drawn(shape)
    moments = moments_of(inputs(int(np.prod(shape[1:])), groups))
    one = problem(weight, moments, 1e-4)
    search = search_of(1e-4)
    lengths = CodeLengths(
        low=-5, positive=np.full(6, 3.6), negative=np.full(6, 3.6), zero=2.0, dead=0.0
    )
    layout = one.layout
    basis = np.zeros((layout.slices, layout.width, layout.width, shape[0]))
    basis[:] = 0.2 * np.eye(layout.width)[:, :, None]
    coef = start(one, basis, lengths)

    def cost(coef, basis):
        return one.energy(one.weight - rebuilt(coef, basis, layout)) + one.rate * lengths.total(
            coef
        )

    costs = [cost(coef, basis)]
    for _ in range(3):
        coef = sweep(one, coef, basis, lengths)
        costs.append(cost(coef, basis))
        basis = bases.fit_bases(one, coef, basis)
        costs.append(cost(coef, basis))
    assert all((b <= a * (1 + 1e-9)).all() for a, b in itertools.pairwise(costs))
    assert costs[-1].sum() < costs[0].sum()
    history = []
    for _ in range(3):  # with code words as they occur, as `fit_layer` has them
        lengths = measured(coef, search.powers, search.form)
        coef = sweep(one, coef, basis, lengths)
        basis = bases.fit_bases(one, coef, basis)
        lengths = measured(coef, search.powers, search.form)
        history.append(cost(coef, basis).sum())
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(history))


def test_bases_solve_the_normal_equations():
    weight, moments = drawn((4, 21)), moments_of(inputs(21))
    one = problem_of(
        weight, moments.damped(0.01), layout_for(weight.shape, search_of(slice_rows=4)), 0.0
    )
    generator = np.random.default_rng(2)
    coef = np.sign(generator.standard_normal((7, 3, 4))) * 2.0 ** generator.integers(
        -3, 1, (7, 3, 4)
    )
    old = generator.standard_normal((2, 3, 3, 4))
    found = bases.fit_bases(one, coef, old)
    for k in range(4):
        columns = []
        for index in np.ndindex(2, 3, 3):
            unit = np.zeros((2, 3, 3, 4))
            unit[(*index, k)] = 1
            columns.append(rebuilt(coef, unit, one.layout)[:, k])
        z = np.stack(columns, axis=1)
        gram = z.T @ one.second[0] @ z
        best = np.linalg.solve(gram, z.T @ one.second[0] @ one.weight[:, k])
        np.testing.assert_allclose(found[..., k].ravel(), best, rtol=1e-4, atol=1e-7)


def test_with_h_the_identity_outputs_are_weights():
    weight = drawn((8, 24))
    one = problem_of(weight, identity(weight.shape), layout_for(weight.shape, search_of()), 0.0)
    found = fit_layer(one, search_of())
    wrong = one.weight - rebuilt(found.coef, found.basis, one.layout)
    np.testing.assert_allclose(found.energies, (wrong**2).sum(axis=0))
    made = decompose_layer(weight, identity(weight.shape), search_of(rounds=6))
    plain = sdalgo.decompose(weight, preset("as_released_double", theta=0.0))
    assert made.error(weight) < 1.02 * plain.error(weight)


def test_with_h_the_identity_start_rounds_each_row_by_itself():
    weight = drawn((3, 9))
    one = problem_of(weight, identity(weight.shape), layout_for(weight.shape, search_of()), 0.0)
    basis = np.broadcast_to(0.1 * np.eye(3)[None, :, :, None], (1, 3, 3, 3)).copy()
    lengths = CodeLengths(low=-6, positive=np.zeros(8), negative=np.zeros(8), zero=0.0, dead=0.0)
    found = start(one, basis, lengths)
    for value, code in zip(one.weight.ravel() / 0.1, found.reshape(9, 3).ravel(), strict=True):
        grid = [0.0, *(s * 2.0**p for p in range(-6, 2) for s in (1, -1))]
        assert abs(value - code) == pytest.approx(min(abs(value - g) for g in grid))


def test_outputs_come_out_nearer_than_by_fitting_weights():
    weight, columns = drawn((32, 48)), inputs(48)
    moments = moments_of(columns)
    found = sdalgo.decompose(weight, preset("activations", bits=None), calibration=moments)
    plain = sdalgo.decompose(weight, preset("best"))

    def wrong(made):
        return np.linalg.norm((weight - made.rebuild()) @ columns)

    assert wrong(found) < 0.8 * wrong(plain)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_what_is_stored_is_what_was_fitted(shape, groups, bits):
    weight = drawn(shape)
    moments = moments_of(inputs(int(np.prod(shape[1:])), groups)).damped(0.01)
    search = search_of(1e-6, basis_bits=bits)
    one = problem_of(weight, moments, layout_for(shape, search), 1e-6)
    fitted = fit_layer(one, search)
    made = as_stored(fitted.coef, fitted.stored, one.layout)
    flat = rebuilt(fitted.coef, fitted.basis, one.layout)[: moments.inputs].T.reshape(shape)
    np.testing.assert_allclose(made.rebuild(), flat, atol=2e-6)


def test_slices_of_a_filter_have_scales_that_the_engine_does_not_round():
    weight = drawn((6, 90)) * np.repeat([1.0, 0.07, 0.4], 30).astype(np.float32)
    moments = moments_of(inputs(90)).damped(0.01)
    made = decompose_layer(weight, moments, search_of(1e-7, slice_rows=10))
    ratio = made.scale / made.scale.max(axis=1, keepdims=True)
    assert made.scale.shape[1] > 1
    assert (np.frexp(ratio)[0] == 0.5).all()


@pytest.mark.parametrize("form", ["row", "element"])
def test_priced_bits_are_those_of_the_container_but_for_whole_lengths(form):
    weight, moments = drawn((64, 48)), moments_of(inputs(48))
    search = search_of(1e-5, index=form)
    one = problem(weight, moments, 1e-5, search)
    found = fit_layer(one, search)
    codes = as_stored(found.coef, found.stored, one.layout).coef
    parts = weight_bits(codes, (64, 1, 3, 3), form).parts
    counted = parts["codes"] + (parts["index"] if form == "element" else 0)
    assert counted / found.bits.sum() == pytest.approx(1.02, abs=0.03)


def test_a_dearer_bit_gives_fewer_bits_and_more_error():
    weight, moments = drawn((32, 48)), moments_of(inputs(48)).damped(0.01)
    found = [decompose_layer(weight, moments, search_of(price)) for price in (1e-7, 1e-4, 1e-3)]
    assert found[0].bits() > found[1].bits() > found[2].bits()
    assert found[0].error(weight) < found[1].error(weight) < found[2].error(weight)


def test_equal_inputs_give_equal_bytes():
    weight, moments = drawn((16, 30)), moments_of(inputs(30)).damped(0.01)
    one, two = (decompose_layer(weight, moments, search_of(1e-5)) for _ in range(2))
    assert (one.coef == two.coef).all()
    assert one.basis.tobytes() == two.basis.tobytes()
    assert one.scale.tobytes() == two.scale.tobytes()


def test_all_zero_weights_and_dead_inputs():
    moments = Moments(second=np.zeros((1, 12, 12)), columns=4).damped(0.01)
    made = decompose_layer(np.zeros((3, 12), np.float32), moments, search_of(1e-6))
    assert not made.rebuild().any()
    assert np.isfinite(decompose_layer(drawn((3, 12)), moments, search_of(1e-6)).rebuild()).all()


def test_calibration_that_does_not_fit_is_named():
    weight, options = drawn((4, 12)), preset("activations")
    with pytest.raises(InputError, match=r"calibration of \(1, 9, 9\) does not fit"):
        sdalgo.decompose(weight, options, calibration=moments_of(inputs(9)))
    with pytest.raises(InputError, match="needs `calibration`"):
        sdalgo.decompose(weight, options)
    with pytest.raises(InputError, match="only the preset `activations`"):
        sdalgo.decompose(weight, calibration=moments_of(inputs(12)))
    with pytest.raises(InputError, match="option of activations 'theta'"):
        preset("activations", theta=0.1)


@pytest.mark.parametrize("wanted", [3.3, 4.7, 6.1])
@pytest.mark.parametrize("slope", [0.3, 1.0, 3.0])
def test_price_is_found_for_a_budget_in_a_few_steps(wanted, slope):
    asked = []

    def bits(price):
        asked.append(price)
        return 4.0 - slope * np.log(price / 2e-7) + 0.1 * np.sin(np.log(price))

    price = price_for(bits, wanted, first_price(10**6, wanted))
    assert bits(price) == pytest.approx(wanted, rel=0.011)
    assert len(asked) <= 9


def test_moments_of_two_halves_are_those_of_all():
    columns = inputs(6)
    both = joined(moments_of(columns[:, :100]), moments_of(columns[:, 100:]))
    np.testing.assert_allclose(both.second, moments_of(columns).second)
    assert replace(both, columns=1).inputs == 6


def test_lengths_are_those_of_an_ideal_code():
    coef = np.array([[[1.0, -0.5, 0.0], [0.0, 0.0, 0.0]]]).transpose(1, 2, 0)
    found = measured(coef, (-1, 0), "row")
    np.testing.assert_allclose(found.total(coef), [3 * np.log2(3)])


def test_a_container_holds_it(tmp_path):
    from sdalgo.container import Container

    weight, moments = drawn((8, 30)), moments_of(inputs(30))
    found = sdalgo.decompose(weight, preset("activations", bits=None), calibration=moments)
    back = from_bytes(to_bytes(Container(layers={"w": found}, others={}))).layers["w"]
    np.testing.assert_array_equal(back.rebuild(), found.rebuild())


def test_a_layer_alone_needs_numpy_and_no_extra():
    """In a process of its own, for imports are kept."""
    program = """
import sys
sys.modules |= dict.fromkeys(("torch", "threadpoolctl", "bitarray"))
import numpy, sdalgo
from sdalgo.activations.moments import moments_of
weight = numpy.random.default_rng(0).standard_normal((8, 12)).astype(numpy.float32)
seen = moments_of(numpy.random.default_rng(1).standard_normal((12, 100)))
print(sdalgo.decompose(weight, sdalgo.preset("activations"), calibration=seen).error(weight) < 0.5)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.stdout == "True\n", done.stderr
