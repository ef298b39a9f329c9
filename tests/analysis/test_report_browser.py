"""A page over results in a real browser: it draws, sorts, filters, zooms and shows the numbers.

Numbers are read from what is on the screen and compared with the results, never with the page's own
data. Without Chromium, or without the library that draws, these tests are skipped.
"""

import csv
import io
import json
import os

import pytest
import small_results
from browser import Browser

from archsim.analysis.report.contents import contents
from archsim.analysis.report.page import page
from archsim.results.store import read_folder

pytestmark = pytest.mark.slow
HERE = "document.querySelector"


def library():
    from archsim.analysis.report import library as drawing

    if not os.environ.get("CI"):
        pytest.importorskip("vl_convert", reason="pip install 'archsim[report]'")
    return drawing.script()


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The page of a folder of results in a browser, and the results as JSON."""
    folder = tmp_path_factory.mktemp("report")
    browser = Browser(folder / "browser")
    out = small_results.write(folder / "results", small_results.results(folder / "networks"))
    stored, problems = read_folder(out)
    assert not problems
    path = folder / "report.html"
    path.write_bytes(page(contents(stored, "diannao"), "results", library()))
    try:
        browser.open(path.as_uri())
        yield browser, {each.place: json.loads(each.path(out).read_text()) for each in stored}
    finally:
        browser.close()


@pytest.fixture
def browser(opened):
    yield opened[0]
    assert opened[0].errors == []


@pytest.fixture
def files(opened):
    return opened[1]


def choose(browser, control, value):
    """As a person would: the control changes, and the page draws."""
    browser.js(
        f"(() => {{ const own = document.getElementById('{control}');"
        f"own.value = {json.dumps(value)};"
        "own.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    ready(browser)


def ready(browser):
    browser.wait("document.documentElement.dataset.ready === 'true'")


def rows(browser, name):
    """The rows of a table on the screen: a number as its cell holds it, else the text."""
    return browser.js(
        f"[...{HERE}('#{name}-table tbody').rows].map((row) => [...row.cells].map((cell) => "
        "cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value)))"
    )


def heads(browser, name):
    return browser.js(
        f"[...document.querySelectorAll('#{name}-table thead th')].map((head) => head.dataset.key)"
    )


def records(browser, name):
    keys = heads(browser, name)
    return [dict(zip(keys, row, strict=True)) for row in rows(browser, name)]


def click(browser, selector):
    assert browser.js(f"{HERE}({json.dumps(selector)}).click() === undefined")


def write_filter(browser, name, words):
    browser.js(
        f"(() => {{ const own = {HERE}('#{name}-table input'); own.value = {json.dumps(words)};"
        "own.dispatchEvent(new Event('input')); })()"
    )


def test_the_page_opens_without_a_complaint_and_asks_for_nothing(browser):
    assert {address.partition(":")[0] for address in browser.requests} == {"file", "data"}
    assert sum(address.startswith("file:") for address in browser.requests) == 1
    assert browser.js("document.title") == "results"
    drawn = browser.js("document.querySelectorAll('.chart svg').length")
    assert drawn == browser.js("document.querySelectorAll('.chart').length") == 9


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


def test_a_click_on_a_head_sorts(browser, files):
    cycles = [file["totals"]["cycles"] for file in files.values()]
    head = "#summary-table th[data-key=cycles]"
    click(browser, f"{head} button")
    assert [row["cycles"] for row in records(browser, "summary")] == sorted(cycles, reverse=True)
    assert browser.js(f"{HERE}('{head}').getAttribute('aria-sort')") == "descending"
    click(browser, f"{head} button")
    assert [row["cycles"] for row in records(browser, "summary")] == sorted(cycles)
    click(browser, "#summary-table th[data-key=network] button")
    assert browser.js(f"{HERE}('{head}').hasAttribute('aria-sort')") is False


def test_words_filter_a_table(browser):
    write_filter(browser, "summary", "TWO scnn")
    assert [(row["network"], row["machine"]) for row in records(browser, "summary")] == [
        ("two", "SCNN")
    ]
    assert "1 of 6 rows" in browser.js(f"{HERE}('#summary-table [role=status]').textContent")
    write_filter(browser, "summary", "")
    assert len(records(browser, "summary")) == 6


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
    assert found["geometric mean", "SCNN"] == pytest.approx(mean, rel=1e-12)
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


def test_the_roofline_is_work_per_byte_and_per_cycle(browser, files):
    choose(browser, "group", "two")
    found = {(row["machine"], row["layer"]): row for row in records(browser, "roofline")}
    for at, layer in enumerate(files["two/smartdeal"]["layers"], start=1):
        row = found["SmartDeal", at]
        assert row["intensity"] == pytest.approx(layer["macs"] / layer["dram_bytes"], rel=1e-12)
        assert row["rate"] == pytest.approx(layer["macs"] / layer["cycles"], rel=1e-12)


def test_the_difference_of_two_machines_is_that_of_the_files(browser, files):
    choose(browser, "group", "two")
    choose(browser, "a", "scnn")
    choose(browser, "b", "smartdeal")
    one, two = (files[f"two/{stem}"]["totals"] for stem in ("scnn", "smartdeal"))
    for key in ("cycles", "energy_pj"):
        parts = [row["value"] for row in records(browser, f"difference-{key}")]
        assert sum(parts) == pytest.approx(two[key] - one[key], rel=1e-9)


def test_a_machine_that_is_not_ticked_is_not_drawn(browser):
    click(browser, "#shown input[value=scnn]")
    ready(browser)
    assert {row["machine"] for row in records(browser, "energy")} == {"DianNao", "SmartDeal"}
    click(browser, "#shown input[value=scnn]")
    ready(browser)
    assert {row["machine"] for row in records(browser, "energy")} == {
        "DianNao",
        "SCNN",
        "SmartDeal",
    }


def test_a_range_of_layers_is_what_layers_figures_show(browser):
    choose(browser, "group", "one")
    choose(browser, "first", "2")
    assert {row["layer"] for row in records(browser, "layer-metric")} == {2, 3}
    choose(browser, "first", "1")


def place_of(browser, selector):
    """The middle of an element, once it is on the screen."""
    browser.js(f"{HERE}({json.dumps(selector)}).scrollIntoView({{ block: 'center' }})")
    return browser.js(
        f"(() => {{ const box = {HERE}({json.dumps(selector)}).getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )


def test_hovering_over_a_bar_says_its_value(browser, files):
    choose(browser, "group", "two")
    x, y = place_of(browser, "#figure-energy .mark-rect path")
    browser.move(x - 30, y)
    browser.move(x, y)
    browser.wait(f"{HERE}('#vg-tooltip-element.visible')")
    said = browser.js(f"{HERE}('#vg-tooltip-element').textContent")
    arches = {file["arch"] for file in files.values()}
    assert any(arch in said for arch in arches), said
    assert "machine" in said
    assert "share" in said


def test_alt_and_the_wheel_zoom_and_the_wheel_alone_scrolls(browser):
    labels = (
        "[...document.querySelectorAll('#figure-layer-metric .role-axis-label text')]"
        ".map((own) => own.textContent).join(' ')"
    )
    choose(browser, "group", "one")
    x, y = place_of(browser, "#figure-layer-metric .chart svg")
    before = browser.js(labels)
    browser.wheel(x, y, -300)
    assert browser.js(labels) == before
    x, y = place_of(browser, "#figure-layer-metric .chart svg")
    browser.wheel(x, y, -300, alt=True)
    browser.wait(f"{labels} !== {json.dumps(before)}")


def test_names_from_files_are_shown_as_they_are_and_never_run(browser):
    choose(browser, "group", "one")
    choose(browser, "machine", "diannao")
    assert [row["name"] for row in records(browser, "layer")] == list(
        small_results.RENAMED.values()
    )
    assert browser.js("document.title") == "results"
    assert browser.js("document.querySelectorAll('img:not(.diagram)').length") == 0
    x, y = place_of(browser, "#figure-layer-parts .mark-rect path")
    browser.move(x - 200, y - 20)
    browser.move(x, y)
    browser.wait(f"{HERE}('#vg-tooltip-element.visible')")
    assert small_results.SCRIPT in browser.js(f"{HERE}('#vg-tooltip-element').textContent")


def test_a_table_is_saved_as_csv_that_no_spreadsheet_computes(browser, files):
    """As Python's csv module reads it; the text goes to a link that is clicked."""
    choose(browser, "group", "one")
    choose(browser, "machine", "diannao")
    browser.js(
        "(() => { window.saved = [];"
        "URL.createObjectURL = (blob) => { saved.push(blob); return '#'; };"
        "HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }; })()"
    )
    click(browser, "#layer-table .tools button")
    text = browser.js("saved[0].text()")
    assert browser.js("saved[1]") == "layers.csv"
    read = list(csv.DictReader(io.StringIO(text)))
    layers = files["one/diannao"]["layers"]
    assert [row["name"] for row in read] == [
        small_results.SCRIPT, small_results.IMAGE, f"'{small_results.FORMULA}",
    ]  # fmt: skip
    assert [float(row["energy_pj"]) for row in read] == [layer["energy_pj"] for layer in layers]
    assert [int(row["energy_by.dram"].split(".")[0]) for row in read] == [
        int(layer["energy_by"]["dram"]) for layer in layers
    ]


def test_everything_has_a_name_for_a_screen_reader_and_a_place_for_the_keyboard(browser):
    named = (
        "[...document.querySelectorAll('select, input, button, img, [role=region], .chart svg')]"
        ".filter((own) => !(own.labels?.length || own.getAttribute('aria-label') || own.alt ||"
        " own.textContent.trim())).map((own) => own.outerHTML)"
    )
    assert browser.js(named) == []
    assert browser.js("document.querySelectorAll('.scroll:not([tabindex])').length") == 0
    captions = browser.js("document.querySelectorAll('figure').length")
    assert browser.js("document.querySelectorAll('figure details table').length") == captions


def test_light_and_dark_and_paper(browser):
    """The page's background by its theme, without drawing anew; paper is light in any case."""
    background = "getComputedStyle(document.body).backgroundColor"
    bars = "getComputedStyle(document.querySelector('#figure-energy .mark-rect path')).fill"
    seen = set()
    for _ in range(2):
        click(browser, "#theme")
        seen.add((browser.js(background), browser.js(bars)))
    assert {ground for ground, _ in seen} == {"rgb(255, 255, 255)", "rgb(22, 24, 28)"}
    assert len({fill for _, fill in seen}) == 2
    click(browser, "#theme")
    browser.call("Emulation.setEmulatedMedia", media="print")
    for _ in range(2):
        click(browser, "#theme")
        assert browser.js(background) == "rgb(255, 255, 255)"
    assert browser.js("getComputedStyle(document.querySelector('#controls')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
    assert browser.pdf().startswith(b"%PDF")
