"""What a transition costs in the cells of a liberty file: capacitances and internal energies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SLEW_NS = 0.18  # of every transition; a column of this library's tables
Group = tuple[str, str, dict[str, str], list["Group"]]
TOKEN = re.compile(r"(\w+)\s*\(([^)]*)\)\s*(\{|;)|(\w+)\s*:\s*([^;]+);|\}|(\w+)\s*\(([^)]*)\)")


@dataclass
class Pin:
    """A cell's pin: its capacitance in pF, and the energy in pJ inside the cell of a rise and a
    fall of it, a list of (load in pF, energy), mean of all related pins."""

    capacitance: float
    output: bool
    energy: list[tuple[float, float]] = field(default_factory=list)

    def toggle_pj(self, load: float) -> float:
        """Inside the cell, for one transition, mean of rise and fall."""
        if not self.energy:
            return 0.0
        return min(self.energy, key=lambda entry: abs(entry[0] - load))[1]


@dataclass(frozen=True)
class Library:
    """Supply voltage, and the pins of each cell; `clocked` are the cells that hold a bit."""

    volts: float
    pins: dict[str, dict[str, Pin]]
    clocked: frozenset[str]


def parsed(text: str) -> Group:
    """The library as nested groups: (kind, argument, values, groups)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S).replace("\\\n", "")
    root: Group = ("file", "", {}, [])
    stack = [root]
    for token in TOKEN.finditer(text):
        if token[0] == "}":
            stack.pop()
        elif token[3] == "{":
            group: Group = (token[1], token[2].strip('" '), {}, [])
            stack[-1][3].append(group)
            stack.append(group)
        elif token[4]:
            stack[-1][2][token[4]] = token[5].strip('" ')
        else:
            stack[-1][2][token[1] or token[6]] = token[2] if token[1] else token[7]
    return root[3][0]


def library(file: Path) -> Library:
    """Read a liberty file whose units are V, pF and ns."""
    top = parsed(file.read_text())
    cells = {name: groups for kind, name, _, groups in top[3] if kind == "cell"}
    return Library(
        volts=float(top[2]["nom_voltage"]),
        pins={name: dict(_pins(groups)) for name, groups in cells.items()},
        clocked=frozenset(
            name
            for name, groups in cells.items()
            if any(kind in {"ff", "latch"} for kind, *_ in groups)
        ),
    )


def _pins(groups: list[Group]) -> Iterator[tuple[str, Pin]]:
    for kind, name, values, inner in groups:
        if kind != "pin":
            continue
        pin = Pin(float(values.get("capacitance", 0)), values.get("direction") == "output")
        tables = [
            table for power, _, _, found in inner if power == "internal_power" for table in found
        ]
        curves = [_curve(table[2], pin.output) for table in tables]
        if curves:
            loads = [load for load, _ in curves[0]]
            means = [sum(curve[i][1] for curve in curves) / len(curves) for i in range(len(loads))]
            pin.energy = list(zip(loads, means, strict=True))
        yield name, pin


def _curve(values: dict[str, str], output: bool) -> list[tuple[float, float]]:
    """(load, energy) at the slew nearest to SLEW_NS; an input pin has no load."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", values["values"])]
    first, second = (
        [float(n) for n in re.findall(r"[\d.]+", values.get(f"index_{i}", ""))] for i in (1, 2)
    )
    if not output or not second:
        return [(0.0, numbers[_nearest(first)])]
    return [(load, numbers[i * len(second) + _nearest(second)]) for i, load in enumerate(first)]


def _nearest(slews: list[float]) -> int:
    return min(range(len(slews)), key=lambda i: abs(slews[i] - SLEW_NS))
