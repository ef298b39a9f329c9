"""Reading an input file so that whatever is wrong with it can be said with its place and its cure.

`read` gives the text as a `Document`; `Section.checked` runs a pydantic model over a section of it
and turns each complaint into a `Problem` at ``file:line:column`` with the legal names and the
nearest.
"""

import difflib
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union

from pydantic import BaseModel, ValidationError

from archsim.formats.errors import InputError, Problem
from archsim.formats.regular import open_input
from archsim.formats.yaml12 import MAX_BYTES, Document

MAX_NAMES = 24
Path_ = tuple[Any, ...]
Model = TypeVar("Model", bound=BaseModel)


def shown(path: Path) -> str:
    """The path as a person in the working directory would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read(path: Path) -> Document:
    """The document in a YAML file; InputError when it cannot be read or is not YAML."""
    label = shown(path)
    try:
        with open_input(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError.at(label, "there is no such file") from None
    except IsADirectoryError:
        raise InputError.at(label, "is a folder, not a YAML file") from None
    except OSError as error:
        raise InputError.at(label, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError.at(label, f"is larger than {MAX_BYTES // 2**20} MB; no YAML of ours is")
    return Document(label, decoded(data, label))


def decoded(data: bytes, label: str) -> str:
    """UTF-8 text without a byte order mark; InputError at the first byte that is not text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise InputError.at(
            f"{label}:{_line_column(before)}", f"byte 0x{data[error.start]:02x} is not UTF-8 text"
        ) from None
    control = re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
    if control:
        place = f"{label}:{_line_column(text[: control.start()])}"
        code = ord(control.group())
        raise InputError.at(place, f"the control character U+{code:04X} is not text")
    return text


def _line_column(before: str) -> str:
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, by line and column; those without a line come first."""

    def position(problem: Problem) -> tuple[int, ...]:
        return tuple(int(part) for part in problem.place.split(":")[-2:] if part.isdigit())

    return sorted(dict.fromkeys(problems), key=position)


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """The legal name that is most like `name`, if any is like it at all."""
    folded = {candidate.lower(): candidate for candidate in reversed(list(legal))}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def unknown(what: str, name: object, legal: Iterable[str]) -> str:
    """The message for a name that does not exist: the nearest one, and the legal ones if few."""
    names = list(legal)
    near = nearest(str(name), names)
    message = f"there is no {what} {str(name)!r}"
    message += f"; did you mean {near!r}?" if near is not None else ";"
    if len(names) > MAX_NAMES:
        return message.rstrip(";")
    return f"{message} legal: {', '.join(names) or 'none'}"


def require(what: str, name: str, legal: Iterable[str]) -> None:
    """InputError with the nearest name and the legal ones where `name` is none of these."""
    names = list(legal)
    if name not in names:
        raise InputError.at(name or "''", unknown(what, name, names))


@dataclass(frozen=True)
class Section:
    """A section of a document: where it stands, and how a message calls what is in it.

    `prefix` goes before the key, as in ``pe_slices.lines`` or ``layer 'conv1', kernel``.
    """

    document: Document
    path: Path_ = ()
    prefix: str = ""

    def checked(self, model: type[Model], value: object, problems: list[Problem]) -> Model | None:
        """`value` as a `model`; None where something is wrong, which is added to `problems`."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
            # A list whose items are wrong is also called too short, having lost them.
            wrong = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
            problems.extend(
                self._problem(model, value, detail)
                for detail in details
                if detail["type"] != "too_short" or detail["loc"] not in wrong
            )
            return None

    def _problem(self, model: type[BaseModel], value: object, detail: Any) -> Problem:
        location = _existing(value, detail["loc"])
        whole = (*self.path, *location)
        kind, name = detail["type"], self.prefix + _dotted(location)
        if kind == "extra_forbidden":
            owner = (self.prefix + _dotted(location[:-1])).rstrip("., ")
            message = unknown("key", location[-1], _legal_keys(model, location[:-1]))
            return Problem(self.document.key_place(*whole), _joined(owner, message))
        place = self.document.place(*whole)
        if kind == "missing" and isinstance(detail["loc"][-1], int):
            return Problem(place, _joined(name, f"{_brief(detail['input'])} has too few items"))
        if kind == "missing":
            missing = f"the key {detail['loc'][-1]!r} is missing"
            return Problem(place, _joined(name.rstrip("., "), missing))
        return Problem(place, _joined(name.rstrip("., "), _complaint(kind, detail)))


def _joined(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message


def _existing(value: object, location: Path_) -> Path_:
    """The parts of a pydantic location that exist in the value: its union tags are left out."""
    path: list[Any] = []
    here: Any = value
    for part in location:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)


def _dotted(path: Path_) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


_NOUNS = {
    "finite": "a finite number", "int": "an integer", "float": "a number", "string": "text",
    "bool": "true or false", "tuple": "a list", "list": "a list", "dict": "a mapping",
    "mapping": "a mapping", "model": "a mapping",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def _complaint(kind: str, detail: Any) -> str:
    """What pydantic found, in our words."""
    given = detail["input"]
    context = detail.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {_number(context[key])}, not {_brief(given)}"
    if kind == "literal_error":
        return _not_legal(given, context["expected"])
    if kind in {"too_long", "too_short"}:
        words = "at most" if kind == "too_long" else "at least"
        length = context.get("max_length", context.get("min_length"))
        return f"must have {words} {length} items, not {context['actual_length']}"
    if kind == "string_pattern_mismatch":
        return f"{_brief(given)} does not have the form {context['pattern']}"
    noun = _NOUNS.get(kind.partition("_")[0])
    if noun and kind.endswith(("_type", "_parsing", "_from_float", "_number")):
        return f"must be {noun}, not {_brief(given)}"
    return str(detail["msg"]).removeprefix("Value error, ")


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else str(bound)


def _not_legal(given: object, expected: str) -> str:
    """`expected` is pydantic's list of literals: ``'a', 'b' or 'c'``."""
    found = re.findall(r"'([^']*)'|(\b\w+\b)(?= or|,|$)", expected)
    legal = [quoted or bare for quoted, bare in found]
    near = nearest(str(given), legal)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{_brief(given)} is not legal here; {hint}legal: {', '.join(legal)}"


def _brief(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _legal_keys(model: type[BaseModel], path: Path_) -> list[str]:
    """The keys of the model at `path`; of all models there, where a union allows several."""
    models = [model]
    for part in path:
        if isinstance(part, int):
            continue
        fields = [_fields(each).get(part) for each in models]
        models = [found for field in fields if field for found in _models(field.annotation)]
    return list(dict.fromkeys(name for each in models for name in _fields(each)))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in {Union, types.UnionType, Annotated, tuple, list, dict}:
        return [found for part in typing.get_args(annotation) for found in _models(part)]
    return []
