"""Tables V to VII: what shapes decide, and gains by hand from the results of the runs."""

import pytest

import archsim
from archsim.paper import reports, training
from archsim.paper.assumptions import Assumptions, listed
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of
from archsim.paper.shapes import mobilenet_v2_shapes, resnet18_shapes
from archsim.paper.training import sizes_of

NETWORK = "MobileNetV2"


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return context_of(Wanted(out=tmp_path_factory.mktemp("out")), cached=False)


def test_sizes_of_the_logged_runs():
    """The logged runs of Table V kept 246 896 and 1 353 462 non-zeros; what is left of their
    printed sizes makes 2.5 to 3.4 bits a non-zero."""
    for shapes, printed, nonzeros in (
        (mobilenet_v2_shapes(), 0.99, 246_896),
        (resnet18_shapes(), 2.44, 1_353_462),
    ):
        fixed = sizes_of(shapes, dense_classifier=False).fixed
        assert 2.5 < (printed - fixed) * 2**23 / nonzeros < 3.4


def test_a_dense_classifier_is_not_decomposed():
    shapes = mobilenet_v2_shapes(100)
    dense = sizes_of(shapes, dense_classifier=True)
    assert dense.dense == pytest.approx(1280 * 100 * 4 / 2**20)
    assert dense.mask < sizes_of(shapes, dense_classifier=False).mask


def test_a_gain_is_the_ratio_of_two_runs_and_stays_under_its_bound(context):
    """The runs of a table are coarse and remembered; these are neither."""
    found = training.gain(NETWORK, "SD", context.runner, Assumptions(dram_energy=2.0))
    workload = archsim.load_workload("mobilenet_v2_cifar_sdt").drawn()
    energies, drams = [], []
    for form in ("dense", "smartdeal"):
        arch = archsim.load_arch("training_accelerator", {"weights": form})
        result = archsim.simulate(arch, workload)
        energies.append(result.energy_pj + result.energy_by["dram"])
        drams.append(result.dram_bytes)
    assert found.energy == pytest.approx(energies[0] / energies[1])
    assert found.dram == drams[0] / drams[1]
    assert 1 < found.energy < found.bound


def test_changes_are_legal_and_the_first_changes_nothing():
    changes = listed("training")
    assert changes[0].changes == ()
    assert (changes[0].batch, changes[0].dram_energy) == (None, 1.0)
    for change in changes:
        archsim.load_arch("training_accelerator", change.changes)
    assert len({change.name for change in changes}) == len(changes)


def test_every_row_of_the_tables_has_a_number(context):
    for name in ("table5", "table6"):
        lines = reports.report(name, context).lines
        assert len(lines) == 20
        assert all(line.ours is not None for line in lines)
    (line,) = [one for one in reports.report("table7", context).lines if one.what[:2] == "SD"]
    assert line.ours is not None
