"""The numbers on the screen of a browser that shows a page over results.

They are read from what is on the screen and compared with the results, never with the page's own
data. Without Chromium, or without the library that draws, these tests are skipped.
"""

import pytest
from report_page import choose, records

from archsim.analysis.breakdown import break_down
from archsim.results.result import Result

pytestmark = pytest.mark.slow


def test_the_summary_is_that_of_the_files(browser, files):
    found = records(browser, "summary")
    assert len(found) == len(files) == 6
    for row, (place, file) in zip(found, files.items(), strict=True):
        assert row["network"] == place.partition("/")[0]
        assert row["machine"] == file["arch"]
        for name in ("cycles", "energy_pj", "dram_bytes", "gops_per_watt"):
            assert row[name] == file["totals"][name]


def test_every_layer_of_every_run_is_that_of_its_file(browser, files):
    for place, file in files.items():
        group, stem = place.split("/")
        choose(browser, "group", group)
        choose(browser, "machine", stem)
        found = records(browser, "layer")
        assert [row["name"] for row in found] == [layer["name"] for layer in file["layers"]]
        for row, layer in zip(found, file["layers"], strict=True):
            assert row["cycles"] == layer["cycles"]
            assert row["energy_by\x1fdram"] == layer["energy_by"]["dram"]
            for cause, count in layer["lost"].get(file_array(file), {}).items():
                assert row.get(f"lost\x1f{file_array(file)}\x1f{cause}", 0) == count


def file_array(file):
    flows = file["arch_resolved"]["flows"].values()
    return next(flow["path"][0] for flow in flows if flow["role"] == "result")


def test_normalised_values_are_ratios_of_the_files(browser, files):
    choose(browser, "metric", "energy_pj")
    choose(browser, "normalised", "of:diannao")
    found = {(row["network"], row["machine"]): row["value"] for row in records(browser, "totals")}
    ratios = {}
    for place, file in files.items():
        group = place.partition("/")[0]
        base = files[f"{group}/diannao"]["totals"]["energy_pj"]
        ratios[group, file["arch"]] = file["totals"]["energy_pj"] / base
        assert found[group, file["arch"]] == pytest.approx(ratios[group, file["arch"]], rel=1e-12)
    mean = (ratios["one", "SCNN"] * ratios["two", "SCNN"]) ** 0.5
    assert found["geometric mean of 2", "SCNN"] == pytest.approx(mean, rel=1e-12)
    choose(browser, "normalised", "")
    values = [row["value"] for row in records(browser, "totals")]
    assert values == [file["totals"]["energy_pj"] for file in files.values()]


def test_parts_of_figures_are_those_of_the_files(browser, files):
    choose(browser, "group", "two")
    for name, key in (("energy", "energy_by"), ("dram", "dram_bytes_by")):
        found = {(row["machine"], row["part"]): row["value"] for row in records(browser, name)}
        for place, file in files.items():
            if place.startswith("two/"):
                own = {part: n for (machine, part), n in found.items() if machine == file["arch"]}
                assert own == {part: n for part, n in file["totals"][key].items() if n}
    spent = {}
    for row in records(browser, "time"):
        spent[row["machine"]] = spent.get(row["machine"], 0) + row["value"]
    assert spent == {
        file["arch"]: pytest.approx(file["totals"]["cycles"])
        for place, file in files.items() if place.startswith("two/")
    }  # fmt: skip


def test_the_roofline_is_that_of_the_breakdown(browser, files):
    """`archsim breakdown` computes it in Python; two operations per multiplication."""
    choose(browser, "group", "two")
    found = {(row["machine"], row["name"]): row for row in records(browser, "roofline")}
    for stem in ("diannao", "smartdeal"):
        result = Result.from_dict(files[f"two/{stem}"])
        for span in break_down(stem, result).layers:
            row = found[result.arch, span.name]
            assert row["intensity"] == pytest.approx(span.intensity, rel=1e-12)
            assert row["rate"] == pytest.approx(span.attained, rel=1e-12)


def test_the_difference_of_two_machines_is_that_of_the_files(browser, files):
    choose(browser, "group", "two")
    choose(browser, "a", "scnn")
    choose(browser, "b", "smartdeal")
    one, two = (files[f"two/{stem}"]["totals"] for stem in ("scnn", "smartdeal"))
    for key in ("cycles", "energy_pj"):
        parts = [row["value"] for row in records(browser, f"difference-{key}")]
        assert sum(parts) == pytest.approx(two[key] - one[key], rel=1e-9)
