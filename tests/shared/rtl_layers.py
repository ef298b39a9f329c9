"""Seeded small layers for the Verilog: every kind, with dead rows, zero inputs and narrow tiles."""

import numpy as np
from small_layers import Arrays, conv, decomposition, linear

import archsim
from archsim.analysis.cosim import compare, layer_cases, testbench
from archsim.analysis.cosim.timeline import timeline
from archsim.machines.smartdeal import rule
from archsim.machines.smartdeal.parts import parts_of

KINDS = ("spatial", "pointwise", "depthwise", "linear", "raw")


def machine(**keys):
    """SmartDeal with one slice of four lines unless told otherwise."""
    usual = {"pe_slices.slices": 1, "pe_slices.streams": 1, "pe_slices.lines": 4}
    given = {key.replace("__", "."): value for key, value in keys.items()}
    return parts_of(archsim.load_arch("smartdeal", usual | given))


def shape(kind, rng, stride, small=False):
    """A layer of the kind whose last tiles are narrow."""
    wide, high = int(rng.integers(5, 22)), int(rng.integers(3, 7))
    channels, filters = int(rng.integers(1, 12)), int(rng.integers(1, 3))
    if small:
        wide, high, channels = 3 + wide // 3, 2, 1 + channels // 2
    if kind == "linear":
        return linear(int(rng.integers(1, 40)), int(rng.integers(1, 8)), int(rng.integers(1, 5)))
    if kind == "pointwise":
        return conv(channels, filters, (high, wide), (1, 1), stride=(stride, stride))
    kernel = int(rng.choice([3, 3, 3, 3, 3, 5, 5, 7])) if kind == "raw" else 3
    pad, size = kernel // 2, (max(high, kernel), max(wide, kernel))
    keys = {"stride": (stride, stride), "padding": (pad,) * 4}
    if kind == "depthwise":
        channels = min(max(2, channels), 5)
        return conv(channels, channels, size, (3, 3), groups=channels, **keys)
    if kind == "spatial" and rng.random() < 0.4:
        keys |= {"dilation": (1, 2), "padding": (pad, 2 * pad, pad, 2 * pad)}
    return conv(min(channels, 3), filters, size, (kernel, kernel), **keys)


def arrays(layer, rng, raw, signed):
    """Inputs with zero segments, and weights with dead rows and filters."""
    low, high = (-128, 128) if signed else (0, 256)
    inputs = rng.integers(low, high, layer.input_shape())
    inputs[rng.random(inputs.shape) > rng.choice([0.1, 0.4, 0.9])] = 0
    if layer.op == "conv":
        inputs[rng.random(layer.in_channels) < 0.2] = 0
    found = {"input": inputs.astype(np.int8 if signed else np.uint8)}
    alive = rng.choice([0.3, 0.7, 1.0])
    if raw:
        weight = rng.integers(-128, 128, layer.weight_shape())
        weight[rng.random(weight.shape[:2]) > alive] = 0
        return found | {"weight": weight.astype(np.int8)}
    rows = layer.coef_shape()[:-1]
    nonzeros = rng.integers(1, 4, rows) * (rng.random(rows) < alive)
    slices = int(rng.integers(1, 1 + min(4, int(np.prod(rows[1:])))))
    made = decomposition(layer, nonzeros, rng, slices)
    # Scales of slices differ, as those of decompose() do.
    made["basis_scale"] = (2.0 ** rng.uniform(-2, 2, made["basis_scale"].shape)).astype(np.float32)
    return found | made


def layers(kind, seed, tiles, small=False):
    """(layer, tensors) until their tiles are so many: stride 1 and 2, signed and unsigned."""
    rng, made, place = np.random.default_rng(seed), 0, 0
    while made < tiles:
        layer = shape(kind, rng, 1 + place % 2, small)
        tensors = Arrays(layer, **arrays(layer, rng, kind == "raw", signed=place % 4 < 2))
        place += 1
        made += tiles_of(layer)
        yield layer, tensors


def tiles_of(layer):
    """Tiles of one output-channel group on a slice of eight multipliers and four lines."""
    high, wide = layer.out_size
    if layer.kind == "linear":
        return layer.positions
    if layer.kernel == (1, 1):
        return -(-high * wide // 8)
    return high * -(-wide // 8)


def cases_of(made, parts):
    """Cases of layers, and the waits that each has."""
    cases, waits = [], []
    for layer, tensors in made:
        found = layer_cases.whole(layer, tensors, parts)
        cases += found
        waits += [rule.array_of(parts, layer).waits] * len(found)
    return cases, waits


def compared(cases, waits, parts, folder, sources=None):
    """Every difference between Verilog and model."""
    logs = testbench.run_slice(cases, parts, folder, sources)
    return [
        text
        for case, log, wait in zip(cases, logs, waits, strict=True)
        for text in compare.differences(case, log, timeline(case, wait))
    ]
