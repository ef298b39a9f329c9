"""What every piece of hardware is to archsim: a frozen record of parameters, checked when read.

A component of an arch file is a YAML mapping whose `class` names a subclass of `Component` and
whose other keys are that class's fields, so a field is documented, typed, bounded and published in
the JSON Schema by being declared. The classes are found by listing `archsim/components/`; a machine
with an array of its own may define the class in its own file of `archsim/machines/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

# Bounds refuse slips of the keyboard and numbers that would only fill the memory.
Count = Annotated[int, Field(ge=1, le=65_536)]
"""Copies of hardware, lanes, banks, entries: from one to 65 536."""
Positive = Annotated[int, Field(ge=1, le=2**31)]
"""Any amount of at least one."""
Natural = Annotated[int, Field(ge=0, le=2**31)]
"""Any amount, zero included."""
Cycles = Annotated[int, Field(ge=0, le=1_000_000)]
"""A latency."""
BytesPerCycle = Annotated[int, Field(ge=1, le=2**40)]
"""A bandwidth; the upper end is as good as infinite."""
Bytes = Annotated[int, Field(ge=1, le=2**40)]
Kbytes = Annotated[float, Field(gt=0, le=2**30)]
"""Units of 1024 bytes."""
Share = Annotated[float, Field(ge=0, le=1)]


class Component(BaseModel):
    """Hardware as a record of its parameters: no time, no state.

    The first line of a subclass's docstring is what `archsim list components` shows. Numbers are
    taken as written: text or a fraction is not an integer here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    is_storage: ClassVar[bool] = False
    """Whether a flow may rest here. Every flow passes at least one such component."""

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]


def classes_in(module: ModuleType) -> dict[str, type[Component]]:
    """The component classes that `module` itself defines, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Component)
        and value is not Component
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


@cache
def shipped_classes() -> dict[str, type[Component]]:
    """Every component class of `archsim/components/`, by name, in the order of the file names."""
    from archsim import components

    found: dict[str, type[Component]] = {}
    for info in sorted(pkgutil.iter_modules(components.__path__), key=lambda info: info.name):
        found |= classes_in(importlib.import_module(f"{components.__name__}.{info.name}"))
    return found
