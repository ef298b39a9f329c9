"""Figs. 8 to 10 say of each network whether its weights are trained."""

import pytest

from archsim.paper import reports
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of
from archsim.paper.networks import left_out, networks, synthetic_twins
from archsim.paper.reports import figure_data
from archsim.workload.load_notes import weight_origin
from archsim.workload.workload import load_workload


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    wanted = Wanted(networks=("VGG19",), out=tmp_path_factory.mktemp("out"))
    return context_of(wanted, cached=True)


@pytest.mark.parametrize("name", ["fig8", "fig9", "fig10"])
def test_each_network_of_a_figure_says_what_its_workload_says(context, name):
    found = reports.report(name, context)
    sheet = found.tables[0]
    assert list(sheet.heads[:2]) == ["network", "weights"]
    assert [(name, cells[0]) for name, cells in sheet.rows] == [
        ("VGG19", "synthetic"), ("geometric mean of those run", None),
    ]  # fmt: skip
    assert found.values["weights"] == {"VGG19": "synthetic"}
    assert list(figure_data(name, context)[0]) == ["VGG19 (synthetic)"]


def test_two_of_the_seven_networks_are_trained():
    said = {one.name: weight_origin(load_workload(one.workload).source["weights"])
            for one in networks()}  # fmt: skip
    assert set(said.values()) == {"trained", "synthetic"}
    assert [name for name, word in said.items() if word == "trained"] == [
        "MobileNetV2", "EfficientNet-B0",
    ]  # fmt: skip


def test_a_twin_is_its_network_with_synthetic_weights():
    for twin in synthetic_twins():
        (base,) = networks([twin.name.partition(",")[0]])
        trained, drawn = load_workload(base.workload), load_workload(twin.workload)
        assert weight_origin(trained.source["weights"]) == "trained"
        assert weight_origin(drawn.source["weights"]) == "synthetic"
        for what in ("decomposition", "activations"):
            assert trained.source[what] == drawn.source[what]
        assert [(one.name, one.macs) for one in trained.layers] == [
            (one.name, one.macs) for one in drawn.layers
        ]
        assert left_out(twin.name, "scnn") == left_out(base.name, "scnn")


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("trained: a; SYNTHETIC: classifier", "trained"), ("SYNTHETIC, not trained", "synthetic"),
        ("synthetic", "synthetic"), ("as found in trained.onnx", ""), (None, ""),
    ],
)  # fmt: skip
def test_the_first_word_counts(said, origin):
    assert weight_origin(said) == origin
