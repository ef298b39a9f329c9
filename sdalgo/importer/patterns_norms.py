"""LayerNorm and RMSNorm written out."""

from __future__ import annotations

from math import prod

from sdalgo.importer.reducing import reduced_axes
from sdalgo.importer.trace import Step, Value
from sdalgo.importer.walk import Match, Walk, is_number, number, pair_of


def _square(value: Value | None, walk: Walk) -> Value | None:
    """x of Pow(x, 2) or Mul(x, x)."""
    step = walk.by(value, "Pow", "Mul")
    if step is None:
        return None
    if step.what == "Pow":
        return walk.passed(step.given[0]) if is_number(step.given[1], 2) else None
    return walk.passed(step.given[0]) if step.given[0] is step.given[1] else None


def _trailing_row(step: Step) -> int:
    """How many elements a mean over the last axes takes together; 0 for other axes."""
    shape = step.maps[0].shape
    axes = reduced_axes(step.tensors(), step.attrs, len(shape))
    return prod(shape[a] for a in axes) if axes and step.attrs.get("keepdims", 1) else 0


def _normalised(value: Value | None, walk: Walk) -> tuple[Value, Value, int] | None:
    """(what is divided, what its mean square is of, row) of d / sqrt(mean(d^2) + epsilon)."""
    step = walk.by(value, "Div", "Mul")
    if step is None or len(step.given) != 2:
        return None
    pairs = [(step.given[0], step.given[1])]
    if step.what == "Mul":
        pairs.append((step.given[1], step.given[0]))
    for above, below in pairs:
        inner = Walk()
        root = below
        if step.what == "Mul":
            inverse = inner.by(below, "Reciprocal", "Div", "Pow")
            if inverse is None:
                continue
            if inverse.what == "Pow" and is_number(inverse.given[1], -0.5):
                found = _mean_square(inverse.given[0], inner)
                if found and above is not None:
                    walk.steps |= inner.steps
                    return above, *found
                continue
            if inverse.what == "Div" and not is_number(inverse.given[0], 1):
                continue
            root = inverse.given[-1]
        rooted = inner.by(root, "Sqrt", "Pow")
        if rooted is None or (rooted.what == "Pow" and not is_number(rooted.given[1], 0.5)):
            continue
        found = _mean_square(rooted.given[0], inner)
        if found and above is not None:
            walk.steps |= inner.steps
            return above, *found
    return None


def _mean_square(value: Value | None, walk: Walk) -> tuple[Value, int] | None:
    """(x, row) of mean(x^2), an epsilon added or not."""
    added = walk.by(value, "Add")
    if added is not None:
        pair = pair_of(added)
        if pair is None or number(pair[1]) is None:
            return None
        value = pair[0]
    mean = walk.by(value, "ReduceMean")
    if mean is None:
        return None
    row = _trailing_row(mean)
    squared = _square(mean.given[0], walk)
    return (squared, row) if squared is not None and row else None


def _centred(value: Value | None, walk: Walk) -> tuple[Value, Step] | None:
    """(x, its mean) of x - mean(x)."""
    step = walk.by(value, "Sub")
    if step is None or len(step.given) != 2:
        return None
    x, mean = walk.passed(step.given[0]), walk.by(step.given[1], "ReduceMean")
    if mean is None or x is None or walk.passed(mean.given[0]) is not x:
        return None
    return x, mean


def norm(step: Step) -> Match | None:
    """LayerNorm or RMSNorm written out, with or without scale and shift."""
    value: Value | None = step.out
    walk = Walk()
    for kind in ("Add", "Mul"):
        trial = Walk(*walk.steps)
        affine = trial.by(value, kind)
        pair = pair_of(affine) if affine is not None else None
        if pair is not None and _along_row(pair[1], pair[0]):
            walk, value = trial, pair[0]
    found = _normalised(value, walk)
    if found is None:
        return None
    above, below, row = found
    divided = walk.passed(above)
    if divided is below:
        centred = _centred(below, walk)
        if centred is not None and _trailing_row(centred[1]) == row:
            return Match(source=centred[0], op="layernorm", steps=walk.frozen(), row=row)
        trial = Walk()
        return Match(source=below, op="rmsnorm", steps=walk.frozen(), row=row)
    one, two = _centred(divided, walk), _centred(below, walk)
    if one is not None and two is not None and one[0] is two[0]:
        return Match(source=one[0], op="layernorm", steps=walk.frozen(), row=row)
    return None


def _along_row(constant: Value, map_: Value) -> bool:
    """A scale or shift is broadcast to the map, not the map to it."""
    return len(constant.shape) <= len(map_.shape) and prod(constant.shape) <= prod(map_.shape)
