"""Notebooks of docs/notebooks, run cell by cell, and their outputs written or compared.

    PYTHONPATH=. python tests/shared/notebook.py docs/notebooks/*.ipynb    # writes the outputs anew

A notebook runs in a process and a folder of its own, its cells in one namespace, as a Jupyter
kernel does: what is printed, the value of the last line unless it ends in a semicolon, and the
figures that matplotlib has open. A kernel would bring 24 packages for that (nbclient, ipykernel);
what it alone knows, such as `%magic` and `!commands`, no notebook here uses.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOTS_PER_INCH = 80
HTML, PLAIN, PICTURE = "text/html", "text/plain", "image/png"
BUILT = shutil.ignore_patterns("*.safetensors", "*.sd")
TAG = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)
Output = dict[str, Any]


def outputs(path: Path) -> list[list[Output]]:
    """What each code cell gives now.

    Raises:
        AssertionError: a cell fails; the message is its traceback.
    """
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        # Tensors that somebody has built beside the shipped workloads would be taken.
        shutil.copytree(ROOT / "workloads", Path(folder) / "workloads", ignore=BUILT)
        own = {"COLUMNS": "80", "MPLBACKEND": "agg", "PYTHONPATH": paths}
        done = subprocess.run(
            [sys.executable, __file__, "--run", path.absolute()], cwd=folder, check=False,
            capture_output=True, text=True, encoding="utf-8", env={**os.environ, **own},
        )  # fmt: skip
    assert done.returncode == 0, f"{path.name}:\n{done.stderr}"
    assert not done.stderr, f"{path.name} warns:\n{done.stderr}"
    found: list[list[Output]] = json.loads(done.stdout)
    return found


def shown(path: Path) -> list[list[Output]]:
    """What each code cell shows in the file."""
    return [cell["outputs"] for cell in code_cells(json.loads(path.read_text(encoding="utf-8")))]


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def text_of(output: Output) -> list[tuple[str, str]]:
    """The kind of what an output shows, and its text without markup; a picture is `there`. How
    wide plain text is depends on where it runs, so that HTML stands for it where there is some."""
    if output["output_type"] == "stream":
        return [(output["name"], "".join(output["text"]))]
    found = {kind: "".join(text) for kind, text in output["data"].items()}
    if HTML in found:
        return [(HTML, unescape(TAG.sub("\n", found[HTML])))]
    return [(PICTURE, "there")] if PICTURE in found else [(PLAIN, found[PLAIN])]


def write(path: Path) -> None:
    """Put the outputs of now into the file; the same outputs are the same bytes."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for at, (cell, own) in enumerate(zip(code_cells(notebook), outputs(path), strict=True), 1):
        cell["outputs"], cell["execution_count"] = own, at
        for output in own:
            if "execution_count" in output:
                output["execution_count"] = at
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _run(path: Path) -> list[list[Output]]:
    """Run the cells here, one after the other."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = code_cells(json.loads(path.read_text(encoding="utf-8")))
    return [_ran("".join(cell["source"]), f"cell {at}", names) for at, cell in enumerate(cells, 1)]


def _ran(source: str, place: str, names: dict[str, Any]) -> list[Output]:
    tree = ast.parse(source, place)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = tree.body.pop().value
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, place, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last), place, "eval"), names)
    found: list[Output] = []
    if printed.getvalue():
        found.append({"name": "stdout", "output_type": "stream",
                      "text": _lines(printed.getvalue())})  # fmt: skip
    if value is not None:
        found.append({"data": _data(value), "execution_count": None, "metadata": {},
                      "output_type": "execute_result"})  # fmt: skip
    return [*found, *_figures()]


def _data(value: Any) -> dict[str, list[str]]:
    html = getattr(value, "_repr_html_", lambda: None)()
    return {**({HTML: _lines(html)} if html else {}), PLAIN: _lines(repr(value))}


def _figures() -> list[Output]:
    """The open figures, which are then closed."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    from matplotlib import pyplot

    found: list[Output] = []
    for number in pyplot.get_fignums():
        picture, figure = io.BytesIO(), pyplot.figure(number)
        named = repr(figure)  # with its size
        figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight",
                                      metadata={"Software": None})  # fmt: skip
        data = base64.b64encode(picture.getvalue()).decode()
        found.append({"data": {PICTURE: data, PLAIN: [named]}, "metadata": {},
                      "output_type": "display_data"})  # fmt: skip
    pyplot.close("all")
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        own = json.dumps(_run(Path(sys.argv[2])))  # may warn; standard output is for this alone
        sys.stdout.write(own)
    else:
        for name in sys.argv[1:]:
            write(Path(name))
