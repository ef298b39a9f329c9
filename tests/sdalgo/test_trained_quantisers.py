"""Quantisers of rivals that train, each against the nearest of all values that it can store."""

import math

import numpy as np
import pytest
import torch

from sdalgo.rivals.trained.clip_q import ClippedWeight
from sdalgo.rivals.trained.dorefa import CutInput, TanhWeight
from sdalgo.rivals.trained.even_grid import RangeInput, at_random
from sdalgo.rivals.trained.fp8 import Float8Weight, Float16Weight
from sdalgo.rivals.trained.lsq import StepInput, StepWeight, learned_step
from sdalgo.rivals.trained.scalable8 import RangeWeight
from sdalgo.rivals.trained.small_floats import to_8, to_16, to_16_at_random
from sdalgo.rivals.trained.wageubn import DirectWeight, ShiftInput, flagged, shift, shifted


def drawn(*shape, seed=0, size=0.3):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, size, shape).astype(np.float32))


def nearest_of(values, representable):
    """The nearest of a list, as distances: ties may fall either way."""
    table = np.sort(np.asarray(representable, np.float64))
    flat = np.asarray(values, np.float64).reshape(-1)
    place = np.clip(np.searchsorted(table, flat), 1, len(table) - 1)
    return np.minimum(np.abs(flat - table[place - 1]), np.abs(flat - table[place]))


def assert_nearest(found, values, representable, slack=1e-6):
    """Each is one of the representable values, and none of them is nearer."""
    table = np.asarray(representable, np.float64)
    got = np.asarray(found.detach(), np.float64).reshape(-1)
    assert (nearest_of(got, table) <= slack * np.abs(table).max()).all()
    away = np.abs(got - np.asarray(values.detach(), np.float64).reshape(-1))
    assert (away <= nearest_of(values.detach(), table) + slack * np.abs(table).max()).all()


def floats(exponent_bits, mantissa_bits):
    """Every finite number of a format as IEEE lays it out, the largest exponent being infinity."""
    bias = 2 ** (exponent_bits - 1) - 1
    found = []
    for exponent in range(2**exponent_bits - 1):
        for mantissa in range(2**mantissa_bits):
            part = mantissa / 2**mantissa_bits
            size = (
                part * 2.0 ** (1 - bias) if exponent == 0 else (1 + part) * 2.0 ** (exponent - bias)
            )
            found.append(size)
    return np.array(found)


def rounded_to(values, sizes):
    """The nearest of the sizes with the sign of the value, ties to the even place in the list."""
    out = np.empty(len(values))
    for i, value in enumerate(np.asarray(values, np.float64)):
        size = min(abs(value), sizes[-1])
        above = min(int(np.searchsorted(sizes, size)), len(sizes) - 1)
        below = max(above - 1, 0)
        down, up = size - sizes[below], sizes[above] - size
        even = below if below % 2 == 0 else above
        place = below if down < up else above if up < down else even
        out[i] = math.copysign(sizes[place], value)
    return out


@pytest.mark.parametrize(("to", "bits"), [(to_8, (5, 2)), (to_16, (6, 9))])
def test_small_floats_are_the_nearest_of_all(to, bits):
    sizes = floats(*bits)
    generator = np.random.default_rng(1)
    spread = 2.0 ** generator.uniform(np.log2(sizes[1]) - 3, np.log2(sizes[-1]) + 2, 4000)
    ties = (sizes[:-1] + sizes[1:])[:600] / 2
    values = np.concatenate([spread, sizes[:600], sizes[-600:], ties, [0.0]])
    values = (values * generator.choice([-1, 1], len(values))).astype(np.float32)
    found = to(torch.from_numpy(values)).numpy()
    np.testing.assert_array_equal(found.astype(np.float64), rounded_to(values, sizes))


def test_rounding_at_random_goes_to_a_neighbour_and_is_right_in_the_mean():
    torch.manual_seed(0)
    values = drawn(40, seed=2)
    sizes = floats(6, 9)
    table = np.concatenate([-sizes[::-1], sizes])
    found = torch.stack([to_16_at_random(values) for _ in range(2000)]).numpy()
    for i, value in enumerate(values.numpy().astype(np.float64)):
        above = np.searchsorted(table, value)
        assert set(found[:, i]) <= {np.float32(table[above - 1]), np.float32(table[above])}
        step = table[above] - table[above - 1]
        assert abs(found[:, i].mean(dtype=np.float64) - value) < 4 * step / 2 / math.sqrt(2000)
    exact = to_16(values)
    assert torch.equal(to_16_at_random(exact), exact)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_dorefa_takes_the_nearest_of_its_values(bits):
    weight = drawn(8, 3, 3, 3)
    quantiser = TanhWeight(bits)
    bent = weight.tanh() / weight.tanh().abs().max()
    values = [2 * i / (2**bits - 1) - 1 for i in range(2**bits)]
    assert_nearest(quantiser(weight), bent, values)
    cut = CutInput(bits)
    inputs = drawn(16, 5).abs()
    first = cut(inputs)
    most = float(inputs.max())
    assert_nearest(first, inputs, [most * i / (2**bits - 1) for i in range(2**bits)])
    later = cut(inputs * 2)  # the cut stays that of the first batch
    assert float(later.max()) == most


def test_dorefa_gradients_pass_the_rounding_and_not_the_cut():
    weight = drawn(6, 4).requires_grad_()
    TanhWeight(2)(weight).sum().backward()
    again = weight.detach().clone().requires_grad_()
    (again.tanh() / again.tanh().abs().max()).sum().backward()
    torch.testing.assert_close(weight.grad, again.grad)
    cut = CutInput(3)
    cut(torch.tensor([1.0]))
    inputs = torch.tensor([-0.5, 0.3, 0.8, 1.5], requires_grad=True)
    cut(inputs).sum().backward()
    assert inputs.grad.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_lsq_takes_the_nearest_of_its_values(bits):
    weight = drawn(10, 7)
    quantiser = StepWeight(weight, bits)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    step = 2 * weight.abs().mean() / math.sqrt(high)
    torch.testing.assert_close(quantiser.step.detach(), step)
    assert_nearest(quantiser(weight), weight, [float(step) * i for i in range(low, high + 1)])
    inputs = drawn(9, 11).abs()
    found = StepInput(bits, signed=False)
    values = found(inputs)
    width = float(found.step.detach())
    assert_nearest(values, inputs, [width * i for i in range(2**bits)])


def test_lsq_gradients_are_the_closed_form():
    """Esser et al., equations 3 and 5, and the scale 1 / sqrt(N Q_P) of section 2.2."""
    values = drawn(200, size=1.0).requires_grad_()
    step = torch.tensor(0.4, requires_grad=True)
    above = drawn(200, seed=3)
    (learned_step(values, step, (-4, 3), 200) * above).sum().backward()
    with torch.no_grad():
        ratio = values / step
        own = torch.where(ratio <= -4, -4.0, torch.where(ratio >= 3, 3.0, ratio.round() - ratio))
        inside = (ratio > -4) & (ratio < 3)
    torch.testing.assert_close(step.grad, (own * above).sum() / math.sqrt(200 * 3))
    torch.testing.assert_close(values.grad, above * inside)
    assert not inside.all()


def test_s8_takes_the_nearest_of_256_values():
    weight = drawn(12, 9).requires_grad_()
    found = RangeWeight()(weight)
    low, high = float(weight.detach().min()), float(weight.detach().max())
    assert_nearest(found, weight, np.linspace(low, high, 256))
    found.sum().backward()
    assert (weight.grad == 1).all()
    assert torch.equal(RangeWeight()(torch.full((3, 2), 0.25)), torch.full((3, 2), 0.25))


def test_s8_inputs_have_the_mean_range_of_samples_and_then_its_running_mean():
    quantiser = RangeInput(8)
    one, two = drawn(6, 4, 5), drawn(6, 4, 5, seed=5) * 2

    def extremes(batch):
        flat = batch.reshape(len(batch), -1)
        return float(flat.min(1).values.mean()), float(flat.max(1).values.mean())

    first, second = extremes(one), extremes(two)
    clipped = one.clamp(*first)
    assert_nearest(quantiser(one), clipped, np.linspace(*first, 256))
    quantiser(two)
    quantiser.eval()
    kept = [0.9 * a + 0.1 * b for a, b in zip(first, second, strict=True)]
    assert_nearest(quantiser(two), two.clamp(*kept), np.linspace(*kept, 256))


def test_s8_errors_are_rounded_at_random_between_neighbours():
    torch.manual_seed(1)
    values = drawn(50)
    grid = np.linspace(float(values.min()), float(values.max()), 16)
    found = torch.stack([at_random(values, 15) for _ in range(2000)]).double().numpy()
    step = grid[1] - grid[0]
    assert (np.abs(found - values.numpy()) <= step * 1.0001).all()
    assert nearest_of(found, grid).max() < 1e-6
    assert (np.abs(found.mean(0) - values.numpy()) < 4 * step / 2 / math.sqrt(2000)).all()


def test_wageubn_takes_the_nearest_of_its_values():
    weight = drawn(12, 9, size=0.6).requires_grad_()
    found = DirectWeight()(weight)
    assert_nearest(found, weight, [i / 128 for i in range(-127, 128)])
    found.sum().backward()
    assert (weight.grad == 1).all()
    for largest, power in ((1.0, 1.0), (1.5, 2.0), (1.3, 1.0), (0.3, 0.25), (0.0, 1.0)):
        assert float(shift(torch.tensor(largest))) == power
    errors = drawn(500, size=0.05)
    power = float(shift(errors.abs().max()))
    coarse = [power * i / 128 for i in range(-127, 128)]
    assert_nearest(shifted(errors, torch.tensor(power)), errors, coarse)
    fine = [power / 128 * i / 128 for i in range(-128, 129)]
    spread = torch.cat([errors, errors / 300])
    got = flagged(spread)
    small = spread.abs() < power / 128
    assert_nearest(got[small], spread[small], fine)
    assert_nearest(got[~small], spread[~small], coarse)
    assert small.any()


def test_wageubn_inputs_use_the_running_largest_after_training():
    quantiser = ShiftInput()
    quantiser(torch.tensor([[4.0]]))
    quantiser(torch.tensor([[8.0]]))
    quantiser.eval()
    assert float(quantiser.largest) == pytest.approx(4.4)
    assert_nearest(quantiser(drawn(30)), drawn(30), [4 * i / 128 for i in range(-127, 128)])


def clipped_by_hand(weight, share, bits):
    """The same as loops over sorted numbers."""
    out = np.zeros(len(weight))
    for sign, levels in ((-1, 2 ** (bits - 1) - 1), (1, 2 ** (bits - 1))):
        side = [i for i, value in enumerate(weight) if value * sign > 0]
        order = sorted(side, key=lambda i: abs(weight[i]))
        gone = int(share * len(side))
        left = order[gone:]
        low = abs(weight[order[gone - 1]]) if gone else 0.0
        width = (abs(weight[order[-1]]) - low) / levels
        for level in range(levels):
            own = [i for i in left if min(int((abs(weight[i]) - low) / width), levels - 1) == level]
            for i in own:
                out[i] = np.mean([weight[j] for j in own])
    return out


@pytest.mark.parametrize(("share", "bits"), [(0.5, 3), (0.0, 2), (0.8, 4)])
def test_clip_q_is_its_definition(share, bits):
    weight = drawn(300).requires_grad_()
    quantiser = ClippedWeight(share, bits)
    found = quantiser(weight)
    by_hand = clipped_by_hand(weight.detach().numpy(), share, bits)
    np.testing.assert_allclose(found.detach().numpy(), by_hand, rtol=1e-5, atol=1e-7)
    found.sum().backward()
    assert (weight.grad == 1).all()
    assert len(found.detach().unique()) <= 2**bits


def test_clip_q_of_a_side_without_weights():
    found = ClippedWeight(0.5, 3)(torch.tensor([0.1, 0.2, 0.4, 0.0]))
    assert found.tolist() == pytest.approx([0, 0.2, 0.4, 0])  # one of three is half, rounded down


@pytest.mark.parametrize(
    "quantiser",
    [TanhWeight(2), RangeWeight(), DirectWeight(), Float8Weight(), Float16Weight(),
     ClippedWeight(0.5, 3), StepWeight(drawn(5, 4, 3, 3), 3)],
    ids=lambda quantiser: type(quantiser).__name__,
)  # fmt: skip
def test_the_stored_form_rebuilds_what_is_computed_with(quantiser):
    weight = drawn(5, 4, 3, 3)
    np.testing.assert_array_equal(
        quantiser.stored(weight).rebuild(), quantiser(weight).detach().numpy()
    )
