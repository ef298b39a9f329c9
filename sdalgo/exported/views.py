"""Rules of what moves elements and computes none: shapes, order, parts, joining."""

from __future__ import annotations

import math
from typing import Any

import torch

from sdalgo.exported.rule import Arguments, Rule
from sdalgo.exported.writer import Writer, rank_of, shape_of

_END = 2**31 - 1


def _reshape(writer: Writer, given: Arguments) -> str:
    return writer.emit("Reshape", given["self"], writer.whole(shape_of(writer.node)))


def _permute(writer: Writer, given: Arguments) -> str:
    rank = rank_of(given["self"])
    return writer.emit("Transpose", given["self"], perm=[d % rank for d in given["dims"]])


def _unsqueeze(writer: Writer, given: Arguments) -> str:
    axis = int(given["dim"]) % rank_of(writer.node)
    return writer.emit("Unsqueeze", given["self"], writer.whole([axis]))


def _squeeze(writer: Writer, given: Arguments) -> str:
    shape = shape_of(given["self"])
    wanted = given.get("dim")
    axes = range(len(shape)) if wanted is None else [wanted] if isinstance(wanted, int) else wanted
    gone = [axis % len(shape) for axis in axes if shape[axis] == 1]
    if not gone:
        return writer.value(given["self"])
    return writer.emit("Squeeze", given["self"], writer.whole(gone))


def _expand(writer: Writer, given: Arguments) -> str:
    if shape_of(writer.node) == shape_of(given["self"]):
        return writer.value(given["self"])
    return writer.emit("Expand", given["self"], writer.whole(shape_of(writer.node)))


def _repeat(writer: Writer, given: Arguments) -> str:
    counts = [int(count) for count in given["repeats"]]
    shape = shape_of(given["self"])
    source: Any = given["self"]
    if len(counts) > len(shape):
        wide = [1] * (len(counts) - len(shape)) + list(shape)
        source = writer.emit("Reshape", source, writer.whole(wide))
    return writer.emit("Tile", source, writer.whole(counts))


def _cat(writer: Writer, given: Arguments) -> str:
    # torch lets a list of no elements, of any rank, be joined to anything.
    parts = [part for part in given["tensors"] if math.prod(shape_of(part))]
    return writer.emit("Concat", *parts, axis=int(given["dim"]) % rank_of(writer.node))


def _stack(writer: Writer, given: Arguments) -> str:
    axis = int(given["dim"]) % rank_of(writer.node)
    apart = [writer.emit("Unsqueeze", part, writer.whole([axis])) for part in given["tensors"]]
    return writer.emit("Concat", *apart, axis=axis)


def _split(writer: Writer, given: Arguments) -> tuple[str, ...]:
    axis = int(given["dim"]) % rank_of(given["self"])
    sizes = [int(part.shape[axis]) for part in writer.node.meta["val"]]
    if len(sizes) == 1:
        return (writer.value(given["self"]),)
    return writer.emit_parts(
        "Split", given["self"], writer.whole(sizes), axis=axis, parts=len(sizes)
    )


def _unbind(writer: Writer, given: Arguments) -> tuple[str, ...]:
    axis = int(given["dim"]) % rank_of(given["self"])
    return tuple(_at(writer, given["self"], axis, i) for i in range(len(writer.node.meta["val"])))


def _at(writer: Writer, of: Any, axis: int, index: int) -> str:
    return writer.emit("Gather", of, writer.constant(index, torch.int64), axis=axis)


def _select(writer: Writer, given: Arguments) -> str:
    shape = shape_of(given["self"])
    axis = int(given["dim"]) % len(shape)
    return _at(writer, given["self"], axis, int(given["index"]) % shape[axis])


def _slice(writer: Writer, given: Arguments) -> str:
    axis = int(given["dim"]) % rank_of(writer.node)
    if shape_of(writer.node) == shape_of(given["self"]) and given["step"] == 1:
        return writer.value(given["self"])
    start = 0 if given["start"] is None else int(given["start"])
    end = _END if given["end"] is None else min(int(given["end"]), _END)
    bounds = (writer.whole([number]) for number in (start, end, axis, int(given["step"])))
    return writer.emit("Slice", given["self"], *bounds)


def _index(writer: Writer, given: Arguments) -> str:
    """x[:, indices]: one axis, by whole numbers."""
    named = [(axis, at) for axis, at in enumerate(given["indices"]) if at is not None]
    if len(named) != 1 or named[0][1].meta["val"].dtype == torch.bool:
        raise ValueError("an index of several axes, or by a mask, is not read")
    axis, at = named[0]
    return writer.emit("Gather", given["self"], at, axis=axis)


def _index_select(writer: Writer, given: Arguments) -> str:
    axis = int(given["dim"]) % rank_of(writer.node)
    return writer.emit("Gather", given["self"], given["index"], axis=axis)


def _gather(writer: Writer, given: Arguments) -> str:
    axis = int(given["dim"]) % rank_of(writer.node)
    return writer.emit("GatherElements", given["self"], given["index"], axis=axis)


def _roll(writer: Writer, given: Arguments) -> str:
    """Two parts of an axis, the other way round."""
    found: Any = given["self"]
    if not given["dims"]:
        raise ValueError("a roll over all axes at once is not read")
    for shift, dim in zip(given["shifts"], given["dims"], strict=True):
        axis = int(dim) % rank_of(writer.node)
        size = shape_of(writer.node)[axis]
        cut = -int(shift) % size
        if cut:
            parts = [
                writer.emit("Slice", found, *(writer.whole([n]) for n in (start, end, axis, 1)))
                for start, end in ((cut, size), (0, cut))
            ]
            found = writer.emit("Concat", *parts, axis=axis)
    return writer.value(found)


def _pixel_shuffle(writer: Writer, given: Arguments) -> str:
    factor = int(given["upscale_factor"])
    return writer.emit("DepthToSpace", given["self"], blocksize=factor, mode="CRD")


RULES: dict[str, Rule] = {
    "view": _reshape, "reshape": _reshape, "_unsafe_view": _reshape, "permute": _permute,
    "unsqueeze": _unsqueeze, "squeeze": _squeeze, "expand": _expand, "repeat": _repeat, "cat": _cat,
    "stack": _stack, "split": _split, "split_with_sizes": _split, "unbind": _unbind,
    "select": _select, "slice": _slice, "index": _index, "index_select": _index_select,
    "gather": _gather, "roll": _roll, "pixel_shuffle": _pixel_shuffle,
}  # fmt: skip
