"""`archsim paper` from the command line."""

import json

import pytest

from archsim.__main__ import main
from archsim.arch.arch import load_arch
from archsim.paper.tables_machines import fairness


def run(capsys, *arguments):
    status = main(["paper", *arguments])
    return status, capsys.readouterr()


def test_a_table_is_printed_with_paper_ours_and_ratio(tmp_path, capsys):
    status, told = run(capsys, "table9", "--out", str(tmp_path))
    assert status == 0
    assert "smartdeal, multipliers" in told.out
    assert "8192" in told.out


@pytest.mark.slow
def test_json_is_one_document(tmp_path, capsys):
    status, told = run(capsys, "fig10", "-n", "VGG19", "--json", "--out", str(tmp_path))
    assert status == 0
    found = json.loads(told.out)
    assert found["values"]["ratios"]["VGG19"]["diannao"] == 1
    assert len(found["figures"]) == 2
    for path in found["figures"]:
        assert (tmp_path / "paper" / path.rsplit("/", 1)[1]).stat().st_size > 5_000


@pytest.mark.slow
def test_figures_are_the_same_bytes_twice(tmp_path, capsys):
    pages = []
    for folder in ("one", "two"):
        run(capsys, "fig8", "-n", "VGG19", "-q", "--out", str(tmp_path / folder))
        files = sorted((tmp_path / folder / "paper").iterdir())
        pages.append([path.read_bytes() for path in files])
    assert pages[0] == pages[1]
    assert len(pages[0]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fig99"], "fig9"),
        (["fig8", "-n", "ResNet51"], "ResNet50"),
        (["fig8", "--scenario", "ideal_lane"], "ideal_lanes"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(tmp_path, capsys, arguments, said):
    status, told = run(capsys, *arguments, "--out", str(tmp_path))
    assert status == 2
    assert said in told.err
    assert "Traceback" not in told.err


def test_what_sdalgo_has_not_computed_is_named_as_a_command(tmp_path, capsys):
    status, told = run(capsys, "fig3", "--out", str(tmp_path))
    assert status == 0
    assert "missing: sdalgo paper fig3" in told.out


def test_what_sdalgo_computed_is_shown(tmp_path, capsys):
    row = {"row": "mobilenet_v2", "quantity": "zero bits", "unit": "%", "paper": 79.8,
           "ours": 71.25, "how": "by hand", "meets": False, "ratio": 71.25 / 79.8}  # fmt: skip
    (tmp_path / "paper").mkdir()
    document = {"format": "sdalgo-paper/1", "name": "fig3", "rows": [row]}
    (tmp_path / "paper" / "fig3.json").write_text(json.dumps(document))
    status, told = run(capsys, "fig3", "--out", str(tmp_path))
    assert status == 0
    assert "71.2" in told.out
    assert "missing" not in told.out


def test_a_damaged_file_of_sdalgo_is_bad_input(tmp_path, capsys):
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "fig3.json").write_text("{")
    status, told = run(capsys, "fig3", "--out", str(tmp_path))
    assert status == 2
    assert "fig3.json" in told.err


@pytest.mark.slow
def test_a_machine_that_refuses_a_network_is_not_applicable_and_says_why(tmp_path, capsys):
    (tmp_path / "narrow.yaml").write_text(
        "name: narrow\ndescription: too small a buffer\n"
        "machines:\n  cambricon_x: {nbin.banks: 1, nbin.bank_kbytes: 0.002}\n"
    )
    scenario = str(tmp_path / "narrow.yaml")
    asked = ["fig10", "-n", "VGG19", "--scenario", scenario, "--out", str(tmp_path)]
    status, told = run(capsys, *asked)
    assert status == 0
    assert "VGG19 on cambricon_x: n/a, " in told.out
    assert "nbin" in told.out


def test_what_is_not_equal_is_said():
    archs = {name: load_arch(name) for name in ("diannao", "smartdeal")}
    assert "not the same" not in " ".join(fairness(archs))
    archs["smartdeal"] = load_arch(
        "smartdeal", ["dram.bytes_per_cycle=32", "interlayer=keep_if_fits"]
    )
    said = fairness(archs)
    assert said[0] == "the same on every machine: dma, post, clock_mhz, energy, barrier"
    assert said[1:3] == [
        "not the same on every machine: dram",
        "not the same on every machine: interlayer",
    ]
