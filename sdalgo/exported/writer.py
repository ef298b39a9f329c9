"""Writes the operators of one exported program; the rules of `sdalgo.exported.rules` call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx

from sdalgo.importer.operations import Operation

Shape = tuple[int, ...]


class Writer:
    """Operators, constants, and where each value of the program is found.

    Attributes:
        operations: what is written so far.
        constants: by name.
        known: values of the program that do not depend on its inputs.
        values: names of those that do; several for an operator with several results.
        node: of the program, which is being written.
    """

    node: fx.Node

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.constants: dict[str, Tensor] = {}
        self.known: dict[fx.Node, Any] = {}
        self.values: dict[fx.Node, str | tuple[str, ...]] = {}
        self._names: dict[str, int] = {}
        self._scope, self._is_leaf = "", False
        self._made = 0

    def enter(self, node: fx.Node, scope: str, *, is_leaf: bool) -> None:
        """Begin a node: what is written next is named by it and stands in that module, by which
        alone it is named where the module does nothing else."""
        self.node, self._scope, self._is_leaf, self._made = node, scope, is_leaf, 0

    def value(self, of: Any) -> str:
        """Return the name of a node's value, or of a number or tensor as a constant."""
        if isinstance(of, str):
            return of
        if isinstance(of, fx.Node) and of in self.values:
            found = self.values[of]
            assert isinstance(found, str)
            return found
        if isinstance(of, fx.Node):
            name = of.name
            if name not in self.constants:
                self.constants[name] = torch.as_tensor(self.known[of])
            return name
        return self.constant(of)

    def constant(self, value: Any, dtype: torch.dtype | None = None) -> str:
        """Return the name of a new constant."""
        name = f"{self.node.name}.constant{len(self.constants)}"
        self.constants[name] = torch.as_tensor(value, dtype=dtype)
        return name

    def whole(self, numbers: Sequence[int]) -> str:
        """Return the name of a list of whole numbers, as shapes and axes are given."""
        return self.constant(list(numbers), torch.int64)

    def tensor(self, of: Any) -> Tensor | None:
        """Return a constant's value; None for what depends on the inputs."""
        if isinstance(of, fx.Node):
            found = self.known.get(of)
            return found if isinstance(found, Tensor) else None
        return of if isinstance(of, Tensor) else None

    def emit(self, kind: str, *inputs: Any, name: str | None = None, **attrs: Any) -> str:
        """Write one operator; returns the name of its result.

        Args:
            inputs: nodes, names, numbers; None for one that is left out.
            name: of the layer, where it has one of its own; else its kind in its module.
        """
        return self._emit(kind, inputs, 1, name, attrs)[0]

    def emit_parts(self, kind: str, *inputs: Any, parts: int, **attrs: Any) -> tuple[str, ...]:
        """Write one operator that has several results; returns their names."""
        return self._emit(kind, inputs, parts, None, attrs)

    def _emit(
        self,
        kind: str,
        inputs: tuple[Any, ...],
        parts: int,
        name: str | None,
        attrs: dict[str, Any],
    ) -> tuple[str, ...]:
        given = ["" if each is None else self.value(each) for each in inputs]
        while given and not given[-1]:
            given.pop()
        outputs = tuple(f"{self.node.name}.{self._made + part}" for part in range(parts))
        self._made += parts
        self.operations.append(
            Operation(
                kind=kind, name=self._unique(name or self._named(kind)), inputs=tuple(given),
                outputs=outputs, attrs=attrs,
            )
        )  # fmt: skip
        return outputs

    def weight_name(self, of: Any) -> str | None:
        """Return the layer that a weight belongs to, by its name in the state dict."""
        found = of.meta.get("parameter") if isinstance(of, fx.Node) else None
        if not found:
            return None
        layer: str = found.removesuffix("weight").rstrip("._")
        return layer or None

    def _named(self, kind: str) -> str:
        if self._is_leaf and self._scope:
            return self._scope
        return f"{self._scope}.{kind.lower()}" if self._scope else kind.lower()

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else self._unique(f"{name}_{count}")


def shape_of(node: Any) -> Shape:
    """Return the sizes of a node's value."""
    return tuple(int(size) for size in node.meta["val"].shape)


def rank_of(node: Any) -> int:
    """Return how many axes a node's value has."""
    return len(shape_of(node))
