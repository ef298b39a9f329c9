"""Ceilings that keep every file and function readable at one sitting."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES = 320
FUNCTION_LINES = 45  # the aim is 40, docstring included
MEAN_FUNCTION_LINES = 20

SOURCES = sorted(
    path for package in ("archsim", "sdalgo") for path in (ROOT / package).rglob("*.py")
)


def functions(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def lines(node: ast.FunctionDef) -> int:
    """Lines of docstring and body; a long signature is a table of parameters."""
    return (node.end_lineno or node.lineno) - node.body[0].lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_and_its_functions_are_short(path):
    count = len(path.read_text().splitlines())
    assert count <= FILE_LINES, f"{count} lines"
    long = {node.name: lines(node) for node in functions(path) if lines(node) > FUNCTION_LINES}
    assert not long


def test_functions_are_short_on_average():
    sizes = [lines(node) for path in SOURCES for node in functions(path)]
    assert sum(sizes) / len(sizes) <= MEAN_FUNCTION_LINES
