"""The shapes of one layer: what follows from its keys and its producers, and whether they agree."""

from dataclasses import dataclass
from math import prod
from typing import Any

from archsim.formats.workload_records import Combine, Conv, LayerRecord, Linear, Pool, Resize
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.layer import Layer

MAX_ELEMENTS = 2**31


@dataclass(frozen=True)
class Value:
    """What a layer gives: (channels, height, width), at each of `positions` steps."""

    channels: int
    size: Pair
    positions: int = 1

    @property
    def elements(self) -> int:
        return self.channels * prod(self.size) * self.positions

    def __str__(self) -> str:
        steps = f" at {self.positions} positions" if self.positions > 1 else ""
        return f"({self.channels}, {self.size[0]}, {self.size[1]}){steps}"


class Contradiction(Exception):
    """A layer that does not fit its producers; `key` is the one that says so."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def resolved(record: LayerRecord, operands: list[Value]) -> Layer:
    """The layer that `record` describes when its producers give `operands`.

    Raises:
        Contradiction: the keys do not agree with each other or with the producers.
    """
    layer = _layer(record, operands)
    _bounded(layer)
    return layer


def _layer(record: LayerRecord, operands: list[Value]) -> Layer:
    fields: dict[str, Any] = {
        "name": record.name,
        "op": record.op,
        "inputs": record.inputs,
        "seed": record.seed,
        "operands": tuple(value.elements for value in operands),
    }
    match record:
        case Conv():
            return Layer(**fields, **_conv(record, operands), profile=record.profile)
        case Linear():
            return Layer(**fields, **_linear(record, operands), profile=record.profile)
        case Combine():
            return Layer(**fields, **_combine(record, operands))
        case Pool() | Resize():
            return Layer(**fields, **_plane_op(record, operands))


def _conv(record: Conv, operands: list[Value]) -> dict[str, Any]:
    if operands:
        _agree(record, operands[0])
    for key in ("in_channels", "out_channels"):
        channels = getattr(record, key)
        if channels % record.groups:
            raise Contradiction("groups", f"{record.groups} groups do not divide {channels} {key}")
    geometry = Geometry(
        kernel=record.kernel, stride=record.stride, padding=_four(record.padding),
        dilation=record.dilation, groups=record.groups,
    )  # fmt: skip
    return {
        "in_channels": record.in_channels, "out_channels": record.out_channels,
        "in_size": record.in_size, "out_size": _outputs(geometry, record.in_size), **vars(geometry),
    }  # fmt: skip


def _linear(record: Linear, operands: list[Value]) -> dict[str, Any]:
    for value in operands:
        if record.in_channels * record.positions != value.elements:
            steps = f" at {record.positions} positions" if record.positions > 1 else ""
            raise Contradiction(
                "in_channels",
                f"in_channels is {record.in_channels}{steps}, and {record.inputs[0]!r} gives "
                f"{value} = {value.elements} values",
            )
    return {
        "in_channels": record.in_channels,
        "out_channels": record.out_channels,
        "positions": record.positions,
    }


def _plane_op(record: Pool | Resize, operands: list[Value]) -> dict[str, Any]:
    if operands:
        value = operands[0]
        _agree(record, value)
    elif record.in_channels is None or record.in_size is None:
        key = "in_size" if record.in_size is None else "in_channels"
        raise Contradiction("inputs", f"is fed from outside, so it needs the key {key!r}")
    else:
        value = Value(record.in_channels, record.in_size)
    _same_channels(record, value.channels)
    derived: dict[str, Any] = {"in_channels": value.channels, "out_channels": value.channels}
    derived["in_size"] = value.size
    if isinstance(record, Resize):
        return {**derived, "out_size": record.out_size}
    kernel, padding = record.kernel or value.size, _four(record.padding)
    geometry = Geometry(kernel=kernel, stride=record.stride, padding=padding)
    return {**derived, "out_size": _outputs(geometry, value.size), **vars(geometry)}


def _combine(record: Combine, operands: list[Value]) -> dict[str, Any]:
    largest = max(operands, key=lambda value: value.elements)
    for name, value in zip(record.inputs, operands, strict=True):
        if value == largest:
            continue
        fits = False
        if record.op == "mul":
            fits = value == Value(largest.channels, (1, 1)) and largest.positions == 1
        elif record.op == "concat":
            fits = (value.size, value.positions) == (largest.size, largest.positions)
        if not fits:
            other = record.inputs[operands.index(largest)]
            raise Contradiction(
                "inputs", f"{record.op} of {name!r} {value} and {other!r} {largest} does not fit"
            )
    channels = largest.channels
    if record.op == "concat":
        channels = sum(value.channels for value in operands)
    _agree(record, Value(channels, largest.size))
    _same_channels(record, channels)
    return {
        "in_channels": channels, "out_channels": channels, "in_size": largest.size,
        "out_size": largest.size, "positions": largest.positions,
    }  # fmt: skip


def _agree(record: Conv | Pool | Resize | Combine, value: Value) -> None:
    """in_channels and in_size, where given, are those that arrive."""
    who = " and ".join(map(repr, record.inputs[:2]))
    verb = "gives" if len(record.inputs) == 1 else "give"
    if value.positions > 1:
        raise Contradiction("inputs", f"{who} {verb} {value}, and {record.op} takes a single plane")
    if record.in_channels not in {None, value.channels}:
        raise Contradiction(
            "in_channels", f"in_channels is {record.in_channels}, and {who} {verb} {value.channels}"
        )
    if record.in_size not in {None, value.size}:
        raise Contradiction(
            "in_size",
            f"in_size is {list(record.in_size or ())}, and {who} {verb} {list(value.size)}",
        )


def _same_channels(record: Pool | Resize | Combine, channels: int) -> None:
    if record.out_channels not in {None, channels}:
        raise Contradiction(
            "out_channels", f"out_channels is {record.out_channels}; {record.op} gives {channels}"
        )


def _outputs(geometry: Geometry, in_size: Pair) -> Pair:
    """Output size; contradiction where the window does not fit once."""
    try:
        return geometry.out_size(in_size)
    except ValueError as error:
        raise Contradiction("kernel", str(error)) from error


def _four(padding: tuple[int, ...]) -> tuple[int, int, int, int]:
    top, left = padding[:2]
    return (top, left, top, left) if len(padding) == 2 else (top, left, padding[2], padding[3])


def _bounded(layer: Layer) -> None:
    counts = {
        "input": layer.input_elements,
        "output": layer.output_elements,
        "weight": layer.weight_elements,
    }
    for what, count in counts.items():
        if count > MAX_ELEMENTS:
            raise Contradiction(
                "name", f"its {what} would have {count:,} elements; at most {MAX_ELEMENTS:,}"
            )
