"""Inputs of the modules, cycle by cycle, from the 1x1 layers of a built workload: its activations,
weights and codes in the order in which each machine takes them.

1x1 layers are most of MobileNetV2's multiplications, and their order needs no window.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.formats.rebuilt import EngineOperands, engine_operands, integer_weights
from archsim.formats.slices import rows_per_slice
from archsim.formats.tensor_file import TensorFile

Ints = NDArray[np.int64]
LANES = 16
TRIPLE = 3


@dataclass(frozen=True)
class Stream:
    """One word of `ports` per cycle, in hex; `actions` are what they make the module do."""

    ports: Mapping[str, int]
    words: list[str]
    actions: int


@dataclass(frozen=True)
class Sample:
    """A filter at a pixel of a 1x1 layer: activations (C,), weights (C,), and what the engine is
    given: codes (U, 3), and per row a basis (U, 3, 3) and an offset (U,)."""

    activations: Ints
    weights: Ints
    codes: Ints
    basis: Ints
    offset: Ints
    rebuilt: Ints


def samples(tensors: Path, count: int, seed: int = 0) -> list[Sample]:
    """Filters and pixels drawn evenly over the 1x1 layers of the file."""
    rng = np.random.default_rng(seed)
    file = TensorFile(tensors)
    weights = [name for name in file.entries if name.endswith("/weight")]
    layers = [
        name.removesuffix("/weight") for name in weights if file.read(name).shape[2:] == (1, 1)
    ]
    return [_sample(file, layers[i * len(layers) // count], rng) for i in range(count)]


def _sample(file: TensorFile, layer: str, rng: np.random.Generator) -> Sample:
    parts = ("input", "weight", "coef", "basis", "basis_scale")
    inputs, weight, coef, basis, scale = (file.read(f"{layer}/{part}") for part in parts)
    pixels = inputs.reshape(len(inputs), -1)
    activations = pixels[:, int(rng.integers(pixels.shape[1]))]
    filter_ = int(rng.choice(np.flatnonzero(coef.any(axis=(1, 2)))))
    own = slice(filter_, filter_ + 1)
    engine = engine_operands(coef[own], basis[own], scale[own])
    return _rows(activations, weight[filter_].reshape(-1), coef[own], engine)


def _rows(
    activations: Ints, weights: Ints, coef: NDArray[np.int8], engine: EngineOperands
) -> Sample:
    rows, slices = coef.shape[1], engine.basis.shape[1]
    own = np.arange(rows) // rows_per_slice(rows, slices)
    return Sample(
        activations=activations.astype(np.int64),
        weights=weights.astype(np.int64),
        codes=coef[0].astype(np.int64),
        basis=engine.basis[0, own].astype(np.int64),
        offset=engine.offset[0, own].astype(np.int64),
        rebuilt=integer_weights(coef, engine)[0],
    )


def _word(ports: Mapping[str, int], values: Mapping[str, int]) -> str:
    """Values of the ports named, zero of the others, as one number, the first port highest."""
    total = 0
    for name, bits in ports.items():
        total = total << bits | (int(values.get(name, 0)) & ((1 << bits) - 1))
    return f"{total:x}"


def _packed(values: Ints, bits: int) -> int:
    mask = (1 << bits) - 1
    return sum((int(value) & mask) << (i * bits) for i, value in enumerate(values))


def pairs(found: list[Sample], lanes: int = 1) -> Iterator[tuple[Ints, Ints, bool, bool]]:
    """Activations and weights of `lanes` channels at a time, padded with zeros; whether they are
    the first and the last of an output."""
    for one in found:
        steps = range(0, len(one.activations), lanes)
        for first in steps:
            both = [x[first : first + lanes] for x in (one.activations, one.weights)]
            activations, weights = (np.pad(x, (0, lanes - len(x))) for x in both)
            yield activations, weights, first == 0, first == steps[-1]


def multiplications(found: list[Sample]) -> Stream:
    """A multiplication in each cycle; a multiplier of sixteen has every sixteenth channel."""
    ports = {"a": 8, "b": 8}
    words = [
        _word(ports, {"a": a, "b": w})
        for one in found
        for lane in range(LANES)
        for a, w in zip(one.activations[lane::LANES], one.weights[lane::LANES], strict=True)
    ]
    return Stream(ports, words, len(words))


def additions(found: list[Sample]) -> Stream:
    """8-bit additions of the same operands."""
    stream = multiplications(found)
    return Stream({"a": 8, "b": 8}, stream.words, stream.actions)


def accumulations(found: list[Sample]) -> Stream:
    """24-bit additions of the sums of sixteen products, as an adder tree or an accumulator has."""
    ports = {"a": 24, "b": 24}
    words, total = [], 0
    for a, w, first, _ in pairs(found, LANES):
        total = 0 if first else total
        words.append(_word(ports, {"a": total, "b": int(a @ w)}))
        total += int(a @ w)
    return Stream(ports, words, len(words))


def digits(value: int) -> int:
    """Non-zero radix-4 Booth digits of an 8-bit number."""
    bits = (value & 0x1FF) << 1 | (value >> 8 & 1) << 10
    return sum((bits >> 2 * i & 7) not in {0, 7} for i in range(5))


def booth_steps(found: list[Sample], weight_bits: int) -> Stream:
    """A bit-serial MAC on live rows: weights of 8 bits as they were, or rebuilt ones of 17."""
    ports = {"wipe": 1, "enable": 1, "first": 1, "next": 1, "activation": 9, "weight": weight_bits}
    words = [_word(ports, {"wipe": 1, "first": 1})] * 2
    actions = 0
    for one in found:
        first = 1
        for row in np.flatnonzero(one.codes.any(axis=1)).tolist():
            for n in range(min(TRIPLE, len(one.activations) - TRIPLE * row)):
                activation = int(one.activations[TRIPLE * row + n])
                dense = one.weights[TRIPLE * row + n]
                weight = dense if weight_bits == 8 else one.rebuilt[row, n]
                steps = digits(activation)
                actions += steps
                for step in range(max(1, steps)):
                    values = {"activation": activation, "weight": weight, "enable": 1}
                    last = step + 1 >= steps
                    words.append(_word(ports, values | {"first": first, "next": last}))
                    first = 0
    return Stream(ports, words, actions)


def rebuilt_rows(found: list[Sample]) -> Stream:
    """A rebuild engine on live rows: a cycle to load each, and one for each of its codes. Actions
    are codes times columns."""
    ports = {"reset": 1, "load": 1, "load_basis": 1, "basis": 72, "offset": 10}
    ports |= {"raw": 1, "raw_weights": 24, "codes": 24, "need": 8}
    words = [_word(ports, {"reset": 1})] * 2
    actions = 0
    for one in found:
        before = None
        for row in np.flatnonzero(one.codes.any(axis=1)).tolist():
            basis = _packed(one.basis[row].reshape(-1), 8)
            values = {"basis": basis, "offset": one.offset[row], "need": 1}
            values["codes"] = _packed(one.codes[row], 8)
            words.append(_word(ports, values | {"load": 1, "load_basis": basis != before}))
            before = basis
            codes = int(np.count_nonzero(one.codes[row]))
            words += [_word(ports, values)] * codes
            actions += codes * TRIPLE
    return Stream(ports, words, actions)


def bit_steps(found: list[Sample], reach: int = 4) -> Stream:
    """A Bit-Pragmatic element; an action is a lane's term."""
    ports = {"reset": 1, "take": 1, "activations": 144, "working": 1, "weights": 128, "first": 1}
    words = [_word(ports, {"reset": 1})] * 2
    bricks = list(pairs(found, LANES))
    entering = [_packed(a, 9) for a, *_ in bricks]
    words.append(_word(ports, {"take": 1, "activations": entering[0]}))
    for i, (activations, weights, first, _) in enumerate(bricks):
        following = entering[min(i + 1, len(bricks) - 1)]
        cycles = brick_cycles([abs(int(a)) for a in activations], reach)
        for cycle in range(cycles):
            values = {"working": 1, "weights": _packed(weights, 8), "first": first}
            values |= {"activations": following, "take": cycle + 1 == cycles}
            words.append(_word(ports, values))
    terms = sum(abs(int(a)).bit_count() for activations, *_ in bricks for a in activations)
    return Stream(ports, words, terms)


def brick_cycles(left: list[int], reach: int) -> int:
    """Cycles of a brick of magnitudes whose lanes share a shifter."""
    cycles = 0
    while any(left):
        base = min(a & -a for a in left if a)
        left = [a & (a - 1) if a and (a & -a) < base << reach else a for a in left]
        cycles += 1
    return max(1, cycles)


def column_steps(found: list[Sample]) -> Stream:
    """DianNao's column; an action is a multiplication."""
    ports = {"reset": 1, "take": 1, "first": 1, "last": 1, "lanes": LANES}
    ports |= {"activations": 144, "weights": 128}
    words = [_word(ports, {"reset": 1})] * 2
    for a, w, first, last in pairs(found, LANES):
        values = {"take": 1, "first": first, "last": last, "lanes": (1 << LANES) - 1}
        words.append(
            _word(ports, values | {"activations": _packed(a, 9), "weights": _packed(w, 8)})
        )
    return Stream(ports, words, (len(words) - 2) * LANES)


def systolic_steps(found: list[Sample]) -> Stream:
    """An element of the systolic array; an action is a multiplication."""
    ports = {"reset": 1, "drain": 1, "left": 9, "above": 8, "sum_above": 24}
    words = [_word(ports, {"reset": 1})] * 2
    steps = 0
    for a, w, _, last in pairs(found):
        words.append(_word(ports, {"left": a[0], "above": w[0]}))
        words += [_word(ports, {"drain": 1})] * last
        steps += 1
    return Stream(ports, words, steps)
