"""The shapes of one layer: what follows from its keys and its producers, and whether they agree."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from archsim.formats.workload_records import (
    Activate,
    Combine,
    Concat,
    Conv,
    Deconv,
    Elementwise,
    Embedding,
    LayerRecord,
    Linear,
    Matmul,
    Normalise,
    Pool,
    Reshape,
    Resize,
    Slice,
)
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.layer import Layer
from archsim.workload.transposed import Shuffled, lowered
from archsim.workload.values import Contradiction, Value, fitting, joined, viewed

MAX_ELEMENTS = 2**31
_Joined: TypeAlias = Combine | Concat | Elementwise
_Fields: TypeAlias = Callable[[Any, list[Value]], dict[str, Any]]
_FromOne: TypeAlias = Pool | Resize | Normalise | Activate


def resolved(record: LayerRecord, operands: list[Value]) -> tuple[Layer, Value]:
    """The layer that `record` describes when its producers give `operands`, and what it gives.

    Raises:
        Contradiction: the keys do not agree with each other or with the producers.
    """
    fields: dict[str, Any] = {
        "name": record.name,
        "op": record.op,
        "inputs": record.inputs,
        "seed": record.seed,
        "operands": tuple(value.elements for value in operands),
    }
    profile = getattr(record, "profile", None)
    own_fields: _Fields = _MULTIPLIED.get(type(record), _off_array)
    layer = Layer(**fields | own_fields(record, operands), profile=profile)
    _bounded(layer)
    if isinstance(record, Deconv):
        value = _shuffled(record)
        return replace(layer, kept=value.elements), value
    return layer, Value(layer.out_channels, layer.out_size, layer.positions)


def _off_array(record: LayerRecord, operands: list[Value]) -> dict[str, Any]:
    """The fields of a layer of the post-processor that its op decides."""
    match record:
        case Combine() | Concat() | Elementwise():
            return _combine(record, operands)
        case Embedding():
            return _plane(Value(record.out_channels, (1, record.tokens)))
        case Reshape() | Slice():
            made = viewed(record, operands[0])
            return {**_plane(made), "operands": (made.elements,)}
        case Pool() | Resize():
            return _plane_op(record, operands)
        case Normalise() | Activate():
            return _of_one(record, operands)
    raise AssertionError(record.op)


def _of_one(record: Normalise | Activate, operands: list[Value]) -> dict[str, Any]:
    value = _source(record, operands)
    if operands:
        _agree(record, Value(value.channels, value.size))
    _same_channels(record, value.channels)
    row = getattr(record, "row", None) or value.channels
    if value.elements % row:
        raise Contradiction("row", f"rows of {row} do not divide {value}")
    return {**_plane(value), "row": row}


def _plane(value: Value) -> dict[str, Any]:
    """The fields of a layer that gives what it is given."""
    return {
        "in_channels": value.channels, "out_channels": value.channels, "in_size": value.size,
        "out_size": value.size, "positions": value.positions,
    }  # fmt: skip


def _conv(record: Conv, operands: list[Value]) -> dict[str, Any]:
    if operands:
        _agree(record, operands[0])
    _check_groups(record)
    geometry = Geometry(
        kernel=record.kernel, stride=record.stride, padding=_four(record.padding),
        dilation=record.dilation, groups=record.groups,
    )  # fmt: skip
    return {
        "in_channels": record.in_channels, "out_channels": record.out_channels,
        "in_size": record.in_size, "out_size": _outputs(geometry, record.in_size), **vars(geometry),
    }  # fmt: skip


def _check_groups(record: Conv | Deconv) -> None:
    for key in ("in_channels", "out_channels"):
        channels = getattr(record, key)
        if channels % record.groups:
            raise Contradiction("groups", f"{record.groups} groups do not divide {channels} {key}")


def _deconv(record: Deconv, operands: list[Value]) -> dict[str, Any]:
    """The convolution that a transposed one is run as."""
    if operands:
        _agree(record, operands[0])
    _check_groups(record)
    geometry, filters = lowered(record.kernel, record.stride, _four(record.padding))
    if record.dilation != (1, 1):
        raise Contradiction("dilation", "a deconv is not dilated")
    geometry = replace(geometry, groups=record.groups)
    return {
        "op": "conv", "in_channels": record.in_channels,
        "out_channels": record.out_channels * filters, "in_size": record.in_size,
        "out_size": _outputs(geometry, record.in_size), **vars(geometry),
    }  # fmt: skip


def _shuffled(record: Deconv) -> Value:
    """What a transposed convolution gives of what its sub-kernels do."""
    shuffled = Shuffled(record.kernel, record.stride, _four(record.padding), record.output_padding)
    size = shuffled.size(record.in_size)
    if min(size) < 1:
        raise Contradiction("padding", f"leaves an output of {list(size)}")
    return Value(record.out_channels, size)


def _linear(record: Linear, operands: list[Value]) -> dict[str, Any]:
    count = record.tokens or record.positions
    for value in operands:
        if record.in_channels * count != value.elements:
            what = "tokens" if record.tokens else "positions"
            steps = f" at {count} {what}" if count > 1 else ""
            raise Contradiction(
                "in_channels",
                f"in_channels is {record.in_channels}{steps}, and {record.inputs[0]!r} gives "
                f"{value} = {value.elements} values",
            )
    if record.tokens is not None:
        plane = (1, record.tokens)
        return {
            "op": "conv", "in_channels": record.in_channels, "out_channels": record.out_channels,
            "in_size": plane, "out_size": plane,
        }  # fmt: skip
    return {
        "in_channels": record.in_channels,
        "out_channels": record.out_channels,
        "positions": record.positions,
    }


def _matmul(record: Matmul, operands: list[Value]) -> dict[str, Any]:
    groups = record.kv_heads or record.heads
    sizes = {
        "rows": record.heads * record.rows * record.inner,
        "columns": groups * record.inner * record.columns,
    }
    for name, value, (key, wanted) in zip(record.inputs, operands, sizes.items(), strict=False):
        if value.elements != wanted:
            raise Contradiction(
                key,
                f"the operand {name!r} gives {value} = {value.elements} values, and heads, rows, "
                f"inner and columns ask for {wanted}",
            )
    plane = (1, record.rows * record.heads // groups)
    return {
        "in_channels": groups * record.inner, "out_channels": groups * record.columns,
        "in_size": plane, "out_size": plane, "groups": groups, "heads": record.heads,
        "causal": record.causal,
    }  # fmt: skip


def _source(record: _FromOne | _Joined, operands: list[Value]) -> Value:
    """What arrives, or what the keys say where that comes from outside."""
    if operands:
        return operands[0]
    if record.in_channels is None or record.in_size is None:
        key = "in_size" if record.in_size is None else "in_channels"
        raise Contradiction("inputs", f"is fed from outside, so it needs the key {key!r}")
    return Value(record.in_channels, record.in_size)


def _plane_op(record: Pool | Resize, operands: list[Value]) -> dict[str, Any]:
    value = _source(record, operands)
    if operands:
        _agree(record, value)
    _same_channels(record, value.channels)
    derived: dict[str, Any] = {"in_channels": value.channels, "out_channels": value.channels}
    derived["in_size"] = value.size
    if isinstance(record, Resize):
        return {**derived, "out_size": record.out_size}
    kernel, padding = record.kernel or value.size, _four(record.padding)
    geometry = Geometry(kernel=kernel, stride=record.stride, padding=padding)
    return {**derived, "out_size": _outputs(geometry, value.size), **vars(geometry)}


def _combine(record: _Joined, operands: list[Value]) -> dict[str, Any]:
    if not operands:
        return _plane(_source(record, operands))
    if isinstance(record, Concat):
        made = joined(record.axis, record.inputs, operands)
    else:
        made = fitting(record.op, record.inputs, operands)
    if record.in_channels is not None or record.in_size is not None:
        _agree(record, Value(made.channels, made.size))
    _same_channels(record, made.channels)
    return _plane(made)


def _agree(record: Conv | Deconv | _FromOne | _Joined, value: Value) -> None:
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


def _same_channels(record: _FromOne | _Joined, channels: int) -> None:
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


_MULTIPLIED: dict[type[LayerRecord], _Fields] = {
    Conv: _conv, Deconv: _deconv, Linear: _linear, Matmul: _matmul,
}  # fmt: skip
