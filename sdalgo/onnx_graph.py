"""ONNX files: their weights and their graph, as the layers of a workload.

The file is run once with torch, operator by operator, on a given image. That run gives every shape
and every layer's real input, so nothing is inferred and no ONNX runtime is needed.
"""

from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError, Problem
from sdalgo.graph import Node
from sdalgo.importer.operations import Operation
from sdalgo.onnx_layers import ROLES, Made, Step, Value, fold
from sdalgo.onnx_network import read_network
from sdalgo.onnx_ops import OPERATORS, problems
from sdalgo.onnx_sizes import CountedValues
from sdalgo.pow2 import Float32

Shape = tuple[int, ...]
_UNBOUNDED = {"Clip", "Max", "Min"}  # infinity is a legal bound


class OnnxModel:
    """A model read from a file.

    Args:
        size: (H, W) or (C, H, W) where the file leaves them open.

    Attributes:
        batch: samples for which the file is made, 0 where it leaves them open.
        weights: of its convolutions and linear layers, by layer name, in our layouts.
        inputs: what these read in the run.
        layers: all layers in the order in which they run.
    """

    def __init__(self, path: Path, size: Shape | None = None) -> None:
        self.path, self.network = path, read_network(path)
        self.nodes = self.network.operations
        if len(self.network.inputs) != 1:
            count = len(self.network.inputs)
            raise InputError.at(path, f"{count} inputs; a network with one is needed")
        (given,) = self.network.inputs
        if given.dtype != "float32":
            what = given.dtype
            raise InputError.at(path, f"input {given.name} is of type {what}, not floating point")
        self.input, self.output = given.name, self.network.outputs[0]
        whole = [size if isinstance(size, int) else 0 for size in given.shape]
        self.batch = whole[0] if whole else 0
        names = tuple(str(size) for size in given.shape[1:])
        self.stored_shape = self._filled(tuple(whole[1:]), names, size)
        self.weights: dict[str, Float32] = {}
        self.inputs: dict[str, NDArray[np.float32]] = {}
        self.layers: list[Node] = []
        self._values: dict[str, Value] = {}
        self._shapes: dict[str, Shape] = {}

    @property
    def shape(self) -> Shape:
        """(C, H, W), also where the file has channels last."""
        return _channels_first(self.stored_shape)

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one image (C, H, W); fills `layers`, `weights` and `inputs`.

        Returns:
            The first output.

        Raises:
            InputError: something of an operator is not known here, or has no place in a workload;
                a value is NaN or infinite.
        """
        self._check_known()
        if self.shape != self.stored_shape:
            image = image.transpose(1, 2, 0)
        batch = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]
        self._values = {name: Value(tensor=value) for name, value in self.network.constants.items()}
        self._values[self.input] = Value(tensor=batch, source="")
        counted = CountedValues(self.path)
        with torch.inference_mode(), counted:
            for node in self.nodes:
                self._step(node)
                counted.keep(self._values[node.outputs[0]].tensor)
        if self.output not in self._values:
            raise InputError.at(self.path, f"its output {self.output} is given by no operator")
        return self._values[self.output].tensor.numpy()

    def _step(self, node: Operation) -> None:
        place, name = f"{self.path}: {node.name}", node.name
        operator = OPERATORS[node.kind]
        missing = [key for key in node.inputs if key and key not in self._values]
        if missing:
            raise InputError.at(place, f"reads {missing[0]}, which is not imported")
        given = [self._values[key] if key else None for key in node.inputs]
        attrs = dict(node.attrs)
        if node.kind == "Reshape" and given[0] and given[0].source is not None:
            attrs["batch"] = self.batch
        step = Step(kind=node.kind, operator=operator, attrs=attrs, given=given)
        self._check_constants(step, node, place)
        try:
            made = ROLES[operator.role](step) if step.maps else fold(step)
            source = made.value.source if made.op is None else self._layer(name, made)
        except InputError:
            raise
        except (
            RuntimeError, LookupError, TypeError, ValueError, AssertionError, ArithmeticError
        ) as error:  # fmt: skip
            reason = str(error).split("\n")[0]
            raise InputError.at(place, f"{reason:.300}" or node.kind) from error
        value = made.value
        if source is not None:
            _check_finite(value.tensor, place, "its output")
        self._values[node.outputs[0]] = Value(tensor=value.tensor, source=source, pads=value.pads)

    def _layer(self, name: str, made: Made) -> str:
        """Note the layer that a node is; returns its name."""
        for value in made.reads:
            self._check_laid_out(made, value)
        inputs = tuple(value.source for value in made.reads if value.source)
        assert made.op is not None
        self.layers.append(Node(name=name, op=made.op, inputs=inputs, fields=made.fields))
        out = made.value.tensor
        if made.op == "linear":
            steps = made.fields.get("positions", 1)
            self._shapes[name] = (made.fields["out_channels"], 1, 1, steps)
        else:
            self._shapes[name] = self._combined(made) or _layout(out)
        if prod(self._shapes[name]) != out.numel():
            raise ValueError(f"gives {tuple(out.shape)}, and a workload's {made.op} "
                             f"{self._shapes[name]}")  # fmt: skip
        if made.weight is not None and made.input is not None:
            self.weights[name] = made.weight.numpy().astype(np.float32)
            self.inputs[name] = made.input.numpy()
        return name

    def _check_laid_out(self, made: Made, value: Value) -> None:
        """A layer must read a map in the layout in which it was made, or as one row of values."""
        x = value.bare
        if not value.source:
            if made.op != "linear" and (x.ndim != 4 or x.shape[0] != 1):
                raise ValueError(f"reads the input as {tuple(x.shape)}; (1, C, H, W) is needed")
            return
        shape = self._shapes[value.source]
        if made.op == "linear":
            fits = x.numel() == prod(shape)
        elif made.op == "concat" and x.ndim == 2:
            fits = x.numel() == prod(shape) and shape[3] == 1
        else:
            fits = _layout(x) == shape
        if not fits:
            raise ValueError(
                f"reads {value.source} as {tuple(x.shape)}, and it gives {shape[:3]}"
                + (f" at {shape[3]} positions" if shape[3] > 1 else "")
                + "; a workload says no such change of shape"
            )

    def _combined(self, made: Made) -> Shape | None:
        """(C, H, W, positions) of an addition, product or concatenation; None for other layers."""
        if made.op not in ("add", "mul", "concat"):
            return None
        shapes = [self._shapes[value.source or ""] for value in made.reads]
        largest = max(shapes, key=prod)
        channels = sum(shape[0] for shape in shapes) if made.op == "concat" else largest[0]
        for shape in shapes:
            gate = made.op == "mul" and shape == (largest[0], 1, 1, 1) and largest[3] == 1
            joined = made.op == "concat" and shape[1:] == largest[1:]
            if not (shape == largest or gate or joined):
                raise ValueError(f"{made.op} of {shape} and {largest}: a workload has none")
        return (channels, *largest[1:])

    def _check_known(self) -> None:
        """Everything that is not understood is said at once, each kind of it for its first node."""
        found: dict[str, Problem] = {}
        for node in self.nodes:
            for problem in problems(node, f"{self.path}: {node.name}"):
                found.setdefault(problem.message, problem)
        for name, said in self.network.faults:
            found[name] = Problem(f"{self.path}: {name}", said)
        if found:
            raise InputError(found.values())

    def _check_constants(self, step: Step, node: Operation, place: str) -> None:
        if step.kind in _UNBOUNDED or not step.maps:
            return
        for key, value in zip(node.inputs, step.given, strict=True):
            if value is not None and value.source is None:
                _check_finite(value.tensor, place, key)

    def _filled(self, sizes: Shape, names: tuple[str, ...], size: Shape | None) -> Shape:
        """The input's sizes, open ones as they are asked for."""
        if size is None:
            if 0 in sizes or not sizes:
                raise InputError.at(
                    self.path, f"input {self.input} has no fixed size ({', '.join(names)}); "
                    "give one: --size 224x224"
                )  # fmt: skip
            return sizes
        last = len(sizes) == 3 and _channels_first(sizes) != sizes
        wanted: Shape = (
            size if len(size) == 3 else (sizes[2 if last else 0], *size) if sizes else ()
        )
        wanted = (*wanted[1:], wanted[0]) if last else wanted
        clash = any(one not in (0, two) for one, two in zip(sizes, wanted, strict=False))
        if len(sizes) != 3 or clash or 0 in wanted:
            raise InputError.at(
                self.path, f"input {self.input} is [N, {', '.join(_words(sizes, names))}], "
                f"which --size {'x'.join(map(str, size))} does not fit"
            )  # fmt: skip
        return wanted


def _words(sizes: Shape, names: tuple[str, ...]) -> list[str]:
    return [str(size or name) for size, name in zip(sizes, names, strict=True)]


def _channels_first(sizes: Shape) -> Shape:
    if len(sizes) == 3 and sizes[2] in (1, 3) and sizes[0] not in (1, 3):
        return (sizes[2], sizes[0], sizes[1])
    return sizes


def _layout(x: Tensor) -> Shape:
    """(C, H, W, positions) as a workload reads a tensor; its own shape where it is none."""
    match tuple(x.shape):
        case (1, channels, rows, columns):
            return (channels, rows, columns, 1)
        case (1, positions, channels):
            return (channels, 1, 1, positions)
        case (1, channels):
            return (channels, 1, 1, 1)
    return tuple(x.shape)


def _check_finite(x: Tensor, place: str, what: str) -> None:
    if x.is_floating_point() and not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).sum())
        raise InputError.at(place, f"{what}: {bad} of {x.numel()} values are NaN or infinite")
