"""An exported program as the network that the importer runs (sdalgo.importer.operations).

What does not depend on the inputs, such as a causal mask or the angles of rotary positions, is
computed here: the importer then meets it as a constant.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

from archsim.formats.errors import InputError, Problem
from sdalgo.exported.program import Inputs, export
from sdalgo.exported.rules import RULES
from sdalgo.exported.writer import Writer
from sdalgo.importer.operations import Network, NetworkInput

_SHAPED = {"full_like", "zeros_like", "ones_like", "empty_like", "new_zeros", "new_ones",
           "new_full", "new_empty"}  # fmt: skip
"""Operators that read the shape of their input alone, which is fixed here."""
_PASSED = {"_assert_scalar", "_assert_async", "_assert_tensor_metadata", "sym_constrain_range",
           "sym_constrain_range_for_size"}  # fmt: skip
_WITH_PARTS = tuple(
    f"torch.nn.modules.{part}"
    for part in ("container", "transformer", "activation.MultiheadAttention")
)
"""Modules whose parts are worth names of their own."""
_TYPES = {
    torch.float32: "float32", torch.float16: "float32", torch.bfloat16: "float32",
    torch.float64: "float32", torch.int64: "int64", torch.int32: "int32", torch.int16: "int16",
    torch.int8: "int8", torch.uint8: "uint8", torch.bool: "bool",
}  # fmt: skip


def read_module(model: nn.Module, inputs: Inputs, label: str | None = None) -> Network:
    """Return the network of a torch module, for inputs of the shapes of these.

    Args:
        label: what messages call it; None means the class of the module.

    Raises:
        InputError: torch.export cannot read it, or it holds operators that are not known; all of
            these in one message.
    """
    label = label or type(model).__name__
    names = list(inspect.signature(model.forward).parameters)
    return _Reader(export(model, inputs), label, names).network()


class _Reader:
    """One pass over the program's nodes.

    Args:
        names: of the arguments that the module takes, which torch.export only numbers.
    """

    def __init__(self, program: ExportedProgram, label: str, names: list[str]) -> None:
        self.program, self.label, self.names = program, label, names
        self.writer = Writer()
        self.inputs: list[NetworkInput] = []
        self.problems: dict[str, Problem] = {}

    def network(self) -> Network:
        placed = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self._placeholder(node, placed[node.name])
            elif node.op == "call_function":
                self._call(node)
        if self.problems:
            raise InputError(self.problems.values())
        outputs = tuple(self.writer.value(node) for node in self._outputs())
        return Network(
            operations=tuple(self.writer.operations),
            constants={name: _stored(value) for name, value in self.writer.constants.items()},
            inputs=tuple(self.inputs),
            outputs=outputs,
            label=self.label,
        )

    def _placeholder(self, node: fx.Node, spec: Any) -> None:
        if spec.kind == InputKind.USER_INPUT:
            if isinstance(spec.arg, TensorArgument):
                value = node.meta["val"]
                shape = tuple(int(size) for size in value.shape)
                dtype = _TYPES.get(value.dtype)
                if dtype is None:
                    raise InputError.at(self.label, f"input {node.name} is of {value.dtype}")
                name = self._argument(node.name)
                self.inputs.append(NetworkInput(name=name, shape=shape, dtype=dtype))
                self.writer.values[node] = name
            return
        held = self.program.state_dict if spec.target in self.program.state_dict else None
        found = (held or self.program.constants)[spec.target]
        node.meta["parameter"] = _bare(spec.target)
        self.writer.known[node] = found.detach() if isinstance(found, Tensor) else found

    def _argument(self, name: str) -> str:
        place = re.fullmatch(r"args_(\d+)", name)
        index = int(place[1]) if place else len(self.names)
        return self.names[index] if index < len(self.names) else name

    def _call(self, node: fx.Node) -> None:
        if node.target is operator.getitem:
            source, index = node.args[0], int(str(node.args[1]))
            assert isinstance(source, fx.Node)
            if source in self.writer.known:
                self.writer.known[node] = self.writer.known[source][index]
            elif source in self.writer.values:
                self.writer.values[node] = self.writer.values[source][index]
            return
        name = _name(node.target)
        if name in _PASSED or any(self._is_missing(source) for source in node.all_input_nodes):
            return
        if name in _SHAPED or not any(n in self.writer.values for n in node.all_input_nodes):
            self.writer.known[node] = self._computed(node)
            return
        self.writer.enter(node, _scope(node), is_leaf=_is_leaf(node))
        try:
            rule = RULES.get(name)
            if rule is None:
                raise ValueError(f"no operator of the importer stands for torch's {name}")
            self.writer.values[node] = rule(self.writer, _arguments(node))
        except ValueError as error:
            place = f"{self.label}: {_scope(node) or node.name}"
            self.problems.setdefault(str(error), Problem(place, str(error)))

    def _is_missing(self, node: fx.Node) -> bool:
        """Whether a problem was found on the way to a value."""
        return node not in self.writer.values and node not in self.writer.known

    def _computed(self, node: fx.Node) -> Any:
        def value(source: fx.Node) -> Any:
            if source in self.writer.known:
                return self.writer.known[source]
            of = source.meta["val"]
            return torch.empty(of.shape, dtype=of.dtype, device="cpu")

        args = fx.map_arg(node.args, value)
        kwargs = fx.map_arg(node.kwargs, value)
        assert callable(node.target)
        with torch.no_grad():
            return node.target(*args, **kwargs)

    def _outputs(self) -> Iterator[fx.Node]:
        wanted = self.program.graph_signature.user_outputs
        for node in self.program.graph.find_nodes(op="output")[0].all_input_nodes:
            if node.name in wanted:
                yield node


def _name(target: Any) -> str:
    """torch's name of an operator, without namespace and overload."""
    schema = getattr(target, "_schema", None)
    return str(schema.name).removeprefix("aten::") if schema else str(target)


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Arguments by the names of torch's schema, defaults included."""
    assert isinstance(node.target, torch._ops.OpOverload)
    declared = node.target._schema.arguments
    found = {argument.name: argument.default_value for argument in declared}
    found |= {a.name: value for a, value in zip(declared, node.args, strict=False)}
    return found | dict(node.kwargs)


def _scope(node: fx.Node) -> str:
    """The innermost module that a node stands in, by its name."""
    stack = node.meta.get("nn_module_stack") or {}
    return _bare(str(next(reversed(stack.values()))[0])) if stack else ""


def _is_leaf(node: fx.Node) -> bool:
    """Whether a node is the work of one of torch's own modules, which then names it."""
    stack = node.meta.get("nn_module_stack") or {}
    kind = str(next(reversed(stack.values()))[1]) if stack else ""
    return kind.startswith("torch.nn.modules.") and not kind.startswith(_WITH_PARTS)


def _bare(name: str) -> str:
    """A name within the module itself, not within what `export` puts around it."""
    return "" if name == "model" else name.removeprefix("model.")


def _stored(value: Tensor) -> Tensor:
    """A constant as the importer has them: float32, int64 or bool."""
    if value.is_floating_point():
        return value.to(torch.float32)
    return value if value.dtype == torch.bool else value.to(torch.int64)
