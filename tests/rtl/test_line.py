"""Lines of a slice against the rule and the timeline: start and end of every job, opening of every
tile, bits of every output, on at least 200 tiles of each kind of layer.
"""

import numpy as np
import pytest
import rtl_layers
from slow_cases import slow_where

TILES = 200


@pytest.mark.parametrize("kind", slow_where({"raw", "depthwise"}.__contains__, rtl_layers.KINDS))
def test_every_job_and_every_output_is_that_of_the_model(kind, tmp_path):
    """Outputs by the definition of a convolution, times by a walk through the jobs and by the rule
    that a run uses.
    """
    parts = rtl_layers.machine(pe_slices__lines=6 if kind == "depthwise" else 2)
    made = list(rtl_layers.layers(kind, rtl_layers.KINDS.index(kind), TILES))
    cases, waits = rtl_layers.cases_of(made, parts)
    assert sum(case.tiles for case in cases) >= TILES
    assert {layer.stride for layer, _ in made} >= {(1, 1)}
    if kind != "linear":
        assert {layer.stride for layer, _ in made} == {(1, 1), (2, 2)}
    assert {tensors.need("input").dtype for _, tensors in made} == {np.dtype("i1"), np.dtype("u1")}
    # Narrow tiles, rows and segments that are left out, and outputs that are not all zero.
    if kind != "linear":
        assert min(case.pixels.min() for case in cases) < 8
    assert any(left_out(*one) for one in made)
    assert any(case.outputs.any() for case in cases)
    assert not rtl_layers.compared(cases, waits, parts, tmp_path)


def left_out(layer, tensors):
    """Whether a layer has a dead row and a channel of zeros."""
    rows = tensors.get("coef") if tensors.get("coef") is not None else tensors.need("weight")
    return not rows.any(axis=-1).all() and not tensors.need("input").all()


@pytest.mark.parametrize(
    "keys",
    [
        {"pe_slices__barrier_cycles": 0},
        {"index_selector__skip": "none"},
        {"rebuild_engine__weight_bits": 9, "rebuild_engine__saturation": "wrap"},
        {"rebuild_engine__weight_bits": 12, "rebuild_engine__largest_shift": 3},
        {"rebuild_engine__largest_shift": 4, "rebuild_engine__rounding": "down"},
        {"mac_array__macs": 6},
    ],
    ids=str,
)
def test_keys_of_the_arch_file_are_parameters_of_the_verilog(keys, tmp_path):
    parts = rtl_layers.machine(**keys)
    made = [layer for kind in ("pointwise", "linear", "depthwise") for layer in some(kind)]
    cases, waits = rtl_layers.cases_of(made, parts)
    assert not rtl_layers.compared(cases, waits, parts, tmp_path)


def some(kind):
    """A few layers of a kind, the same for all keys."""
    return rtl_layers.layers(kind, 7, 6, small=True)
