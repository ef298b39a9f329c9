"""What the compiled loops find against numpy, to the last number: followed queues, proofs, probes
and samples of random layers, and all golden results of SCNN. Skipped without numba."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import compiled_ways
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import crowded_cases

from archsim.machines.scnn.certificate import never_waits
from archsim.machines.scnn.compiled import compiled as loops
from archsim.machines.scnn.memory import stored_activations, stored_weights
from archsim.machines.scnn.operations import operands
from archsim.machines.scnn.probe import probe
from archsim.machines.scnn.sample import sampled_waits
from archsim.machines.scnn.tiling import Pass, ScnnArray, grid_tiling
from archsim.machines.scnn.waits import followed
from archsim.workload.convolution import Geometry

numba = pytest.importorskip("numba", reason="numba, the extra `fast`, is not installed")

# Each width of vectors and each number of words is a machine code of its own.
ARRAYS = (
    ScnnArray(rows=3, columns=2, queue_depth=2, accumulators=64),
    ScnnArray(rows=2, columns=2, queue_depth=8, accumulators=16),
    ScnnArray(rows=2, columns=3, weights=2, activations=3, banks=4, queue_depth=1),
    ScnnArray(rows=2, columns=2, weights=1, activations=4, banks=64, queue_depth=3),
)


@pytest.fixture(scope="module", autouse=True)
def with_numpy():
    """In place of the fixture of that name: here both ways are taken by turns."""


both = partial(compiled_ways.both, loops=loops)


def layer_of(weights, inputs, geometry, array):
    whole = Pass(inputs, grid_tiling(inputs.shape[1:], geometry, array))
    (layer,) = operands(weights, [whole], geometry, array)
    return layer


@settings(max_examples=60)
@given(case=crowded_cases(), array=st.sampled_from(ARRAYS))
def test_queues_and_proofs_are_those_of_numpy(case, array):
    def find():
        layer = layer_of(case.weights != 0, case.activations != 0, case.geometry, array)
        every = np.arange(layer.groups)
        return followed(layer, every).tolist(), never_waits(layer).tolist()

    compiled, numpy = both(find)
    assert compiled == numpy


@settings(max_examples=60)
@given(case=crowded_cases(), array=st.sampled_from(ARRAYS), filters=st.integers(1, 5))
def test_vectors_and_stored_values_are_those_of_numpy(case, array, filters):
    weights, inputs = case.weights != 0, case.activations != 0
    read = np.arange(inputs.shape[1]) % 3 != 1

    def find():
        layer = layer_of(weights, inputs, case.geometry, array)
        packed = layer.weights.vectors(np.arange(layer.groups))
        met = layer.met(layer.input_channels(layer.groups - 1))
        tile = layer.tiling.tile
        stored = (stored_activations(inputs, tile, array, rows) for rows in (None, read))
        return [
            each.tolist()
            for each in (
                layer.weights.counts, packed.members, packed.first, packed.lengths,
                met.classes, met.first, met.lengths,
                stored_weights(weights, case.geometry, filters), *stored,
            )
        ]  # fmt: skip

    compiled, numpy = both(find)
    assert compiled == numpy


def test_there_are_layers_whose_elements_wait_and_ones_that_are_proven():
    rng = np.random.default_rng(3)
    crowded = (rng.random((90, 6, 3, 3)) < 0.9) & (np.arange(90) % 4 == 1)[:, None, None, None]
    geometry = Geometry(kernel=(3, 3), padding=(1, 1, 1, 1))

    def find():
        layer = layer_of(crowded, rng.random((6, 24, 40)) < 2, geometry, ScnnArray())
        small = layer_of(crowded, rng.random((6, 8, 16)) < 2, geometry, ScnnArray())
        return followed(layer, np.arange(layer.groups)).sum(), never_waits(small).tolist()

    compiled, numpy = both(find)
    assert compiled == numpy
    assert compiled[0] > 0


def test_samples_and_probes_are_those_of_numpy():
    rng = np.random.default_rng(0)
    weights, inputs = rng.random((896, 24, 1, 1)) < 0.6, rng.random((24, 48, 48)) < 0.5
    weights &= (np.arange(896) % 4 != 2)[:, None, None, None]

    def find():
        layer = layer_of(weights, inputs, Geometry(), ScnnArray(queue_depth=2))
        sampled = sampled_waits([layer], affordable=200_000)
        seen = probe(layer, 0, 12)
        waits = [(one.cycles.tolist(), one.group_cycles.tolist()) for one in sampled.passes]
        return (sampled.how, sampled.sampled, sampled.standard_error, waits,
                seen.waited.tolist(), seen.issued.tolist())  # fmt: skip

    compiled, numpy = both(find)
    assert compiled[0] == "sampled"
    assert compiled == numpy


GOLDEN = """
import json, pathlib, sys, test_golden as golden
from archsim.machines.scnn.compiled import compiled
folder = pathlib.Path(sys.argv[1])
cases = [(name, case) for name in golden.MACHINES for case in golden.CASES["inference"]
         if golden.archsim.load_arch(name).machine_path.stem == "scnn"]
found = {f"{name} {case}": golden.counted(name, case, folder) for name, case in cases}
print(json.dumps([compiled() is not None, found]))
"""


def test_golden_results_are_the_same_both_ways(tmp_path):
    root = Path(__file__).parents[3]
    paths = [root, root / "tests" / "shared", root / "tests" / "runs", *sys.path]
    found = []
    for way in ("1", "0"):
        (tmp_path / way).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", GOLDEN, str(tmp_path / way)],
            cwd=root,
            env={
                **os.environ,
                "ARCHSIM_FAST": way,
                "ARCHSIM_CACHE": str(tmp_path / way / "cache"),
                "PYTHONPATH": ":".join(map(str, paths)),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    assert [how for how, _ in found] == [True, False]
    assert found[0][1] == found[1][1]
    assert found[0][1]
