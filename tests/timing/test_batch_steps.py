"""Steps of a batch: as few as one sample has, and where they move the end of a run, by little."""

import pytest
from test_engine_shape import played
from tiny_networks import conv, post, write

import archsim
from archsim.formats.search import names
from archsim.runs.simulation import simulate
from archsim.timing import queueing
from archsim.timing.queueing import STEPS_OF_BATCH
from benchmarks.batch_steps import fine_steps

INFERENCE = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    """Planes of which a batch fills the buffers many times over."""
    layers = [
        conv("a", [], (3, 24), (64, 64), padding=[1, 1]),
        conv("b", ["a"], (24, 64), (64, 64), kernel=(1, 1)),
        conv("c", ["b"], (64, 24), (64, 64), kernel=(1, 1)),
        post("sum", "add", ["a", "c"]),
        conv("d", ["sum"], (24, 40), (64, 64), padding=[1, 1], stride=[2, 2]),
    ]
    return write(tmp_path_factory.mktemp("batch"), layers, name="planes")


@pytest.mark.parametrize("name", INFERENCE)
def test_a_run_of_a_large_batch_is_as_short_as_that_of_a_small_one(name, planes):
    arch = archsim.load_arch(name)
    small, large = (
        played(arch, archsim.load_workload(planes, batch=batch)) for batch in (32, 4096)
    )
    assert max(small[0]) <= STEPS_OF_BATCH
    assert max(large[0]) <= STEPS_OF_BATCH
    assert large[1] < 1.5 * small[1]
    assert "times half a buffer" in large[2][0]


@pytest.mark.parametrize("name", INFERENCE)
def test_coarse_steps_hardly_move_the_end(name, planes):
    """Beside steps a quarter as long, none of which stands for several."""
    arch, workload = archsim.load_arch(name), archsim.load_workload(planes, batch=32)
    coarse = simulate(arch, workload)
    with fine_steps():
        fine = simulate(arch, workload)
    assert coarse.notes != fine.notes
    assert coarse.cycles == pytest.approx(fine.cycles, rel=0.02)
    assert [layer.dram_bytes_by for layer in coarse.layers] == [
        layer.dram_bytes_by for layer in fine.layers
    ]
    assert [layer.actions for layer in coarse.layers] == [layer.actions for layer in fine.layers]


def test_a_single_sample_is_cut_as_it_always_was(planes, monkeypatch):
    arch, workload = archsim.load_arch("diannao"), archsim.load_workload(planes)
    before = simulate(arch, workload)
    monkeypatch.setattr(queueing, "STEPS_OF_BATCH", 1)
    assert simulate(arch, workload) == before
