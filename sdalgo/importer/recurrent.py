"""LSTM, GRU and RNN, step by step (https://onnx.ai/onnx/operators/onnx__LSTM.html).

What flows into the two products of each direction is kept: the inputs of the layers that they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Compute, Given, Kind, optional

QUANTISED = "com.microsoft.DynamicQuantizeLSTM"
"""An LSTM of onnxruntime whose weights are whole numbers. It also rounds its inputs, by a scale
that it finds at each step, which is not done here."""
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_DEFAULT = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}
_ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One direction of a recurrent operator.

    Attributes:
        weight: (gates * H, C) of the inputs; `back` is (gates * H, H) of the state.
        bias: (2, gates * H), of inputs and of the state.
        peephole: (3 * H) of an LSTM.
        state: h and c, (N, H) each, before the first step.
        functions: names of activations.
    """

    weight: Tensor
    back: Tensor
    bias: Tensor
    peephole: Tensor | None
    state: tuple[Tensor, Tensor]
    functions: list[str]
    linear_before_reset: bool
    reverse: bool


def plain(kind: str, given: Given) -> tuple[str, Given]:
    """The operator and inputs of which another is a form: an LSTM of stored whole numbers."""
    if kind != QUANTISED:
        return kind, given
    weight = _real(given[1], given[8], optional(given, 9))
    back = _real(given[2], given[10], optional(given, 11))
    return "LSTM", [given[0], weight, back, *given[3:8]]


def _real(numbers: Tensor, scale: Tensor, zero: Tensor | None) -> Tensor:
    """(directions, C, gates) of whole numbers as (directions, gates, C)."""
    sizes = (len(numbers), 1, -1)
    shifted = numbers.float() - (0 if zero is None else zero.float().reshape(sizes))
    return (shifted * scale.reshape(sizes)).transpose(1, 2)


def directions(given: Given, attrs: Attributes, kind: str) -> list[Direction]:
    """The one or two directions of an operator, shapes checked by what computes them."""
    weight, back, gates = given[1], given[2], GATES[kind]
    which = attrs.get("direction", "forward")
    count = 2 if which == "bidirectional" else 1
    hidden = back.shape[2]
    batch = given[0].shape[0 if attrs.get("layout", 0) else 1]
    bias, peephole = optional(given, 3), optional(given, 7)
    if bias is None:
        bias = torch.zeros(count, 2 * gates * hidden)
    names = [name.lower() for name in attrs.get("activations", _DEFAULT[kind] * count)]
    each = len(_DEFAULT[kind])
    states = [_state(optional(given, i), attrs, (count, batch, hidden)) for i in (5, 6)]
    return [
        Direction(
            weight=weight[d], back=back[d], bias=bias[d].reshape(2, -1),
            peephole=None if peephole is None else peephole[d],
            state=(states[0][d], states[1][d]), functions=names[d * each : (d + 1) * each],
            linear_before_reset=bool(attrs.get("linear_before_reset", 0)),
            reverse=which == "reverse" or d == 1,
        )
        for d in range(count)
    ]  # fmt: skip


def _state(value: Tensor | None, attrs: Attributes, shape: tuple[int, ...]) -> Tensor:
    if value is None:
        return torch.zeros(shape)
    return value.transpose(0, 1) if attrs.get("layout", 0) else value


def run(kind: str, x: Tensor, d: Direction) -> tuple[Tensor, Tensor, Tensor]:
    """States after each step (T, N, H), those before it, and the last c.

    Args:
        x: (T, N, C), in the order of time.
    """
    step = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}[kind]
    h, c = d.state
    before, after = [], []
    order = range(len(x) - 1, -1, -1) if d.reverse else range(len(x))
    from_input = x @ d.weight.T + d.bias[0]
    for t in order:
        before.append(h)
        h, c = step(from_input[t], h, c, d)
        after.append(h)
    if d.reverse:
        before, after = before[::-1], after[::-1]
    empty = x.new_zeros(0, *h.shape)
    return (torch.stack(after) if after else empty), (torch.stack(before) if before else empty), c


def _lstm(given: Tensor, h: Tensor, c: Tensor, d: Direction) -> tuple[Tensor, Tensor]:
    f, g, last = (_ACTIVATIONS[name] for name in d.functions)
    i, o, forget, new = (given + h @ d.back.T + d.bias[1]).chunk(4, 1)
    if d.peephole is not None:
        pi, po, pf = d.peephole.chunk(3)
        i, forget = i + pi * c, forget + pf * c
        c = f(forget) * c + f(i) * g(new)
        return f(o + po * c) * last(c), c
    c = f(forget) * c + f(i) * g(new)
    return f(o) * last(c), c


def _gru(given: Tensor, h: Tensor, c: Tensor, d: Direction) -> tuple[Tensor, Tensor]:
    f, g = (_ACTIVATIONS[name] for name in d.functions)
    size = h.shape[1]
    z, r = (
        (given[:, : 2 * size] + h @ d.back[: 2 * size].T + d.bias[1, : 2 * size])
        .sigmoid()
        .chunk(2, 1)
        if f is torch.sigmoid
        else f(given[:, : 2 * size] + h @ d.back[: 2 * size].T + d.bias[1, : 2 * size]).chunk(2, 1)
    )
    back, shift = d.back[2 * size :].T, d.bias[1, 2 * size :]
    state = r * (h @ back + shift) if d.linear_before_reset else (r * h) @ back + shift
    new = g(given[:, 2 * size :] + state)
    return (1 - z) * new + z * h, c


def _rnn(given: Tensor, h: Tensor, c: Tensor, d: Direction) -> tuple[Tensor, Tensor]:
    return _ACTIVATIONS[d.functions[0]](given + h @ d.back.T + d.bias[1]), c


def steps_first(x: Tensor, attrs: Attributes) -> Tensor:
    """(T, N, C) of the operator's input."""
    return x.transpose(0, 1) if attrs.get("layout", 0) else x


def _compute(kind: str) -> Compute:
    def compute(given: Given, attrs: Attributes) -> list[Tensor]:
        name, given = plain(kind, given)
        lengths, x = optional(given, 4), steps_first(given[0], attrs)
        if lengths is not None and bool((lengths != len(x)).any()):
            raise ValueError("sequences of several lengths are not read")
        every = directions(given, attrs, name)
        unknown = [n for d in every for n in d.functions if n not in _ACTIVATIONS]
        if unknown:
            raise ValueError(f"activation {unknown[0]} is not read")
        runs = [run(name, x, d) for d in every]
        out = torch.stack([after for after, _, _ in runs], 1)
        last = torch.stack(
            [after[0 if d.reverse else -1] for (after, _, _), d in zip(runs, every, strict=True)]
        )
        cells = torch.stack([c for _, _, c in runs])
        if attrs.get("layout", 0):
            out, last, cells = out.permute(2, 0, 1, 3), last.transpose(0, 1), cells.transpose(0, 1)
        return [out, last, cells]

    return compute


_READS = ("hidden_size", "activations", "layout", "linear_before_reset")
KINDS: dict[str, Kind] = {
    name: Kind(
        rule="recurrent", inputs=(11, 12) if name == QUANTISED else (3, 8), reads=_READS,
        compute=_compute(name),
        only={"direction": ("forward", "reverse", "bidirectional"), "input_forget": 0},
    )
    for name in (*GATES, QUANTISED)
}  # fmt: skip
