"""Networks of thousands of layers end, and a layer that is too large is refused from its shape."""

import resource

import numpy as np
import pytest

from archsim.arch.arch import load_arch
from archsim.formats.errors import InputError
from archsim.formats.profile_values import uniform_table
from archsim.runs.simulation import simulate
from archsim.workload.tensors import MAX_DRAWN
from archsim.workload.workload import load_workload

HEAD = "format: archsim-workload/1\nname: chain\nsource: {made_by: a test}\nlayers:\n"
LAYER = (
    "  - {{name: l{0}, op: conv, inputs: [{1}], in_channels: 4, out_channels: 4, in_size: [4, 4], "
    "kernel: [3, 3], padding: [1, 1]}}\n"
)


def chain(folder, layers):
    path = folder / f"chain{layers}.yaml"
    each = (LAYER.format(k, f"l{k - 1}" if k else "") for k in range(layers))
    path.write_text(HEAD + "".join(each))
    return load_workload(path)


def test_thousands_of_equal_layers_end_in_time_in_step_with_their_number(tmp_path):
    arch = load_arch("diannao")
    few, many = (simulate(arch, chain(tmp_path, count)) for count in (50, 5000))
    assert len(many.layers) == 5000
    # Closed form: all layers but the first and last take the same time, so cycles are a line.
    assert many.cycles == pytest.approx(few.cycles * 100, rel=0.05)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000  # KiB


def test_arrays_that_no_computer_should_draw_are_refused_from_the_shape(tmp_path):
    path = tmp_path / "w.yaml"
    weight = "{live: 1, values: [1]}"
    path.write_text(
        f"{HEAD}  - {{name: fc, op: linear, inputs: [], in_channels: 1048576, out_channels: 2048, "
        f"profile: {{weight: {weight}, pruned: {{live: 0.5, values: [1]}}, "
        "input: {classes: [{channels: 1048576, zero: 0.5, values: [1]}]}}}\n"
    )
    layer = load_workload(path).layers[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"w\.yaml:5:5: layer 'fc': its \w+ would be drawn"):
        load_workload(path).tensors(layer).get("pruned")
    assert layer.weight_elements > MAX_DRAWN
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_table_of_random_numbers_is_that_of_a_search_for_each():
    draw = np.random.default_rng(0)
    places = (np.arange(1 << 16) + 0.5) / (1 << 16)
    for _ in range(60):
        values = np.arange(-draw.integers(1, 100), draw.integers(1, 100))
        frequencies = draw.integers(0, draw.integers(2, 1000), len(values)).astype(float)
        frequencies[draw.integers(len(values))] += 1
        share = np.cumsum(frequencies) / frequencies.sum()
        # The definition: each place takes the first value whose share reaches it.
        found = values[np.minimum(np.searchsorted(share, places), len(values) - 1)]
        np.testing.assert_array_equal(uniform_table(frequencies, values), found.astype(np.int8))
