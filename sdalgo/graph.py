"""The layers of a torch module and their edges, as a workload lists them
(docs/reference/formats.md).

The module is traced symbolically and its shapes are found on the meta device: no weight is touched.
Normalisation, activation functions, dropout and flattening disappear; convolutions, linear layers,
pools, additions, products, concatenations and resizes stay.
"""

import copy
import operator
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from archsim.formats.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Node:
    """One layer of a workload file: its name, op, producers, and the op's own fields."""

    name: str
    op: str
    inputs: tuple[str, ...]
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def has_weights(self) -> bool:
        """Whether it has tensors of its own; of a matmul they are what it multiplies."""
        return self.op in ("conv", "linear", "matmul", "deconv")


Shape = tuple[int, ...]
_UNTRACEABLE = (
    fx.proxy.TraceError,
    RuntimeError,
    TypeError,
    AttributeError,
    ValueError,
    IndexError,
)
Fields = tuple[str, dict[str, Any]]
_TRANSPARENT = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Hardswish,
    nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Embedding, nn.LocalResponseNorm,
)  # fmt: skip
_SAME = {
    F.relu, F.relu6, F.silu, F.dropout, torch.relu, torch.sigmoid, torch.tanh, torch.flatten,
    "flatten", "view", "reshape", "contiguous", "relu", "sigmoid", "tanh",
}  # fmt: skip
_OPS: dict[Any, str] = {
    operator.add: "add", operator.iadd: "add", torch.add: "add", "add": "add", "add_": "add",
    operator.mul: "mul", operator.imul: "mul", torch.mul: "mul", "mul": "mul",
    torch.cat: "concat", F.interpolate: "resize",
    F.pad: "pad", F.adaptive_avg_pool2d: "global", F.max_pool2d: "pool", F.avg_pool2d: "pool",
}  # fmt: skip


def layer_graph(model: nn.Module, sample: Shape) -> list[Node]:
    """Return the layers of `model` in the order in which they run.

    Args:
        model: any module that torch.fx can trace; it is copied to the meta device.
        sample: shape of one input without the batch axis.

    Raises:
        InputError: the module cannot be traced, or holds an operation that no workload layer is.
    """
    # eval() first: a traced dropout or normalisation is then what inference runs.
    model = copy.deepcopy(model).eval().to("meta")
    try:
        with redirect_stderr(StringIO()):  # torch prints a traceback of its own
            traced = fx.GraphModule(model, _Tracer().trace(model))
            ShapeProp(traced).propagate(torch.empty(1, *sample, device="meta"))
    except _UNTRACEABLE as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise InputError.at(type(model).__name__, f"torch.fx cannot trace it: {reason}") from error
    return _Walk(traced).layers()


class _Tracer(fx.Tracer):
    """Keeps convolutions whole, also those that pad by themselves."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d) or super().is_leaf_module(m, module_qualified_name)


class _Walk:
    """One pass over a traced graph; remembers which layer makes each value."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced = traced
        self.made_by: dict[fx.Node, tuple[str, ...]] = {}
        self.found: list[Node] = []

    def layers(self) -> list[Node]:
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                self.made_by[node] = ()
            elif node.op == "call_module":
                self._module(node, self.traced.get_submodule(str(node.target)))
            elif node.op in ("call_function", "call_method"):
                self._function(node)
        return self.found

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        if isinstance(module, _TRANSPARENT):
            self.made_by[node] = self._producers(node)[:1]
            return
        if isinstance(module, nn.LSTM):
            self._lstm(node, module)
            return
        for kind, fields_of in _MODULES.items():
            if isinstance(module, kind):
                op, fields = fields_of(module, _shape(node.all_input_nodes[0]))
                self._add(node, str(node.target), op, fields)
                return
        raise InputError.at(node.target, f"no workload layer stands for {type(module).__name__}")

    def _lstm(self, node: fx.Node, module: nn.LSTM) -> None:
        """Two linear layers a level; the state is fed from outside, so it has no producer."""
        if module.num_layers > 1 or module.bidirectional or module.proj_size:
            raise InputError.at(node.target, "an LSTM of one level and one direction is needed")
        steps = _shape(node.all_input_nodes[0])[1]
        gates = 4 * module.hidden_size
        for part, inputs in (("ih", module.input_size), ("hh", module.hidden_size)):
            fields = {"in_channels": inputs, "out_channels": gates, "positions": steps}
            producers = self._producers(node) if part == "ih" else ()
            name = f"{node.target}.weight_{part}_l0"
            self.found.append(Node(name=name, op="linear", inputs=producers, fields=fields))
        self.made_by[node] = ()

    def _function(self, node: fx.Node) -> None:
        target = node.target
        if target in _SAME:
            self.made_by[node] = self._producers(node)[:1]
        elif target in _OPS and _is_tensor(node):
            self._operation(node, _OPS[target])
        elif not _is_tensor(node) or target in (getattr, operator.getitem):
            self.made_by[node] = ()
        else:
            raise InputError.at(node.name, f"no workload layer stands for {target}")

    def _operation(self, node: fx.Node, op: str) -> None:
        fields: dict[str, Any] = {}
        shape = _shape(node.all_input_nodes[0])
        if op == "resize":
            fields = {"out_size": list(_shape(node)[2:])}
        elif op == "global":
            op, fields = _global_pool(shape, _shape(node))
        elif op == "pool":
            op, fields = _functional_pool(node, shape)
        elif op == "pad":
            self._channels_of_zeros(node, shape)
            return
        self._add(node, f"{_scope(node)}{op}", op, fields)

    def _channels_of_zeros(self, node: fx.Node, shape: Shape) -> None:
        """A workload has no constant tensors: channels of zeros, as many as those beside them or
        a multiple, are read from where these are, which moves the same bytes."""
        padded = _shape(node)
        if len(shape) != 4 or padded[2:] != shape[2:] or padded[1] % shape[1]:
            raise InputError.at(node.name, f"padding {shape[1:]} to {padded[1:]}: only channels, "
                                           "to a multiple of their number")  # fmt: skip
        self._add(node, f"{_scope(node)}concat", "concat", {})
        made = self.found[-1]
        self.found[-1] = replace(made, inputs=made.inputs * (padded[1] // shape[1]))

    def _add(self, node: fx.Node, name: str, op: str, fields: dict[str, Any]) -> None:
        taken = {made.name for made in self.found}
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f"{name}{count}"
        self.found.append(Node(name=unique, op=op, inputs=self._producers(node, op), fields=fields))
        self.made_by[node] = (unique,)

    def _producers(self, node: fx.Node, op: str = "") -> tuple[str, ...]:
        sources = node.all_input_nodes
        if op == "resize":  # its size may have been computed from another tensor
            sources = sources[:1]
        return tuple(name for source in sources for name in self.made_by.get(source, ()))


def _scope(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = next(reversed(stack.values()))[0] if stack else ""
    return f"{path}." if path else ""


def _is_tensor(node: fx.Node) -> bool:
    return hasattr(node.meta.get("tensor_meta"), "shape")


def _shape(node: fx.Node) -> Shape:
    return tuple(node.meta["tensor_meta"].shape)


def _pair(value: Any) -> list[int]:
    return list(value) if isinstance(value, (tuple, list)) else [int(value)] * 2


def _conv(module: nn.Module, shape: Shape) -> Fields:
    assert isinstance(module, nn.Conv2d)
    if isinstance(module.padding, str):
        raise InputError.at("conv", f"padding {module.padding!r}: give it as numbers")
    return "conv", {
        "in_channels": module.in_channels,
        "out_channels": module.out_channels,
        "in_size": list(shape[2:]),
        "kernel": _pair(module.kernel_size),
        "stride": _pair(module.stride),
        "padding": list(getattr(module, "pads", _pair(module.padding))),
        "dilation": _pair(module.dilation),
        "groups": module.groups,
    }


def _linear(module: nn.Module, shape: Shape) -> Fields:
    assert isinstance(module, nn.Linear)
    fields = {"in_channels": module.in_features, "out_channels": module.out_features}
    if len(shape) == 3:  # (1, T, C): the weights are shared over T steps
        fields["positions"] = shape[1]
    return "linear", fields


def _pool(module: nn.Module, shape: Shape) -> Fields:
    assert isinstance(module, (nn.MaxPool2d, nn.AvgPool2d))
    kind = "max" if isinstance(module, nn.MaxPool2d) else "avg"
    kernel, stride = _pair(module.kernel_size), _pair(module.stride or module.kernel_size)
    padding = _pair(module.padding)
    if module.ceil_mode:
        more = [
            _beyond(shape[2 + axis], kernel[axis], stride[axis], padding[axis]) for axis in (0, 1)
        ]
        if any(more):
            padding += [pad + beyond for pad, beyond in zip(padding, more, strict=True)]
    return "pool", {
        **_source(shape), "kind": kind, "kernel": kernel, "stride": stride, "padding": padding,
    }  # fmt: skip


def _beyond(size: int, kernel: int, stride: int, padding: int) -> int:
    """Rows of padding more at the end that make the floored size torch's rounded-up one, whose last
    window begins in the plane or in the padding before it."""
    steps = -(-(size + 2 * padding - kernel) // stride)
    if steps * stride >= size + padding:
        steps -= 1
    return max(0, steps * stride + kernel - size - 2 * padding)


def _functional_pool(node: fx.Node, shape: Shape) -> Fields:
    kernel = node.args[1] if len(node.args) > 1 else node.kwargs["kernel_size"]
    stride = node.args[2] if len(node.args) > 2 else node.kwargs.get("stride") or kernel
    padding = node.args[3] if len(node.args) > 3 else node.kwargs.get("padding", 0)
    kind = "max" if node.target is F.max_pool2d else "avg"
    return "pool", {
        **_source(shape), "kind": kind, "kernel": _pair(kernel), "stride": _pair(stride),
        "padding": _pair(padding),
    }  # fmt: skip


def _adaptive(module: nn.Module, shape: Shape) -> Fields:
    assert isinstance(module, nn.AdaptiveAvgPool2d)
    size = _pair(module.output_size)
    return _global_pool(shape, (*shape[:2], *size))


def _global_pool(shape: Shape, out: Shape) -> Fields:
    if out[2:] == (1, 1):
        return "pool", {**_source(shape), "kind": "avg", "global": True}
    if any(size % wanted for size, wanted in zip(shape[2:], out[2:], strict=True)):
        raise InputError.at("pool", f"{shape[2:]} does not divide into {out[2:]} equal windows")
    kernel = [size // wanted for size, wanted in zip(shape[2:], out[2:], strict=True)]
    return "pool", {**_source(shape), "kind": "avg", "kernel": kernel, "stride": kernel}


def _source(shape: Shape) -> dict[str, Any]:
    return {"in_channels": shape[1], "in_size": list(shape[2:])}


_MODULES: dict[Any, Callable[[nn.Module, Shape], Fields]] = {
    nn.Conv2d: _conv, nn.Linear: _linear, nn.MaxPool2d: _pool, nn.AvgPool2d: _pool,
    nn.AdaptiveAvgPool2d: _adaptive,
}  # fmt: skip
