"""YAML 1.2 text as plain Python values that remember where they stood.

PyYAML reads the 1.1 dialect, in which `1e-9` is text, `no` is false and `010` is eight. Here its
parser only cuts the text into events, and plain scalars get the meaning of the 1.2 core schema:
null, true, false, integers (also 0o17 and 0x1f), floats, and text for all the rest. Keys are always
text. Anchors, aliases, tags, several documents and repeated keys are refused: no file of ours needs
them, and aliases are how a small file grows without bound.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NoReturn

import yaml
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from archsim.formats.errors import InputError, Problem

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 24
MAX_DIGITS = 60
MAX_VALUES = 2_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NAMED: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=16_384)  # the numbers of profiles repeat
def scalar(text: str) -> Any:
    """The value of an unquoted scalar: None, a bool, an int, a float, or the text itself."""
    if text in _NAMED:
        return _NAMED[text]
    if len(text) > MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", text):
        return int(text, 0)
    return text


Mark = int
"""Line and column from zero in one integer: a workload has a hundred thousand of them."""
Marks = list[Mark] | dict[str, tuple[Mark, Mark]]
"""Of a list's items, or of a mapping's keys and values."""


def _packed(mark: Any) -> Mark:
    return int(mark.line << 32 | mark.column)


def _line(mark: Mark) -> tuple[int, int]:
    return (mark >> 32) + 1, (mark & 0xFFFF_FFFF) + 1


class Document:
    """One YAML document: its `value` of dicts, lists and scalars, and where each of them stood.

    A place is ``label:line:column``, counted from one.
    """

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        self.digest = blake2b(text.encode(), digest_size=16).digest()
        self.value: Any = None
        self._marks: dict[int, Marks] = {}
        self._overrides: dict[tuple[Any, ...], str] = {}
        self._start = (1, 1)
        _Reader(self, text).run()

    def place(self, *path: Any) -> str:
        """Where the value at `path` stands; parts of the path that do not exist are left out."""
        return self._find(path, which=1)

    def key_place(self, *path: Any) -> str:
        """Where the key that is the last part of `path` stands."""
        return self._find(path, which=0)

    def override(self, path: tuple[str, ...], value: Any, place: str) -> None:
        """Put `value` at `path`, whose parents exist; from now on it stands at `place`."""
        parent = self.value
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = value
        self._overrides[path] = place

    def _find(self, path: tuple[Any, ...], which: int) -> str:
        here, found = self.value, self._start
        walked: tuple[Any, ...] = ()
        for part in path:
            walked = (*walked, part)
            if walked in self._overrides:
                return self._overrides[walked]
            marks = self._marks.get(id(here), {})
            if isinstance(marks, list) and isinstance(part, int) and part < len(marks):
                found = _line(marks[part])
            elif isinstance(marks, dict) and part in marks:
                found = _line(marks[part][which if len(walked) == len(path) else 1])
            else:
                continue
            here = here[part]
        return f"{self.label}:{found[0]}:{found[1]}"


class _Reader:
    """Builds a Document from the parser's events, without recursion."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._text = text
        self._problems: list[Problem] = []
        self._open: list[tuple[Any, Any]] = []
        self._values = 0
        self._key: Any = None
        self._documents = 0

    def run(self) -> None:
        try:
            for event in self._events():
                self._take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = (mark.line, mark.column) if mark else (0, 0)
            if self._is_tab(*where):
                self._stop(where, "a tab; YAML is indented with spaces alone")
            context = f" {error.context}" if error.context else ""
            self._stop(where, f"this is not YAML: {error.problem}{context}")
        except yaml.YAMLError as error:
            self._stop((0, 0), f"this is not YAML: {str(error).partition(chr(10))[0]}")
        if not self._documents:
            self._stop((0, 0), "the file is empty")
        if self._problems:
            raise InputError(self._problems)

    def _is_tab(self, line: int, column: int) -> bool:
        """Whether a tab stands there, or in the space that the line begins with."""
        lines = self._text.split("\n")
        text = lines[line] if line < len(lines) else ""
        space = text[: len(text) - len(text.lstrip())]
        return text[column : column + 1] == "\t" or "\t" in space

    def _events(self) -> Iterator[Any]:
        # As `yaml.parse`, which asks before each event whether there is one more.
        return iter(_LOADER(self._text).get_event, None)

    def _stop(self, where: tuple[int, int], message: str) -> NoReturn:
        place = f"{self._document.label}:{where[0] + 1}:{where[1] + 1}"
        raise InputError([*self._problems, Problem(place, message)])

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self._refuse(event)
            self._scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.anchor is not None or event.tag is not None:
                self._refuse(event)
            self._enter({} if kind is MappingStartEvent else [], event.start_mark)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._open.pop()
        elif kind is yaml.AliasEvent:
            self._refuse(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                mark = event.start_mark
                self._stop((mark.line, mark.column), "a second document; a file holds one")

    def _refuse(self, event: Any) -> NoReturn:
        mark = event.start_mark
        if type(event) is yaml.AliasEvent or event.anchor is not None:
            message = "anchors (&) and aliases (*) are not read here; write the value out"
        else:
            message = f"tags are not read here; leave out {event.tag!r}"
        self._stop((mark.line, mark.column), message)

    def _scalar(self, event: Any) -> None:
        if self._open and self._key is None and type(self._open[-1][0]) is dict:
            self._key = (event.value, _packed(event.start_mark))
            return
        self._put(scalar(event.value) if event.implicit[0] else event.value, event.start_mark)

    def _enter(self, container: Any, mark: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop((mark.line, mark.column), f"nested deeper than {MAX_DEPTH} levels")
        if self._open and self._key is None and type(self._open[-1][0]) is dict:
            self._stop((mark.line, mark.column), "a key must be text, not a list or a mapping")
        self._put(container, mark)
        marks: Marks = [] if isinstance(container, list) else {}
        self._document._marks[id(container)] = marks
        self._open.append((container, marks))

    def _put(self, value: Any, event_mark: Any) -> None:
        mark = _packed(event_mark)
        self._values += 1
        if self._values > MAX_VALUES:
            where = (event_mark.line, event_mark.column)
            self._stop(where, f"more than {MAX_VALUES:,} values; no YAML of ours has so many")
        if not self._open:
            self._document.value = value
            self._document._start = _line(mark)
            return
        container, marks = self._open[-1]
        if type(container) is list:
            marks.append(mark)
            container.append(value)
            return
        key, key_mark = self._key
        self._key = None
        if key in container:
            line, column = _line(key_mark)
            place = f"{self._document.label}:{line}:{column}"
            first = _line(marks[key][0])[0]
            self._problems.append(Problem(place, f"the key {key!r} stands in line {first} already"))
        container[key] = value
        marks[key] = (key_mark, mark)
