"""What a layer gives, and what operands of one layer give together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from archsim.formats.workload_records import AXES, Axis, Cache, Reshape, Slice
from archsim.workload.convolution import Pair


@dataclass(frozen=True)
class Value:
    """What a layer gives: (channels, height, width), at each of `positions` steps. T tokens are a
    plane of 1 x T."""

    channels: int
    size: Pair
    positions: int = 1

    @property
    def elements(self) -> int:
        return self.channels * prod(self.size) * self.positions

    def __str__(self) -> str:
        steps = f" at {self.positions} positions" if self.positions > 1 else ""
        return f"({self.channels}, {self.size[0]}, {self.size[1]}){steps}"

    def along(self, axis: Axis) -> int:
        """How long the value is along an axis."""
        return (self.channels, *self.size)[AXES.index(axis)]

    def cut(self, axis: Axis, length: int) -> "Value":
        """The value with another length along an axis."""
        if axis == "channels":
            return replace(self, channels=length)
        rows, columns = self.size
        return replace(self, size=(length, columns) if axis == "rows" else (rows, length))


class Contradiction(Exception):
    """A layer that does not fit its producers; `key` is the one that says so."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def fitting(op: str, names: Sequence[str], operands: Sequence[Value]) -> Value:
    """What element-wise arithmetic gives: each dimension of an operand is that of the result, or 1,
    and then the one value serves all of it.

    Raises:
        Contradiction: an operand does not fit the largest one.
    """
    made = Value(
        max(value.channels for value in operands),
        (max(value.size[0] for value in operands), max(value.size[1] for value in operands)),
        max(value.positions for value in operands),
    )
    whole = (made.channels, *made.size, made.positions)
    for name, value in zip(names, operands, strict=True):
        own = (value.channels, *value.size, value.positions)
        if any(length not in {1, wanted} for length, wanted in zip(own, whole, strict=True)):
            largest = max(operands, key=lambda each: each.elements)
            _refuse(op, (name, value), (names[operands.index(largest)], largest))
    return made


def joined(axis: Axis, names: Sequence[str], operands: Sequence[Value]) -> Value:
    """What a concatenation gives.

    Raises:
        Contradiction: an operand differs from the largest along another axis.
    """
    largest = max(operands, key=lambda value: value.elements)
    for name, value in zip(names, operands, strict=True):
        if value.cut(axis, 1) != largest.cut(axis, 1):
            _refuse("concat", (name, value), (names[operands.index(largest)], largest))
    return largest.cut(axis, sum(value.along(axis) for value in operands))


def _refuse(op: str, one: tuple[str, Value], other: tuple[str, Value]) -> None:
    raise Contradiction(
        "inputs", f"{op} of {one[0]!r} {one[1]} and {other[0]!r} {other[1]} does not fit"
    )


def viewed(record: Reshape | Slice | Cache, value: Value) -> Value:
    """What another reading of a value gives.

    Raises:
        Contradiction: the value has not so many elements, or ends before the slice does.
    """
    if isinstance(record, Cache):
        if value.size[0] != 1 or value.positions > 1:
            raise Contradiction("inputs", f"{record.inputs[0]!r} gives {value}, not (C, 1, tokens)")
        return value.cut("columns", value.size[1] + record.length)
    if isinstance(record, Reshape):
        made = Value(record.out_channels, record.out_size)
        if made.elements != value.elements:
            raise Contradiction(
                "out_size",
                f"{made} has {made.elements} values, and {record.inputs[0]!r} gives {value} = "
                f"{value.elements}",
            )
        return made
    axis: Axis = next(axis for axis in AXES if getattr(record, axis) is not None)
    start, stop = getattr(record, axis)
    if stop > value.along(axis):
        raise Contradiction(axis, f"ends at {stop}, and {record.inputs[0]!r} gives {value}")
    return value.cut(axis, stop - start)
