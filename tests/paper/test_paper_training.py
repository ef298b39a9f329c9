"""Tables V to VII: what shapes decide, and gains by hand from the results of the runs."""

import pytest

import archsim
from archsim.paper import reports, training
from archsim.paper.assumptions import Assumptions, listed
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of
from archsim.paper.formula import value
from archsim.paper.lines import scopes
from archsim.paper.printed import data
from archsim.paper.runs import Runner, Totals
from archsim.paper.shapes import mobilenet_v2_shapes, resnet18_shapes
from archsim.paper.training import Gain, sizes_of
from archsim.runs import probe

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


def test_a_gain_is_the_ratio_of_two_runs_and_stays_under_its_bound(context, monkeypatch, tmp_path):
    """The runs of a table are coarse and remembered; these are neither."""
    network = (probe.PROBES / "training.yaml").read_text(encoding="utf-8")
    (tmp_path / "workloads").mkdir()
    (tmp_path / "workloads" / "small.yaml").write_text(network, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "workload_of", lambda *_: "small")
    found = training.gain(NETWORK, "SD", context.runner, Assumptions(dram_energy=2.0))
    workload = archsim.load_workload("small").drawn()
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


@pytest.mark.slow
def test_every_row_of_the_tables_has_a_number(context):
    for name in ("table5", "table6"):
        lines = reports.report(name, context).lines
        assert len(lines) == 20
        assert all(line.ours is not None for line in lines)
    (line,) = [one for one in reports.report("table7", context).lines if one.what[:2] == "SD"]
    assert line.ours is not None


def totals(energy_pj):
    return Totals(1, 1, energy_pj, {}, 1, {}, 1)


def test_batches_stand_beside_each_other_at_both_prices():
    """Made-up energies: the n-th change gains n, and one more with structured sparsity."""
    found = []
    for number, change in enumerate(listed("training"), 1):
        gains = {
            arm: Gain(totals(number + more), totals(1), bound=number + 2)
            for more, arm in enumerate(training.ARMS)
        }
        found.append((change, {"ResNet18": gains, "MobileNetV2": gains}))
    place = {change.name: number for number, (change, _) in enumerate(found, 1)}
    for entry in data("reports")["training"]["tables"][1:]:
        (known,) = scopes(entry, {"found": found})
        for batch, cells in value(entry["rows"], known):
            table, chip = (
                ("as the files have it", "chip's own energy")
                if batch == "128"
                else (f"batch {batch}", f"chip's own energy, batch {batch}")
            )
            whole = [place[name] + more for name in (table, chip) for more in (0, 1, 2)]
            assert cells == whole
            by_name = {change.name: change for change, _ in found}
            assert by_name[chip].batch == by_name[table].batch
            assert by_name[table].batch == (None if batch == "128" else int(batch))


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "reached"), [(8, False), (4, True)])
def test_mobilenet_v2_needs_a_batch_of_four_for_the_least_gain_that_is_printed(batch, reached):
    """With everything that favours moved weights at once: Table VI has 1.27 for SD."""
    change = next(each for each in listed("training")
                  if each.name == f"all for the weights, batch {batch}")  # fmt: skip
    found = training.gain(NETWORK, "SD", Runner(), change)
    assert (found.energy >= 1.27) is reached
