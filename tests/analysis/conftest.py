"""The page over a folder of results in a browser: one for all tests of it."""

import json
import os

import pytest
import small_results
from browser import Browser

from archsim.analysis.report.contents import contents
from archsim.analysis.report.page import page
from archsim.results.store import read_folder


def library():
    from archsim.analysis.report import library as drawing

    if not os.environ.get("BROWSER_REQUIRED"):
        pytest.importorskip("vl_convert", reason="pip install 'archsim[report]'")
    return drawing.script()


@pytest.fixture(scope="session")
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
