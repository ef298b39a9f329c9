"""The bounds of a batch, and that the largest one runs in the memory of a small one."""

import resource

import pytest
from tiny_networks import conv, network, run

from archsim.formats.errors import InputError
from archsim.timing.steps import STEPS_PER_LAYER

LAYER = conv("a", [], (2, 130), (16, 16), padding=[1, 1])
MB = 1024


@pytest.mark.slow
def test_the_largest_batch_runs(tmp_path):
    """Cycles and bytes are those of its samples; 65,536 x 24 tiles are laid out as far fewer."""
    workload = network(tmp_path, LAYER, batch=65_536)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many, one = run("diannao", workload), run("diannao", workload.of_batch(1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 200 * MB
    assert many.layers[0].macs == 65_536 * one.layers[0].macs
    assert many.layers[0].compute_cycles == 65_536 * one.layers[0].compute_cycles
    assert many.layers[0].dram_bytes_by["output"] == 65_536 * one.layers[0].dram_bytes_by["output"]
    busiest = max(many.layers[0].compute_cycles, many.layers[0].dram_bytes // 64)
    assert busiest <= many.cycles <= busiest * (1 + 2 / STEPS_PER_LAYER) + 10_000
    assert any("bursts" in note for note in many.notes)


@pytest.mark.parametrize("batch", [0, -3, 65_537, 10**12])
def test_another_batch_size_has_the_bounds_of_a_file(tmp_path, batch):
    workload = network(tmp_path, LAYER)
    with pytest.raises(InputError, match=r"it is at least 1 and at most 65,536"):
        workload.of_batch(batch)
    with pytest.raises(InputError, match="batch"):
        network(tmp_path, LAYER, batch=batch, name="other")
