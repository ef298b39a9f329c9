"""What a run leaves behind: every operator, with its values' shapes and what is known of them.

Maps are freed when their last reader has run, but for those that an array layer reads: they are
the inputs of the workload's layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Kind
from sdalgo.importer.operations import Operation


class Origin(Enum):
    """Where a value comes from."""

    CONSTANT = "constants alone"
    GIVEN = "masks, positions and identifiers that are given, before the network runs"
    MAP = "what the network computes"


@dataclass(eq=False, kw_only=True)
class Value:
    """A value of the run; it is itself and no other, whatever it holds.

    Attributes:
        tensor: None where it was freed.
        step: the operator that gave it; None for inputs and constants of the network.
        readers: operators that read it.
        final: it is an output of the network.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    origin: Origin
    tensor: Tensor | None
    step: Step | None = None
    readers: list[Step] = field(default_factory=list)
    final: bool = False

    @property
    def is_map(self) -> bool:
        return self.origin is Origin.MAP

    @property
    def known(self) -> Tensor:
        """The tensor of a value that was kept."""
        assert self.tensor is not None, self.name
        return self.tensor


@dataclass(eq=False, kw_only=True)
class Step:
    """An operator that has run.

    Attributes:
        given: its inputs in order; None for one that is left out.
        kept: inputs by their place whose tensors were kept for the layer that it becomes.
    """

    operation: Operation
    kind: Kind
    attrs: Attributes
    given: list[Value | None]
    made: list[Value | None] = field(default_factory=list)
    kept: dict[int, Tensor] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def what(self) -> str:
        return self.operation.kind

    @property
    def maps(self) -> list[Value]:
        """The inputs that the network computes."""
        return [value for value in self.given if value is not None and value.is_map]

    @property
    def out(self) -> Value:
        """The first output."""
        value = self.made[0]
        assert value is not None
        return value

    def value(self, index: int) -> Value | None:
        return self.given[index] if index < len(self.given) else None

    def constant(self, index: int) -> Tensor | None:
        """The tensor of an input that is no map; None where it is left out or is one."""
        value = self.value(index)
        return None if value is None or value.is_map else value.tensor

    def known(self) -> list[Any]:
        """The tensors of all inputs, while the operator runs."""
        return [None if value is None else value.known for value in self.given]

    def tensors(self) -> list[Any]:
        """Constants as they are, and of maps tensors without storage: for rules that ask shapes."""
        return [_told(value) for value in self.given]


def _told(value: Value | None) -> Tensor | None:
    if value is None:
        return None
    if value.is_map or value.tensor is None:
        return torch.empty(value.shape, dtype=value.dtype, device="meta")
    return value.tensor


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A whole run: operators in order, and the values of the network's outputs."""

    steps: list[Step]
    outputs: list[Value]
    label: str
