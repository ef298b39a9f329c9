"""The notebooks of the documentation show what comes out, and are well formed."""

import json
import re

import notebook
import pytest
from notebook import ROOT, code_cells, outputs, shown, text_of
from tutorial import check

import archsim

FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
LONGEST_LINE = 100


def stem(path):
    return path.stem


def same(before, now):
    """AssertionError unless texts and numbers are the same, and pictures are where they were."""
    assert len(before) == len(now)
    for at, (old, new) in enumerate(zip(before, now, strict=True), 1):
        texts = [joined(old), joined(new)]
        assert [kind for kind, _ in texts[0]] == [kind for kind, _ in texts[1]], f"cell {at}"
        for (_, was), (_, is_now) in zip(*texts, strict=True):
            check(was.replace("...", "\u2026"), is_now.replace("...", "\u2026"))


def joined(cell):
    """What a cell shows; a kernel may hand over in pieces what was printed."""
    found = []
    for kind, text in (text for output in cell for text in text_of(output)):
        if kind == "stdout" and found and found[-1][0] == kind:
            text = found.pop()[1] + text  # noqa: PLW2901
        found.append((kind, text))
    return found


def test_what_was_printed_may_come_in_pieces():
    pieces = [{"output_type": "stream", "name": "stdout", "text": [one]} for one in ("a\n", "b\n")]
    whole = [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}]
    same([whole], [pieces])


def test_there_are_three():
    assert {path.stem for path in NOTEBOOKS} == {"first_comparison", "own_machine", "search"}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_a_notebook_shows_what_it_gives(path):
    if path.stem == "search":
        pytest.importorskip("optuna", reason="pip install 'archsim[sweep]'")
    before = shown(path)
    assert sum(map(len, before)) >= 3
    same(before, outputs(path))


@pytest.mark.slow
def test_the_search_has_found_the_front_of_the_whole_grid():
    """As its notebook says: every machine of its design is run."""
    path, names = FOLDER / "search.ipynb", {}
    source = "".join(code_cells(json.loads(path.read_text(encoding="utf-8")))[0]["source"])
    exec(source.partition("found = ")[0], names)
    whole = archsim.sweep(**names["design"])
    assert (len(whole), whole["not_available"].notna().sum()) == (464, 0)
    front = whole[whole["front"]]
    ((_, text),) = text_of(shown(path)[0][0])
    said = text.split()
    assert said.count("True") == len(front)
    assert set(map(str, front["cycles"])) <= set(said)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_a_notebook_is_one_that_jupyter_and_github_read(path):
    """Format 4.5: every cell has an id; those of code have been run, in their order."""
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in found["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    assert found["cells"][0]["source"][0].startswith("# ")
    counts = [cell["execution_count"] for cell in code_cells(found)]
    assert counts == [*range(1, len(counts) + 1)]
    for cell in code_cells(found):
        source = "".join(cell["source"])
        assert not re.search(r"^\s*[%!]", source, re.MULTILINE), "what Python does not know"
        assert all(len(line) <= LONGEST_LINE for line in source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=stem)
def test_links_of_a_notebook_lead_somewhere(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


def made(folder, *sources):
    cells = [{"cell_type": "code", "source": source, "outputs": []} for source in sources]
    path = folder / "made.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_cells_are_run_as_a_kernel_runs_them(tmp_path):
    path = made(
        tmp_path, "x = 2\nprint('a')\nx + 1", "x;", "import pandas\npandas.DataFrame({'x': [x]})"
    )
    first, second, third = [[text_of(one) for one in own] for own in outputs(path)]
    assert first == [[("stdout", "a\n")], [("text/plain", "3")]]
    assert second == []
    assert [(kind, text.split()) for kind, text in third[0]] == [("text/html", ["x", "0", "2"])]


@pytest.mark.parametrize(
    ("shown", "given"),
    [("1", "2"), ("print('1.50 a')", "print('1.51 a')"), ("print('a')", "print('b')"), ("1", "1;"),
     ("print('a ... b')", "print('a x b')"),
     ("import pandas\npandas.DataFrame({'x': [1]})", "import pandas\npandas.DataFrame({'x': [2]})"),
     ("from matplotlib import pyplot\npyplot.plot([1]);", "1;")],
)  # fmt: skip
def test_a_notebook_that_shows_something_else_fails(tmp_path, shown, given):
    before, now = (outputs(made(tmp_path, source)) for source in (shown, given))
    same(before, before)
    with pytest.raises(AssertionError):
        same(before, now)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings; warnings.warn('old', stacklevel=1)", "old"),
    ],
)
def test_a_cell_that_fails_or_warns_is_a_failure(tmp_path, source, said):
    with pytest.raises(AssertionError, match=said):
        outputs(made(tmp_path, source))


def test_outputs_are_written_into_the_file(tmp_path):
    path = made(tmp_path, "1 + 1", "print('b')")
    notebook.write(path)
    once = path.read_bytes()
    notebook.write(path)
    assert path.read_bytes() == once
    assert [[text_of(one) for one in own] for own in shown(path)] == [
        [[("text/plain", "2")]], [[("stdout", "b\n")]],
    ]  # fmt: skip
