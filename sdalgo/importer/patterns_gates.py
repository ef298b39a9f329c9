"""GELU, SiLU and hard-swish written out."""

from __future__ import annotations

from math import isclose, pi, prod, sqrt

from sdalgo.importer.trace import Step, Value
from sdalgo.importer.walk import Match, Walk, is_number, number, pair_of


def gelu(step: Step) -> Match | None:
    """x * 0.5 * (1 + erf(x / sqrt 2)) or the tanh form, its factors in any order."""
    walk = Walk()
    factors = _factors(step, walk)
    halves = [number(v) for v in factors if not v.is_map]
    maps = [v for v in factors if v.is_map]
    half = prod(h for h in halves if h is not None)
    if len(maps) != 2 or None in halves or not isclose(half, 0.5, rel_tol=1e-3):
        return None
    for x, gate in (maps, maps[::-1]):
        inner = Walk(*walk.steps)
        added = inner.by(gate, "Add")
        pair = pair_of(added) if added is not None else None
        if pair is None or not is_number(pair[1], 1):
            continue
        curve = inner.by(pair[0], "Erf", "Tanh")
        source = inner.passed(x)
        if curve is None or source is None:
            continue
        of = _scaled if curve.what == "Erf" else _cubic
        if of(curve.given[0], source, inner):
            return Match(source=source, op="gelu", steps=inner.frozen())
    return None


def _factors(step: Step, walk: Walk, depth: int = 3) -> list[Value]:
    """Factors of a product; products that nothing else reads are taken apart, Div by a constant
    is left to its reader."""
    walk.steps.add(step)
    found: list[Value] = []
    for value in step.given:
        if value is None:
            continue
        inner = walk.passed(value)
        made = inner.step if inner is not None and inner.is_map else None
        if made is not None and made.what == "Mul" and depth and len(made.out.readers) == 1:
            found += _factors(made, walk, depth - 1)
        elif inner is not None:
            found.append(inner)
    return found


def _scaled(value: Value | None, source: Value, walk: Walk) -> bool:
    """Whether a value is x / sqrt 2."""
    step = walk.by(value, "Div", "Mul")
    pair = pair_of(step) if step is not None else None
    if step is None or pair is None or walk.passed(pair[0]) is not source:
        return False
    return is_number(pair[1], sqrt(2) if step.what == "Div" else sqrt(0.5))


def _cubic(value: Value | None, source: Value, walk: Walk) -> bool:
    """Whether a value is sqrt(2 / pi) * (x + 0.044715 x^3), in one of its orders."""
    step = walk.by(value, "Mul")
    if step is None:
        return False
    pair = pair_of(step)
    if pair is None or not is_number(pair[1], sqrt(2 / pi)):
        return False
    added = walk.by(pair[0], "Add")
    if added is None:
        return False
    sides = [walk.passed(v) for v in added.given]
    for one, other in (sides, sides[::-1]):
        if one is source:
            term = walk.by(other, "Mul")
            if term is not None:
                return _is_cube(_factors(term, walk), source, walk)
    return False


def _is_cube(factors: list[Value], source: Value, walk: Walk) -> bool:
    power, constant = 0.0, 1.0
    for value in factors:
        if value is source:
            power += 1
        elif value.is_map:
            raised = walk.by(value, "Pow")
            exponent = number(raised.given[1]) if raised is not None else None
            if raised is None or exponent is None or walk.passed(raised.given[0]) is not source:
                return False
            power += exponent
        else:
            constant *= number(value) or 0
    return power == 3 and isclose(constant, 0.044715, rel_tol=1e-3)


def gated(step: Step) -> Match | None:
    """x * sigmoid(x), x * hard_sigmoid(x), and x * clip(x + 3, 0, 6) / 6 in any order."""
    walk = Walk()
    factors = _factors(step, walk) if step.what == "Mul" else []
    scale = 1.0
    if step.what == "Div":
        pair = pair_of(step)
        inner = walk.by(pair[0], "Mul") if pair is not None and step.given[0] is pair[0] else None
        if pair is None or inner is None or number(pair[1]) is None:
            return None
        walk.steps.add(step)
        factors, scale = _factors(inner, walk), 1 / (number(pair[1]) or 1)
    maps = [v for v in factors if v.is_map]
    for v in factors:
        scale *= 1 if v.is_map else number(v) or 0
    if len(maps) != 2:
        return None
    for x, gate in (maps, maps[::-1]):
        inner_walk = Walk(*walk.steps)
        op = _gate(gate, x, scale, inner_walk)
        if op:
            return Match(source=x, op=op, steps=inner_walk.frozen())
    return None


def _gate(gate: Value, x: Value, scale: float, walk: Walk) -> str:
    """The op of x * gate * scale; "" for none."""
    step = walk.by(gate, "Sigmoid", "HardSigmoid", "Clip", "Div", "Mul")
    if step is None:
        return ""
    if step.what == "Sigmoid":
        return "silu" if isclose(scale, 1) and _of(step.given[0], x, walk) else ""
    if step.what == "HardSigmoid":
        slope, shift = step.attrs.get("alpha", 0.2), step.attrs.get("beta", 0.5)
        usual = isclose(slope, 1 / 6, rel_tol=1e-3) and isclose(shift, 0.5) and isclose(scale, 1)
        return "hardswish" if usual and walk.passed(step.given[0]) is x else ""
    if step.what in ("Div", "Mul"):
        pair = pair_of(step)
        factor = number(pair[1]) if pair is not None else None
        if pair is None or not factor:
            return ""
        scale *= 1 / factor if step.what == "Div" else factor
        step = walk.by(pair[0], "Clip")
    usual = step is not None and step.what == "Clip" and isclose(scale, 1 / 6, rel_tol=1e-3)
    return "hardswish" if step is not None and usual and _clipped(step, x, walk) else ""


def _of(value: Value | None, x: Value, walk: Walk) -> bool:
    """Whether a value is x, or x times a number, as in QuickGELU's x * sigmoid(1.702 x)."""
    source = walk.passed(value)
    if source is x:
        return True
    scaled = walk.by(source, "Mul")
    pair = pair_of(scaled) if scaled is not None else None
    return pair is not None and number(pair[1]) is not None and walk.passed(pair[0]) is x


def _clipped(step: Step, x: Value, walk: Walk) -> bool:
    """Whether a Clip is of x + 3 to 0..6."""
    if not (number(step.value(1)) == 0 and number(step.value(2)) == 6):
        return False
    added = walk.by(step.given[0], "Add")
    pair = pair_of(added) if added is not None else None
    return pair is not None and is_number(pair[1], 3) and walk.passed(pair[0]) is x
