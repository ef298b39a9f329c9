"""Prices of arithmetic by the width of its operands (docs/reference/formats.md, "Energy").

A component class says by `operands` which actions work on activations, on weights or on both, and
a table gives the prices of such an action by width: `{8: 0.143, 8x16: 0.2765, 16: 0.534}`. A plain
number is the price at 8 bits. All other actions are counted in bytes, or cost as much at any width.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from archsim.arch.component import Component, Operand
from archsim.formats.errors import Problem
from archsim.formats.widths import DEFAULT_BITS
from archsim.formats.yaml12 import Document

Price = Annotated[float, Field(ge=1e-12, le=1e9)]
"""pJ of an action that is not free."""
WidthKey = Literal["4", "8", "16", "4x8", "4x16", "8x16"]
"""Bits of the operands, the narrower one first where they differ."""
ByWidth = Annotated[Mapping[WidthKey, Price], Field(min_length=1)]
Widths = Mapping[Operand, int]
EIGHT: Widths = {"activation": DEFAULT_BITS, "weight": DEFAULT_BITS}
PLAIN = str(DEFAULT_BITS)


def width_key(component: type[Component], action: str, widths: Widths) -> str | None:
    """The key of an action's price at these widths; None where no width changes it."""
    operands = component.operands.get(action, ())
    if not operands:
        return None
    return "x".join(str(bits) for bits in sorted({widths[operand] for operand in operands}))


def at_width(price: float | Mapping[Any, float], key: str | None) -> float | None:
    """The price that a table has for a key, None where it has none."""
    if isinstance(price, Mapping):
        return price.get(key or PLAIN)
    return price if key in {None, PLAIN} else None


def width_problems(
    document: Document,
    table: Mapping[str, Mapping[str, Any]],
    classes: Mapping[str, type[Component]],
) -> Iterator[Problem]:
    """Prices by width of actions that have no operands, or one where a key says two."""
    for name, actions in table.items():
        for action, price in actions.items():
            if name not in classes or not isinstance(price, Mapping):
                continue
            operands = classes[name].operands.get(action, ())
            place = document.place("classes", name, action)
            if not operands:
                message = "costs as much at any width; write one number"
                yield Problem(place, f"{action!r} of class {name} {message}")
            elif len(operands) == 1 and any("x" in key for key in price):
                message = f"depends on the {operands[0]} alone; its keys are 4, 8 and 16"
                yield Problem(place, f"{action!r} of class {name} {message}")
