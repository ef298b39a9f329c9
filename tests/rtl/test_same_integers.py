"""A layer computed by sdalgo, by the model's reference and by the Verilog: equal to the bit."""

import numpy as np
import pytest
import rtl_layers
from small_layers import Arrays, conv, linear

from archsim.analysis.cosim import layer_cases

torch = pytest.importorskip("torch")

import sdalgo  # noqa: E402
from sdalgo import container  # noqa: E402

# Slices of seven rows, so that a filter has several bases, whose scales differ.
OPTIONS = sdalgo.Options(slice_rows=7, theta=1e-3)
LAYERS = {
    "spatial": conv(5, 3, (5, 9), (3, 3), padding=(1, 1, 1, 1), stride=(2, 2)),
    "pointwise": conv(26, 3, (3, 5), (1, 1)),
    "depthwise": conv(4, 4, (5, 9), (3, 3), padding=(1, 1, 1, 1), groups=4),
    "linear": linear(70, 5, 2),
}


def module_of(layer, weight):
    """The layer as torch has it."""
    if layer.op == "linear":
        module = torch.nn.Linear(layer.in_channels, layer.out_channels, bias=False)
    else:
        module = torch.nn.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel, layer.stride,
            layer.padding[:2], groups=layer.groups, bias=False,
        )  # fmt: skip
    module.weight.data = torch.from_numpy(weight)
    return module


@pytest.mark.parametrize("kind", LAYERS)
def test_sdalgo_the_reference_and_the_verilog_give_equal_outputs(kind, tmp_path):
    """Torch multiplies in double, exact for integers of this size, with the weights that a module
    of `sdalgo.convert` rebuilds in its forward pass, counted in the filter's unit.
    """
    layer, rng = LAYERS[kind], np.random.default_rng(3)
    shape = layer.weight_shape()
    # Weights over many powers of two, so that entries move in both directions.
    weight = rng.normal(size=shape) * 2.0 ** rng.uniform(-9, 0, shape)
    module = module_of(layer, weight.astype(np.float32))
    found = sdalgo.decompose(module.weight.detach().numpy(), OPTIONS)
    weights, unit = found.integers()
    converted = sdalgo.convert(module, OPTIONS).weight.detach().double()
    per_filter = torch.from_numpy(unit).reshape(-1, *[1] * (converted.ndim - 1))
    in_units = torch.nan_to_num(converted / per_filter)
    np.testing.assert_allclose(in_units, weights, rtol=1e-6)  # float32 has 24 bits of a weight's 17
    in_units = in_units.round()

    inputs = rng.integers(-128, 128, layer.input_shape()).astype(np.int8)
    given = torch.from_numpy(inputs.astype(np.float64))[None]
    if layer.op == "linear":
        wanted = torch.nn.functional.linear(given, in_units)[0]
    else:
        wanted = torch.nn.functional.conv2d(
            given, in_units, None, layer.stride, layer.padding[:2], groups=layer.groups
        )[0]

    stored = {"coef": found.coef, "basis": found.basis, "basis_scale": found.scale}
    tensors = Arrays(layer, input=inputs, **stored)
    parts = rtl_layers.machine(pe_slices__lines=6)
    one = next(layer_cases.groups_of(layer, tensors, parts))
    np.testing.assert_array_equal(reference(layer, one.operands), wanted.numpy())
    cases, waits = rtl_layers.cases_of([(layer, tensors)], parts)
    assert not rtl_layers.compared(cases, waits, parts, tmp_path)
    assert {case.outputs.size > 0 for case in cases} == {True}


def reference(layer, operands):
    """All outputs of the model's reference, in the layout of torch."""
    filters = range(layer.out_channels)
    if layer.op == "linear":
        return [[operands.output(k, (t, 0)) for k in filters] for t in range(layer.positions)]
    high, wide = layer.out_size
    return [
        [[operands.output(k, (row, column)) for column in range(wide)] for row in range(high)]
        for k in filters
    ]


def test_a_container_gives_the_same_integers():
    rng = np.random.default_rng(0)
    found = sdalgo.decompose(rng.normal(size=(3, 26, 1, 1)).astype(np.float32), OPTIONS)
    held = container.Container(layers={"a": found}, others={})
    after = container.from_bytes(container.to_bytes(held)).layers["a"]
    for one, other in zip(found.integers(), after.integers(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_arch_file_and_sdalgo_have_one_format():
    from archsim.analysis.cosim.operands import format_of
    from archsim.formats.rebuilt import SHIPPED

    assert format_of(rtl_layers.machine()) == SHIPPED


def test_slices_of_one_scale_lose_nothing():
    """The integers times their unit are W = Ce B exactly where a filter has one slice and its
    shifts are eight at most: rounding to float32 is all that is left.
    """
    rng = np.random.default_rng(1)
    options = sdalgo.Options(levels=8, scaling="unit", exponents=(None, None))
    found = sdalgo.decompose(rng.normal(size=(6, 9, 3, 3)).astype(np.float32), options)
    coef = np.sign(found.coef) * 2.0 ** (np.abs(found.coef.astype(float)) - 1) * (found.coef != 0)
    exact = np.einsum("kcra,kan->kcrn", coef, found.basis[:, 0] * found.scale[:, 0, None, None])
    np.testing.assert_array_equal(found.rebuild(), exact.astype(np.float32))
