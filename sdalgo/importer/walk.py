"""Walking back from an operator to those before it, as a pattern is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import Place
from sdalgo.importer.rules import Rule
from sdalgo.importer.trace import Step, Value

_PASSING = {"Identity", "Cast", "Dropout"}


@dataclass(frozen=True, kw_only=True)
class Match:
    """One pattern: the map that it is of, the layer that it is, and the operators within."""

    source: Value
    op: str
    steps: frozenset[Step]
    row: int = 0

    def rule(self) -> Rule:
        def draw(step: Step, drawing: Drawing) -> None:
            inputs, plane = drawing.alone(self.source)
            fields: dict[str, object] = {"row": self.row} if self.row else {}
            if not inputs:
                fields |= {"in_channels": plane[0], "in_size": list(plane[1:])}
            name = drawing.layer(step.name, self.op, inputs, fields, plane)
            channel = drawing.place(self.source).channel
            drawing.put(step.out, Place(source=name, plane=plane, channel=channel))

        return draw


class Walk:
    """A walk from an operator to those before it, which collects them."""

    def __init__(self, *steps: Step) -> None:
        self.steps = set(steps)

    def passed(self, value: Value | None) -> Value | None:
        """The value behind casts and copies."""
        while value is not None and value.is_map and value.step and value.step.what in _PASSING:
            self.steps.add(value.step)
            value = value.step.given[0]
        return value

    def by(self, value: Value | None, *kinds: str) -> Step | None:
        """The operator of one of these kinds that gives a value; None for another."""
        value = self.passed(value)
        step = value.step if value is not None and value.is_map else None
        if step is None or step.what not in kinds:
            return None
        self.steps.add(step)
        return step

    def frozen(self) -> frozenset[Step]:
        return frozenset(self.steps)


def number(value: Value | None) -> float | None:
    """The one number of a constant; None for anything else."""
    if value is None or value.is_map or value.tensor is None or value.tensor.numel() != 1:
        return None
    return float(value.tensor.reshape(-1)[0])


def is_number(value: Value | None, wanted: float) -> bool:
    """Whether a value is a constant of one number, within a thousandth."""
    found = number(value)
    return found is not None and isclose(found, wanted, rel_tol=1e-3)


def pair_of(step: Step) -> tuple[Value, Value] | None:
    """(map, constant) of an operator with one of each, in either order."""
    if len(step.given) != 2 or len(step.maps) != 1:
        return None
    one, two = step.given
    if one is None or two is None:
        return None
    return (one, two) if one.is_map else (two, one)
