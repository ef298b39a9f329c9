"""The page that follows a sweep in a browser: it grows, and runs nothing that a file says. Without
Chromium these tests are skipped."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser

from archsim.analysis.live.follow import Follower
from archsim.analysis.live.server import live
from archsim.analysis.sweep.cases import design
from archsim.analysis.sweep.engine import Where
from archsim.analysis.sweep.plan import Plan, axis, objectives
from archsim.analysis.sweep.sweep import run

pytestmark = pytest.mark.slow
NAME = "<script>document.title='run'</script><img src=x onerror=alert(1)>"
MARKS = "document.querySelectorAll('#figure circle').length"


@pytest.fixture
def browser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Browser(tmp_path / "browser")
    yield found
    found.close()


def plan(*values):
    return Plan(
        workloads=("tiny_sd",), archs=("smartdeal", "diannao"), objectives=objectives([]),
        axes=(axis("dram.bytes_per_cycle", values, "test"),),
    )  # fmt: skip


def swept(wanted):
    return run(wanted, design(wanted), Path("out"), Where(1), lambda *_: None).frame()


def test_the_figure_grows_and_names_are_text(browser, in_time):
    wanted = plan(8, 16, 32)
    # Arch files may not be called so; the page does not rely on it.
    cases = [
        replace(case, title=NAME, workload=NAME) if case.title == "SmartDeal" else case
        for case in design(wanted).cases
    ]
    with live(Follower(wanted, cases, Path("out"))) as address:
        browser.open(address)
        assert browser.js("by('said').textContent").startswith("0 of 6 points")
        swept(plan(8))
        browser.wait(f"{MARKS} === 1")
        found = swept(wanted)
        browser.wait(f"{MARKS} === 3")
        browser.wait("by('said').textContent.startsWith('6 of 6 points')")
        head, (own,) = cells(browser, "head"), cells(browser, "best")
        tips = browser.js(
            "[...document.querySelectorAll('circle title')].map((t) => t.textContent)"
        )
        choose(browser, "tiny_sd")
        assert browser.js(MARKS) == 3
        assert cells(browser, "best")[0][:2] == ["\u25cf DianNao", "3"]
        inside = "[document.scripts.length, document.images.length, document.title]"
        assert browser.js(inside) == [1, 0, "archsim sweep"]
        assert set(browser.requests) <= {address, *(f"{address}state?after={n}" for n in range(7))}
        assert browser.errors == []
    rows = found[found["name"] == "SmartDeal"]
    assert own == [f"\u25cf {NAME}", "3", f"{rows['cycles'].min():,}", own[3]]
    assert float(own[3].replace(",", "")) == pytest.approx(rows["energy_pj"].min(), rel=1e-5)
    assert head == [["Machine", "points", "best cycles", "best energy_pj"]]
    assert any(tip.startswith(f"{NAME}\ndram.bytes_per_cycle=16\ncycles ") for tip in tips)
    # The page was open, so it was told of the end.
    browser.wait("by('said').textContent.endsWith('the sweep has ended')")


def cells(browser, name):
    """The texts of the cells of a table's rows; `head` is its only row."""
    rows = "[by('head')]" if name == "head" else f"[...by('{name}').rows]"
    return browser.js(f"{rows}.map((row) => [...row.cells].map((cell) => cell.textContent))")


def choose(browser, workload):
    browser.js(
        f"(() => {{ const own = by('workload'); own.value = {json.dumps(workload)};"
        "own.dispatchEvent(new Event('change')); })()"
    )
