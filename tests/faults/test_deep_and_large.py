"""Networks of thousands of layers end, and a layer that is too large is refused from its shape."""

import json
import resource
import tracemalloc

import numpy as np
import pytest

from archsim.arch.arch import load_arch
from archsim.formats.errors import InputError
from archsim.formats.json_text import indented
from archsim.formats.profile_models import Field, InputProfile
from archsim.formats.profile_values import uniform_table
from archsim.machines.bit_pragmatic import column_sync
from archsim.runs.simulation import simulate
from archsim.workload import profile_input
from archsim.workload.profile_input import draw_input
from archsim.workload.profile_noise import LocalField, Noise
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


@pytest.mark.slow
def test_thousands_of_equal_layers_end_in_time_in_step_with_their_number(tmp_path):
    arch = load_arch("diannao")
    few, many = (simulate(arch, chain(tmp_path, count)) for count in (50, 5000))
    assert len(many.layers) == 5000
    # Closed form: all layers but the first and last take the same time, so cycles are a line.
    assert many.cycles == pytest.approx(few.cycles * 100, rel=0.05)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000  # KiB


@pytest.mark.slow
def test_memory_does_not_grow_with_the_batch(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        f"{HEAD}  - {{name: a, op: conv, inputs: [], in_channels: 8, out_channels: 8, "
        "in_size: [16, 16], kernel: [3, 3], padding: [1, 1], profile: {weight: {live: 1, "
        "values: [1]}, input: {classes: [{channels: 8, zero: 0.5, values: [1]}]}}}\n"
    )
    arch, sample = load_arch("smartdeal"), load_workload(path)
    one = simulate(arch, sample)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many = simulate(arch, sample.of_batch(65_536))
    # Closed form: the array does the same for each sample, and the network is fed from outside.
    assert many.layers[0].compute_cycles == 65_536 * one.layers[0].compute_cycles
    assert many.macs == 65_536 * one.macs
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


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


def test_a_plane_in_blocks_is_the_plane_that_is_held():
    shape = (37, 41, 5)
    for field in (Field(share=0.3, x=0.9, y=0.85), Field(share=0.7, x=0.9, y=0.5)):
        planes = []
        for step in (None, 1, 4, 36, 50):
            random = np.random.default_rng(7)
            noise, local = Noise(shape, step, random), LocalField(field, shape, step, random)
            for _ in range(1 if step is None else 2):
                plane = np.concatenate([one.copy() for one in local.add_to(noise.blocks())])
            planes.append((plane, random.integers(1 << 60)))
        # Oracle: the whole plane, drawn at once; and the stream goes on from the same place.
        for plane, following in planes[1:]:
            np.testing.assert_array_equal(plane, planes[0][0])
            assert following == planes[0][1]


def test_inputs_drawn_in_blocks_are_those_drawn_at_once(monkeypatch):
    profile = InputProfile.model_validate(
        {
            "classes": [
                {"channels": 3, "zero": 0.3, "values": [3, 2, 1]},
                {"channels": 4, "zero": 0.6, "values": [1, 5], "negative": [2]},
            ],
            "local": [{"share": 0.3, "x": 0.9, "y": 0.9}],
            "shared": {"share": 0.2, "x": 0.5, "y": 0.5, "levels": [-1, 0, 3]},
            "scale": {"spread": 0.2, "x": 0.5, "y": 0.5},
        }
    )
    for shape in ((7, 33, 29), (50, 7)):
        whole = draw_input(profile, shape, np.random.default_rng(1))
        with monkeypatch.context() as patch:
            patch.setattr(profile_input, "MAX_HELD", 1)
            patch.setattr(profile_input, "BLOCK", 500)
            patch.setattr(profile_input, "RANKS", 100)
            parts = draw_input(profile, shape, np.random.default_rng(1))
        np.testing.assert_array_equal(parts, whole)


def test_a_chain_in_parts_ends_as_one_that_is_followed_step_by_step(monkeypatch):
    monkeypatch.setattr(column_sync, "STEPS", 70)
    draw = np.random.default_rng(0)
    for registers in (0, 1, 3):
        durations = draw.integers(0, 9, (1000, 4))
        ends, last = [], np.zeros(4, int)
        for step, lasting in enumerate(durations):
            # The definition: a column waits for its own end and for all at step - 1 - registers.
            gate = ends[step - 1 - registers] if step > registers else 0
            last = np.maximum(last, gate) + lasting
            ends.append(last.max())
        np.testing.assert_array_equal(column_sync.end_times(durations, registers), ends)


def test_memory_of_a_chain_does_not_grow_with_its_length():
    part = np.random.default_rng(0).integers(1, 9, (1 << 16, 8), dtype=np.uint8)
    counts = np.array([1 << 20])
    tracemalloc.start()
    ends = column_sync.ends_after(counts, (part for _ in range(16)), 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ends[0] >= 16 * part.sum(axis=0).max()
    # All durations of all columns, as int32, are 33 MB three times over.
    assert peak < 60e6


def test_a_result_is_written_as_the_standard_library_does():
    value = {
        "a": [1, -2.5e-9, True, None, [], {}],
        '\u00e9\n"': {"": [[1], {"x": 10**30}]},
        "e": {},
    }
    assert indented(value) == json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    for wrong in (float("nan"), [float("inf")]):
        with pytest.raises(ValueError, match="not JSON compliant"):
            indented(wrong)
