"""A page over results under a person's hands: sorted, filtered, zoomed, hovered over, printed.

Without Chromium, or without the library that draws, these tests are skipped.
"""

import csv
import io

import pytest
import small_results
from report_page import HERE, choose, click, place_of, ready, records, write_filter

pytestmark = pytest.mark.slow
TRIES = 50


def test_the_page_opens_without_a_complaint_and_asks_for_nothing(browser):
    assert {address.partition(":")[0] for address in browser.requests} == {"file", "data"}
    assert sum(address.startswith("file:") for address in browser.requests) == 1
    assert browser.js("document.title") == "results"
    drawn = browser.js("document.querySelectorAll('.chart svg').length")
    assert drawn == browser.js("document.querySelectorAll('.chart').length") == 9


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
    chart = "#figure-layer-metric .chart svg"
    choose(browser, "group", "one")
    before = browser.js(labels)
    x, y = place_of(browser, chart)
    at = browser.js("scrollY")
    browser.wheel(x, y, -300)
    browser.wait(f"scrollY < {at}")
    assert browser.js(labels) == before
    for _ in range(TRIES):  # the page may still be on its way
        browser.wheel(*place_of(browser, chart), -300, alt=True)
        if browser.js(labels) != before:
            break
    assert browser.js(labels) != before


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
