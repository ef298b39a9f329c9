"""Arithmetic and comparisons over names: constraints, linked keys and objectives of a sweep.

    comparison = sum {("<=" | "<" | ">=" | ">" | "==" | "!=") sum}
    sum        = product {("+" | "-") product}
    product    = factor {("*" | "/") factor}
    factor     = "-" factor | number | 'text' | true | false | null | name | "(" sum ")"
               | ("sum" | "min" | "max") "(" sum {"," sum} ")"
    name       = word | (word | "*") "." word {"." word}

A name may stand for several values, as ``*.banks`` does; only `sum`, `min` and `max` take those.
Text is read by this parser alone: nothing in it is ever executed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import fsum, isfinite
from typing import Any

LONGEST = 1000  # characters
DEEPEST = 40  # brackets and signs within each other
Values = Sequence[Any]
Lookup = Callable[[str], Values]
"""From a name to its values."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<text>'[^']*'|"[^"]*")
    |(?P<name>(?:\*|[^\W\d]\w*)(?:\.[^\W\d]\w*)+|[^\W\d]\w*)
    |(?P<sign><=|>=|==|!=|[-+*/()<>,]))""",
    re.VERBOSE,
)
_COMPARED = {
    "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}
FUNCTIONS = ("sum", "min", "max")


class ExpressionError(ValueError):
    """The text is no expression, or its names have values that it cannot be computed of."""


@dataclass(frozen=True)
class Expression:
    """An expression that has been read. `names` are all that it asks for, in their order."""

    text: str
    names: tuple[str, ...]
    compares: bool
    _node: Callable[[Lookup], Values]

    def value(self, lookup: Lookup) -> Any:
        """Its value; True or False of a comparison.

        Raises:
            ExpressionError: it divides by zero, computes with what is no number, or its value is
                not finite.
        """
        found = _one(self._node(lookup), self.text)
        if isinstance(found, float) and not isfinite(found):
            raise ExpressionError(f"{self.text!r} is not finite")
        return found


def read(text: str) -> Expression:
    """The expression in a text.

    Raises:
        ExpressionError: it is none; the message says at which character.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST} characters")
    return _Parser(text).whole()


def _one(values: Values, what: str) -> Any:
    if len(values) != 1:
        raise ExpressionError(f"{what!r} stands for {len(values)} values; write sum({what})")
    return values[0]


def _number(values: Values, what: str) -> int | float:
    found = _one(values, what)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ExpressionError(f"{what!r} is {_shown(found)}, which is no number")
    return found


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _divided(a: float, b: float) -> float:
    """Whole where it comes out even, so that a count stays a count."""
    if b == 0:
        raise ExpressionError("it divides by zero")
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b


_COMPUTED = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided}


def _same(a: Any, b: Any) -> bool:
    """Whether two values are one in YAML, where 1 is not true."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


class _Parser:
    """One text, read from left to right; `_at` is the next token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = [*self._split()]
        self._at = self._depth = 0
        self._names: dict[str, None] = {}

    def whole(self) -> Expression:
        first, joints = self._sum(), []
        while self._next() in _COMPARED:
            sign = self._take()
            joints.append((sign, self._sum()))
        if self._next():
            self._refuse("nothing more was expected")
        node = self._comparison(first, joints) if joints else first
        return Expression(self.text, tuple(self._names), bool(joints), node)

    def _comparison(
        self,
        first: Callable[[Lookup], Values],
        joints: list[tuple[str, Callable[[Lookup], Values]]],
    ) -> Callable[[Lookup], Values]:
        def node(lookup: Lookup) -> Values:
            left, holds = first(lookup), True
            for sign, right in joints:
                other = right(lookup)
                holds &= self._holds(sign, left, other)
                left = other
            return (holds,)

        return node

    def _holds(self, sign: str, left: Values, right: Values) -> bool:
        if sign in {"==", "!="}:
            same = _same(_one(left, self.text), _one(right, self.text))
            return same == (sign == "==")
        return bool(_COMPARED[sign](_number(left, self.text), _number(right, self.text)))

    def _sum(self) -> Callable[[Lookup], Values]:
        return self._row(self._product, "+-")

    def _product(self) -> Callable[[Lookup], Values]:
        return self._row(self._factor, "*/")

    def _row(
        self, part: Callable[[], Callable[[Lookup], Values]], signs: str
    ) -> Callable[[Lookup], Values]:
        """Parts with signs between them, worked out from the left."""
        start = self._at
        first, rest = part(), []
        begun_by = self._between(start)
        while self._next() and self._next() in signs:
            sign = self._take()
            begin = self._at
            own = part()
            rest.append((_COMPUTED[sign], own, self._between(begin)))
        if not rest:
            return first
        what = self._between(start)

        def node(lookup: Lookup) -> Values:
            steps = ((compute, _number(own(lookup), text)) for compute, own, text in rest)
            begun = _number(first(lookup), begun_by)
            try:
                return (reduce(lambda left, step: step[0](left, step[1]), steps, begun),)
            except OverflowError as error:
                raise ExpressionError(f"{what!r} is too large a number") from error

        return node

    def _factor(self) -> Callable[[Lookup], Values]:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} brackets or signs within each other")
        kind, word = self._kind(), self._take()
        found = self._signed(word) if kind == "sign" else self._atom(kind, word)
        self._depth -= 1
        return found

    def _signed(self, word: str) -> Callable[[Lookup], Values]:
        if word == "-":
            start = self._at
            inner = self._factor()
            what = self._between(start)
            return lambda lookup: (-_number(inner(lookup), what),)
        if word != "(":
            self._at -= 1
            self._refuse("a number, a name or ( was expected")
        inner = self._sum()
        self._take_sign(")")
        return inner

    def _atom(self, kind: str, word: str) -> Callable[[Lookup], Values]:
        if kind == "number":
            number = float(word) if re.search("[.eE]", word) else int(word)
            return lambda _: (number,)
        if kind == "text":
            return lambda _: (word[1:-1],)
        if word in _WORDS:
            return lambda _: (_WORDS[word],)
        if word in FUNCTIONS and self._next() == "(":
            return self._call(word)
        self._names[word] = None
        return lambda lookup: lookup(word)

    def _call(self, name: str) -> Callable[[Lookup], Values]:
        self._take_sign("(")
        parts = [self._sum()]
        while self._next() == ",":
            self._take()
            parts.append(self._sum())
        self._take_sign(")")

        def node(lookup: Lookup) -> Values:
            values = [_number((one,), self.text) for part in parts for one in part(lookup)]
            if name == "sum":
                whole = all(isinstance(one, int) for one in values)
                return (sum(values) if whole else fsum(values),)
            if not values:
                raise ExpressionError(f"{name} of no values")
            return (min(values) if name == "min" else max(values),)

        return node

    def _split(self) -> Iterator[tuple[str, str, int]]:
        """Kind, text and place of each token."""
        at = 0
        while self.text[at:].strip():
            found = _TOKEN.match(self.text, at)
            if found is None:
                at = len(self.text) - len(self.text[at:].lstrip())
                raise ExpressionError(f"{self.text!r}: {self.text[at]!r} at character {at + 1} "
                                      "has no meaning here")  # fmt: skip
            kind = found.lastgroup or ""
            yield kind, found[kind], found.start(kind)
            at = found.end()

    def _next(self) -> str:
        """The next sign; empty where something else comes, or the end."""
        if self._at == len(self._tokens):
            return ""
        kind, word, _ = self._tokens[self._at]
        return word if kind == "sign" else " "

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _take(self) -> str:
        if self._at == len(self._tokens):
            raise ExpressionError(f"{self.text!r} ends too early")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _take_sign(self, sign: str) -> None:
        if self._next() != sign:
            self._refuse(f"{sign!r} was expected")
        self._at += 1

    def _between(self, start: int) -> str:
        """The text from a token to the last that was taken."""
        _, last, end = self._tokens[self._at - 1]
        return self.text[self._tokens[start][2] : end + len(last)]

    def _refuse(self, message: str) -> None:
        if self._at == len(self._tokens):
            raise ExpressionError(f"{self.text!r} ends too early: {message}")
        _, word, at = self._tokens[self._at]
        raise ExpressionError(f"{self.text!r}: {message}, not {word!r} at character {at + 1}")
