"""Notebooks as pages of the site: Sphinx reads them as Markdown, with the outputs that they hold.

Nothing is run: `tests/docs/test_notebooks.py` checks that they show what comes out. The readers
that would run them (myst-nb, nbsphinx) bring some 30 packages with a kernel.
"""

import json
import re
from html import escape
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser

STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
TABLE = re.compile("<table[^>]*>")
LIKE_ITS_OWN = '<table class="docutils align-default">'
"""A table as the site draws those of other pages."""


class NotebookParser(MystParser):
    """Reads files that end in `.ipynb`."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        super().parse(as_markdown(json.loads(inputstring)), document)


def as_markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook, each with what it shows below it."""
    return "\n\n".join(block for cell in notebook["cells"] for block in _blocks(cell))


def _blocks(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [_fenced("python", source), *map(_output, cell["outputs"])]


def _output(output: dict[str, Any]) -> str:
    """The richest form of an output."""
    if output["output_type"] == "stream":
        return _fenced("text", "".join(output["text"]))
    data = {kind: "".join(text) for kind, text in output["data"].items()}
    if "image/png" in data:
        source = escape("data:image/png;base64," + data["image/png"].replace("\n", ""))
        return _fenced("{raw} html", f'<img alt="What the cell above draws" src="{source}">')
    if "text/html" in data:
        return _fenced("{raw} html", TABLE.sub(LIKE_ITS_OWN, STYLE.sub("", data["text/html"])))
    return _fenced("text", data["text/plain"])


def _fenced(kind: str, text: str) -> str:
    """A block whose fence is longer than any run of its sign in the text."""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}"


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
