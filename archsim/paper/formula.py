"""Formulas of the data files: a few expressions of Python, over names that the caller hands in.

Numbers, text, lists, arithmetic, comparisons, `if else`, keys by `.` or `[]`, calls of the names,
comprehensions, and f-strings are known, and nothing else. A cell of a data file reads as the number
that it prints, with its rounding (`printed.Number`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

from archsim.paper.printed import read

Names = Mapping[str, Any]

_HOLE = re.compile(r"\{(.+?)(?::([.,\d]*[fg]?))?\}")
_KNOWN = (
    ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Compare,
    ast.IfExp, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.List, ast.Tuple, ast.Dict, ast.ListComp,
    ast.DictComp, ast.comprehension, ast.JoinedStr, ast.FormattedValue, ast.expr_context,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


class FormulaError(ValueError):
    """A formula asks for what there is not."""


def value(formula: str, names: Names) -> Any:
    """What a formula comes to.

    Raises:
        FormulaError: it is no formula, or names what there is not.
    """
    try:
        return eval(_compiled(formula), {"__builtins__": {}, "_item": _item, **names})
    except NameError as error:
        raise FormulaError(f"{formula!r}: {error}") from error


def filled(template: str, names: Names) -> str:
    """Text with the formulas in its braces, each with a format after a colon, put in."""
    return _HOLE.sub(lambda hole: format(value(hole[1], names), hole[2] or ""), template)


def loop(clause: str, names: Names) -> list[Names]:
    """The names in each round of ``x in xs if ...``, as in a comprehension."""
    targets = [one for one in ast.walk(ast.parse(f"[0 for {clause}]")) if isinstance(one, ast.Name)]
    own = [one.id for one in targets if isinstance(one.ctx, ast.Store)]
    rounds = value(f"[[{', '.join(own)}] for {clause}]", names)
    return [{**names, **dict(zip(own, each, strict=True))} for each in rounds]


@cache
def _compiled(formula: str) -> CodeType:
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"{formula!r} is no formula: {error.msg}") from error
    return compile(ast.fix_missing_locations(_Keys().visit(tree)), formula, "eval")


class _Keys(ast.NodeTransformer):
    """Refuses what is not known; looks up what stands after a dot or in brackets by `_item`."""

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, _KNOWN):
            raise FormulaError(f"{type(node).__name__} is not known in a formula")
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
            raise FormulaError("only a name can be called in a formula")
        self.generic_visit(node)
        if isinstance(node, ast.Attribute):
            return _lookup(node.value, ast.Constant(node.attr))
        return _lookup(node.value, node.slice) if isinstance(node, ast.Subscript) else node


def _lookup(owner: ast.expr, key: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("_item", ast.Load()), [owner, key], [])


def _item(owner: Any, key: Any) -> Any:
    """An entry of a mapping or list, or a field."""
    try:
        if isinstance(owner, Mapping | list | tuple):
            return read(owner[key])
    except (KeyError, IndexError) as error:
        raise FormulaError(f"no {key!r} in {list(owner)}") from error
    if key.startswith("_"):
        raise FormulaError(f"{key!r} is not for formulas")
    try:
        return getattr(owner, key)
    except AttributeError as error:
        raise FormulaError(f"no field {key!r}: {error}") from error
