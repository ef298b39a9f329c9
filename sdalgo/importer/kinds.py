"""What is known of one kind of operator: what it may be asked for, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from archsim.formats.errors import Problem
from sdalgo.importer.operations import Operation

Attributes = dict[str, Any]
Given = Sequence[Tensor]
"""Tensors in the order of an operator's inputs; None stands for one that is left out."""
Compute = Callable[[Given, Attributes], "Tensor | Sequence[Tensor | None]"]
MANY = 2**31


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of operator as far as it is understood.

    Attributes:
        rule: what it becomes where it depends on the network's input: a name of `rules.RULES`.
        inputs: fewest and most inputs.
        reads: attributes of which every value is understood.
        only: attributes of which some values are understood, in lists for every item.
        compute: the outputs in float32; ValueError for what is not understood.
        function: what an element-wise layer says that it computes.
    """

    rule: str
    compute: Compute
    inputs: tuple[int, int] = (1, 1)
    reads: tuple[str, ...] = ()
    only: Attributes = field(default_factory=dict)
    function: str = ""


def problems(operation: Operation, known: dict[str, Kind], place: str) -> list[Problem]:
    """Say what of an operator is not understood; nothing is run for it."""
    name = operation.kind
    kind = known.get(name)
    if kind is None:
        return [Problem(place, f"operator {name} is not known to the importer")]
    found = []
    for key, value in operation.attrs.items():
        items = value if isinstance(value, list) else [value]
        if key in kind.only:
            legal = kind.only[key]
            legal = legal if isinstance(legal, tuple) else (legal,)
            if any(item not in legal for item in items):
                wanted = " or ".join(map(str, legal))
                found.append(Problem(place, f"{name} with {key} {value}: only {wanted} is read"))
        elif key not in kind.reads:
            found.append(Problem(place, f"{name}: its attribute {key!r} is not known"))
    fewest, most = kind.inputs
    if not fewest <= len(operation.inputs) <= most:
        count = len(operation.inputs)
        found.append(Problem(place, f"{name} with {count} inputs: {fewest} to {most}"))
    return found


def optional(given: Given, index: int) -> Tensor | None:
    """The tensor at `index`; None where it is left out."""
    return given[index] if index < len(given) else None


def numbers(value: Tensor | None) -> list[int] | None:
    """The whole numbers of a tensor of one axis; None where it is left out."""
    return None if value is None else [int(each) for each in value.reshape(-1).tolist()]
