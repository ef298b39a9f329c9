"""SCALE-Sim's topology files: one layer a line, as a convolution or as a product of matrices.

Columns are read by their place, as SCALE-Sim reads them (scalesim-project/SCALE-Sim,
scalesim/topology_utils.py), and a heading that says otherwise is refused. The first line is a
heading always.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsim.formats.errors import InputError, Problem
from archsim.formats.regular import open_input
from archsim.formats.source import decoded, shown

MAX_BYTES = 16 * 2**20
_CONV = (
    "Layer name", "IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels",
    "Num Filter", "Strides",
)  # fmt: skip
_TWO_STRIDES = (*_CONV[:-1], "Stride height", "Stride width")
_GEMM = ("Layer", "M", "N", "K")
_SIDES = {"IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "M"}
_MOST_SIDE, _MOST_STRIDE, _MOST_CHANNELS, _MOST_BATCH = 65_536, 4096, 2**20, 65_536
_RATIO = re.compile(r"\d{1,6}:\d{1,6}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layer of the file: its numbers by the name of their column, and where it stands."""

    name: str
    numbers: dict[str, int]
    batch: int
    sparsity: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A file: the rows of its layers, and names of columns that mean nothing here."""

    kind: Literal["conv", "gemm"]
    rows: tuple[Row, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class _Cell:
    text: str
    place: str


def read_topology(path: Path) -> Topology:
    """The layers of a topology file.

    Blank lines, comments (from a cell that begins with `#`), a byte order mark and the comma at the
    end of a line may be there or not.

    Raises:
        InputError: everything wrong with it, at ``file:line:column``.
    """
    label = shown(path)
    lines = _text(path, label).splitlines()
    table = [(number, _cells(text, f"{label}:{number}")) for number, text in enumerate(lines, 1)]
    table = [(number, cells) for number, cells in table if any(cell.text for cell in cells)]
    if not table:
        raise InputError.at(label, f"holds no layers; a first line names columns: {_listed(_CONV)}")
    heading, *others = table
    kind, columns = _columns(heading[1])
    extra = [cell.text for cell in heading[1][len(columns) :]]
    problems: list[Problem] = []
    rows = [_row(number, cells, (columns, extra), problems) for number, cells in others]
    if problems:
        raise InputError(problems)
    if not rows:
        raise InputError.at(label, "names columns and holds no layers")
    ignored = tuple(name for name in extra if name and not _known(name))
    return Topology(kind=kind, rows=tuple(filter(None, rows)), ignored=ignored)


def _text(path: Path, label: str) -> str:
    if path.suffix == ".onnx":
        raise InputError.at(label, f"is no topology; sdalgo import {path} reads ONNX")
    try:
        with open_input(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError.at(label, "there is no such file") from None
    except OSError as error:
        raise InputError.at(label, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError.at(label, f"is larger than {MAX_BYTES // 2**20} MB; no topology is")
    return decoded(data, label)


def _cells(line: str, place: str) -> list[_Cell]:
    """The cells of a line up to a comment, each with the column in which it begins."""
    cells, start = [], 0
    for part in line.split(","):
        text = part.strip()
        if text.startswith("#"):
            break
        begin = start + len(part) - len(part.lstrip()) + 1
        cells.append(_Cell(text.strip('"').strip(), f"{place}:{begin}"))
        start += len(part) + 1
    return cells


def _columns(cells: Sequence[_Cell]) -> tuple[Literal["conv", "gemm"], tuple[str, ...]]:
    """Which of the two forms a heading is of, and the columns that every line has."""
    words = [_plain(cell.text) for cell in cells]
    if len(cells) == 1 and re.search(r"[;\t]", cells[0].text):
        raise InputError.at(cells[0].place, "columns are separated by commas")
    if any(word.isdigit() for word in words[1:5]):
        message = "the first line names the columns, and SCALE-Sim never reads it as a layer: "
        raise InputError.at(cells[0].place, f"{message}{_listed(_CONV)} or {_listed(_GEMM)}")
    product = set(words[1:4]) <= {"m", "n", "k"} and len(words) >= 4
    two = len(words) > 8 and words[7].startswith("stride") and words[8].startswith("stride")
    columns: tuple[str, ...] = _GEMM if product else _TWO_STRIDES if two else _CONV
    if len(words) < len(columns):
        message = f"{len(words)} columns; a layer has {_listed(_CONV)} or {_listed(_GEMM)}"
        raise InputError.at(cells[0].place, message)
    known = {_plain(name): name for name in (*_TWO_STRIDES, *_GEMM, "Strides", "Stride")}
    for cell, word, name in zip(cells, words, columns, strict=False):
        meant = known.get(word, name)
        if meant not in (name, "Stride", "Strides", "Layer", "Layer name"):
            message = f"{cell.text!r} stands where SCALE-Sim reads {name!r}: {_listed(columns)}"
            raise InputError.at(cell.place, message)
    return "gemm" if product else "conv", columns


def _row(
    number: int,
    cells: list[_Cell],
    columns: tuple[tuple[str, ...], list[str]],
    problems: list[Problem],
) -> Row | None:
    """One layer; None where something is wrong, which is added to `problems`."""
    names, extra = columns
    known, before = cells[: len(names)], len(problems)
    end = cells[-1].place
    if len(known) < len(names) or not all(cell.text for cell in known):
        missing = [name for k, name in enumerate(names) if k >= len(known) or not known[k].text]
        place = next((cell.place for cell in known if not cell.text), end)
        problems.append(Problem(place, f"{_listed(missing)} missing; a layer has {_listed(names)}"))
        return None
    numbers = {
        name: _number(name, cell, problems) for name, cell in zip(names[1:], known[1:], strict=True)
    }
    batch, sparsity = _extras(cells[len(names) :], extra, problems)
    if len(problems) == before:
        for side in ("Height", "Width"):
            if numbers.get(f"Filter {side}", 0) > numbers.get(f"IFMAP {side}", 0):
                message = f"the filter is larger than the IFMAP, {numbers[f'Filter {side}']} > "
                message += f"{numbers[f'IFMAP {side}']}: sizes of the IFMAP include its padding"
                problems.append(Problem(known[names.index(f"Filter {side}")].place, message))
    if len(problems) > before:
        return None
    return Row(name=known[0].text, numbers=numbers, batch=batch, sparsity=sparsity, line=number)


def _number(name: str, cell: _Cell, problems: list[Problem]) -> int:
    """A whole number from 1 to what a workload takes; 0 after a problem."""
    most = _MOST_CHANNELS
    if name in _SIDES:
        most = _MOST_SIDE
    elif name.startswith("Stride"):
        most = _MOST_STRIDE
    elif name == "Batch":
        most = _MOST_BATCH
    if not re.fullmatch(r"[0-9]{1,9}", cell.text) or not 1 <= int(cell.text) <= most:
        message = f"{name}: a whole number from 1 to {most:,} is needed, not {cell.text[:40]!r}"
        problems.append(Problem(cell.place, message))
        return 0
    return int(cell.text)


def _extras(cells: list[_Cell], names: list[str], problems: list[Problem]) -> tuple[int, str]:
    """Batch and sparsity (N:M, or nothing) from the columns after those that every line has."""
    batch, sparsity = 1, ""
    for index, cell in enumerate(cells):
        name = _plain(names[index]) if index < len(names) else ""
        if not cell.text or (name and not _known(name)):
            continue
        if name.startswith("sparsity") or (not name and _RATIO.fullmatch(cell.text)):
            sparsity = _sparsity(cell, problems)
        elif name.startswith("batch"):
            batch = _number("Batch", cell, problems)
        else:
            message = f"{cell.text[:40]!r} has no column: the first line names none here"
            problems.append(Problem(cell.place, message))
    return batch, sparsity


def _sparsity(cell: _Cell, problems: list[Problem]) -> str:
    text = f"{cell.text}:{cell.text}" if cell.text.isdigit() else cell.text
    if not _RATIO.fullmatch(text):
        problems.append(Problem(cell.place, f"sparsity: N:M is needed, not {cell.text[:40]!r}"))
        return ""
    kept, of = map(int, text.split(":"))
    return "" if kept == of else text


def _known(name: str) -> bool:
    return _plain(name).startswith(("batch", "sparsity"))


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().lower()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
