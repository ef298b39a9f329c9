"""Running a network operator by operator in float32, on one thread.

The run gives every shape and every layer's real input, so nothing is inferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from archsim.formats.errors import InputError, Problem
from sdalgo.importer.counted import CountedValues
from sdalgo.importer.expansions import expanded
from sdalgo.importer.kinds import problems
from sdalgo.importer.known import KINDS
from sdalgo.importer.operations import Network, Operation
from sdalgo.importer.trace import Origin, Step, Trace, Value
from sdalgo.one_thread import one_thread

ARRAYS = {"conv", "deconv", "matmul", "gemm", "einsum", "recurrent", "qconv", "qmatmul"}
"""Rules whose layers have tensors of their own."""
_UNBOUNDED = {"Clip", "Max", "Min", "Where", "Add", "Sub", "Pad"}
"""Infinity is a legal bound, mask or fill."""
_BRANCHES = ("then_branch", "else_branch")
_FAULTS = (
    RuntimeError, LookupError, TypeError, ValueError, AssertionError, ArithmeticError,
    AttributeError,
)  # fmt: skip
_CONTROL = {"Loop", "Scan", "SequenceMap"}
Values = dict[str, Value]


def check_known(network: Network) -> None:
    """Say everything that is not understood at once, each kind of it for its first operator."""
    found: dict[str, Problem] = {}
    for place, said in network.faults:
        found.setdefault(f"{place} {said}", Problem(f"{network.label}: {place}", said))
    for operation in _every(network):
        place = f"{network.label}: {operation.name}"
        if operation.kind in _CONTROL:
            said = f"{operation.kind}: a network whose steps depend on its values is not read"
            found.setdefault(operation.kind, Problem(place, said))
        elif operation.kind != "If":
            for problem in problems(operation, KINDS, place):
                found.setdefault(problem.message, problem)
    if found:
        raise InputError(found.values())


def _every(network: Network) -> Iterator[Operation]:
    """Operators whose branches are not chosen yet are asked for when one is taken."""
    yield from network.operations


def execute(network: Network, feeds: Mapping[str, Tensor], given: frozenset[str]) -> Trace:
    """Run a network.

    Args:
        feeds: every input by name.
        given: inputs that are masks, positions or identifiers: what comes of them alone is
            computed before the network runs, as constants are.

    Raises:
        InputError: an operator is not known or fails; a value is NaN or infinite.
    """
    check_known(network)
    with one_thread(), torch.inference_mode(), CountedValues(network.label) as counted:
        return _Run(network, counted).whole(feeds, given)


class _Run:
    def __init__(self, network: Network, counted: CountedValues) -> None:
        self.network, self.counted = network, counted
        self.steps: list[Step] = []
        self.batch = 0

    def whole(self, feeds: Mapping[str, Tensor], given: frozenset[str]) -> Trace:
        values: Values = {}
        for each in self.network.inputs:
            x = feeds[each.name]
            check_finite(x, self.network.label, f"input {each.name}")
            origin = Origin.GIVEN if each.name in given else Origin.MAP
            values[each.name] = _value(each.name, x, origin)
            size = each.shape[0] if each.shape else 0
            if isinstance(size, int) and size > 1 and x.shape[:1] == (1,):
                self.batch = size
        self._graph(self.network, values)
        missing = [name for name in self.network.outputs if name not in values]
        if missing:
            where = self.network.label
            raise InputError.at(where, f"its output {missing[0]} is given by no operator")
        outputs = [values[name] for name in self.network.outputs]
        return Trace(steps=self.steps, outputs=outputs, label=self.network.label)

    def _graph(self, network: Network, values: Values) -> None:
        """Run a graph; `values` gets what it makes."""
        values |= {
            name: _value(name, tensor, Origin.CONSTANT)
            for name, tensor in network.constants.items()
        }
        last = {name: i for i, one in enumerate(network.operations) for name in read_by(one)}
        top = network is self.network
        for index, operation in enumerate(network.operations):
            if operation.kind == "If":
                self._branch(operation, values)
            else:
                self._step(operation, values)
            for name in read_by(operation) | set(operation.outputs):
                if top and last.get(name, -1) <= index and name not in network.outputs:
                    self._free(values.get(name))

    def _free(self, value: Value | None) -> None:
        if value is None or not value.is_map or value.tensor is None or value.final:
            return
        if not any(value.tensor is kept for step in value.readers for kept in step.kept.values()):
            self.counted.release(value.tensor)
        value.tensor = None

    def _branch(self, operation: Operation, values: Values) -> None:
        place = f"{self.network.label}: {operation.name}"
        condition = values.get(operation.inputs[0]) if operation.inputs else None
        if condition is None or condition.is_map:
            raise InputError.at(place, "If: its condition depends on what the network computes")
        taken = operation.attrs.get(_BRANCHES[0 if bool(condition.known) else 1])
        if not isinstance(taken, Network):
            raise InputError.at(place, "If: it lacks a branch")
        check_known(taken)
        inner = dict(values)
        self._graph(taken, inner)
        for outer, name in zip(operation.outputs, taken.outputs, strict=False):
            if name not in inner:
                raise InputError.at(place, f"its output {name} is given by no operator")
            values[outer] = inner[name]

    def _step(self, operation: Operation, values: Values) -> None:
        place = f"{self.network.label}: {operation.name}"
        missing = [key for key in operation.inputs if key and key not in values]
        if missing:
            raise InputError.at(place, f"reads {missing[0]}, which is not imported")
        try:
            several = expanded(operation, values)
        except _FAULTS as error:
            raise _fault(error, place, operation) from error
        if several is not None:
            values |= {
                name: _value(name, tensor, Origin.CONSTANT)
                for name, tensor in several.constants.items()
            }
            for each in several.operations:
                self._step(each, values)
            return
        step = Step(
            operation=operation, kind=KINDS[operation.kind], attrs=dict(operation.attrs),
            given=[values[key] if key else None for key in operation.inputs],
        )  # fmt: skip
        if operation.kind == "Split":
            step.attrs["outputs"] = len(operation.outputs)
        if operation.kind == "Reshape" and step.maps:
            step.attrs["batch"] = self.batch
        self._check_constants(step, place)
        try:
            made = step.kind.compute(step.known(), step.attrs)
        except InputError:
            raise
        except _FAULTS as error:
            raise _fault(error, place, operation) from error
        self._keep(step, [made] if isinstance(made, Tensor) else list(made), values)

    def _keep(self, step: Step, tensors: list[Tensor | None], values: Values) -> None:
        """Note what an operator has made, and what of its inputs its layer will need."""
        operation = step.operation
        origin = _origin(step)
        for index, name in enumerate(operation.outputs):
            tensor = tensors[index] if index < len(tensors) else None
            if not name or tensor is None:
                step.made.append(None)
                continue
            kind = Origin.GIVEN if step.kind.rule == "dynamic" and index else origin
            if kind is Origin.MAP:
                self._check_map(step, tensor)
            value = _value(name, tensor, kind)
            value.step, value.final = step, name in self.network.outputs
            values[name] = value
            step.made.append(value)
            self.counted.keep(tensor)
        if origin is Origin.MAP and step.kind.rule in ARRAYS:
            step.kept = {
                i: v.known
                for i, v in enumerate(step.given)
                if v is not None and v.origin is not Origin.CONSTANT
            }
        for value in filter(None, step.given):
            value.readers.append(step)
        self.steps.append(step)

    def _check_map(self, step: Step, tensor: Tensor) -> None:
        """A map is finite; what a mask took to minus infinity may wait for its softmax."""
        if not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()):
            return
        masked = any(
            v is not None and v.known.is_floating_point() and bool(torch.isneginf(v.known).any())
            for v in step.given
        )
        odd = ~torch.isfinite(tensor)
        if masked and step.kind.rule not in ARRAYS:
            odd &= ~torch.isneginf(tensor)
        if bad := int(odd.sum()):
            raise InputError.at(
                f"{self.network.label}: {step.name}",
                f"its output: {bad} of {tensor.numel()} values are NaN or infinite",
            )

    def _check_constants(self, step: Step, place: str) -> None:
        if not step.maps or step.what in _UNBOUNDED:
            return
        for key, value in zip(step.operation.inputs, step.given, strict=True):
            if value is not None and not value.is_map:
                check_finite(value.known, place, key)


def _fault(error: Exception, place: str, operation: Operation) -> InputError:
    reason = str(error).split("\n")[0]
    return InputError.at(place, f"{reason:.300}" or operation.kind)


def read_by(operation: Operation) -> set[str]:
    """Names that an operator reads, those of its branches included."""
    found = {name for name in operation.inputs if name}
    for key in _BRANCHES:
        branch = operation.attrs.get(key)
        if isinstance(branch, Network):
            found |= {name for inner in branch.operations for name in read_by(inner)}
            found |= set(branch.outputs)
    return found


def _value(name: str, tensor: Tensor, origin: Origin) -> Value:
    return Value(
        name=name, shape=tuple(tensor.shape), dtype=tensor.dtype, origin=origin, tensor=tensor
    )


def _origin(step: Step) -> Origin:
    """Where the outputs of an operator come from."""
    if step.kind.rule == "shape":
        return Origin.CONSTANT
    if step.maps:
        return Origin.MAP
    if all(v is None or v.origin is Origin.CONSTANT for v in step.given):
        return Origin.CONSTANT
    if step.kind.rule == "gather":
        table, index = step.given[0], step.given[1]
        assert table is not None
        assert index is not None
        if index.origin is Origin.GIVEN and table.dtype.is_floating_point and len(table.shape) == 2:
            return Origin.MAP  # a table of vectors, read by what is given
    if step.kind.rule in ARRAYS:
        return Origin.GIVEN if _outer(step) else Origin.MAP
    return Origin.GIVEN


def _outer(step: Step) -> bool:
    """A product over one element, as of positions and frequencies, is no work for an array."""
    first = step.given[0]
    return step.what == "MatMul" and first is not None and first.shape[-1:] == (1,)


def check_finite(x: Tensor, place: object, what: str) -> None:
    """Raise an InputError naming `place` where a value is NaN or infinite."""
    if x.is_floating_point() and not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).sum())
        raise InputError.at(place, f"{what}: {bad} of {x.numel()} values are NaN or infinite")
