"""The guides and the README, typed as they stand: what they show is what is printed."""

import pytest
from slow_cases import slow_where
from tutorial import ROOT, check, follow

GUIDES = ROOT / "docs" / "guides"
# Activations come out of torch, whose sums differ between processors by a rounding.
TOLERANCE = {"first_network": 0.02}
# This page is followed by tests/sdalgo/training, with fewer images than it has.
ELSEWHERE = {"training_step"}
SLOW = {"comparing", "first_network"}  # whole networks, and many changes of one
PAGES = [page.stem for page in sorted(GUIDES.glob("*.md")) if page.stem not in ELSEWHERE]


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """One cache for all pages: they run the same networks."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path, monkeypatch, kept):
    monkeypatch.setenv("ARCHSIM_CACHE", str(kept))
    monkeypatch.setenv("ARCHSIM_MACHINES", "")  # restored after the test, whatever a page exports
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", slow_where(SLOW.__contains__, PAGES))
def test_a_guide_does_what_it_says(page, folder):
    assert follow(GUIDES / f"{page}.md", TOLERANCE.get(page, 0.0)) >= 2


@pytest.mark.parametrize(("page", "examples"), [("archsim_api", 1), ("sdalgo_api", 2)])
def test_the_examples_of_the_python_api_print_what_they_show(page, examples, folder):
    assert follow(ROOT / "docs" / "reference" / f"{page}.md") == examples


@pytest.mark.parametrize(
    ("shown", "printed", "tolerance"),
    [
        ("a 1\n", "a 2\n", 0.0),
        ("a 1,000\n", "a 1,021\n", 0.02),
        ("a\nb\n", "a\nc\nb\n", 0.0),
        ("a\n...\nd\n", "a\nb\n", 0.0),
        ("a ... 3\n", "a b c 4\n", 0.0),
    ],
)
def test_a_page_that_shows_something_else_fails(shown, printed, tolerance):
    with pytest.raises(AssertionError):
        check(shown, printed, tolerance)


def test_dots_and_spaces_stand_for_what_is_left_out():
    check("a   1.5\n...\nz ... 2\n", "a 1.5\nb\nc\nz y 2\n")
    check("a 1,000\n", "a 1,019\n", tolerance=0.02)
