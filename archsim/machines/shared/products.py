"""A product of two activations on any machine: head after head, each a 1x1 convolution whose
weights are the second operand (docs/machines/README.md, "Products of activations").

A machine's own rule does all of it, so that its digits, its zeros and its format are what they are
for convolutions: the first operand moves, the second is stationary and has no decomposed form.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError
from archsim.machines.shared.sections import stacked
from archsim.machines.shared.tiles import Tiles
from archsim.workload.given_tensors import Given, GivenTensors
from archsim.workload.layer import Layer
from archsim.workload.tensors import Array, LayerTensors

Rule = Callable[[Layer, LayerTensors, Arch], Sequence[Tiles]]


def product_tiles(layer: Layer, tensors: LayerTensors, arch: Arch, rule: Rule) -> Tiles:
    """The table of a product: a section for each second operand.

    Raises:
        InputError: the machine trains, or stores weights narrower than activations.
    """
    _check(layer, arch)
    one = head_of(layer)
    parts = []
    for head in range(layer.groups):
        arrays = _given(layer, tensors, head)
        (table,) = rule(one, GivenTensors(one, arrays, tensors, alone=True), arch)
        parts.append(table)
    return stacked(parts)


def head_of(layer: Layer) -> Layer:
    """What one second operand and the heads that share it are: a 1x1 convolution of a plane of
    1 x rows, the rows of those heads side by side."""
    return Layer(
        name=layer.name, op="conv", inputs=(), in_channels=layer.group_channels,
        out_channels=layer.out_channels // layer.groups, in_size=layer.in_size,
        out_size=layer.out_size, activation_bits=layer.activation_bits,
        weight_bits=layer.weight_bits,
    )  # fmt: skip


def _given(layer: Layer, tensors: LayerTensors, head: int) -> Given:
    """The operands of the heads that share one second operand, laid out as a convolution's; what
    the workload does not have is left out, and what no rule asks for is not read."""
    parts = {"input": _moving, "weight": _held}
    return {
        what: partial(part, layer, tensors, head)
        for what, part in parts.items()
        if tensors.has(what)
    }


def _moving(layer: Layer, tensors: LayerTensors, head: int) -> Array:
    shared = layer.heads // layer.groups
    rows = tensors.need("input")[head * shared : (head + 1) * shared]
    return np.ascontiguousarray(rows.reshape(-1, layer.group_channels).T[:, None, :])


def _held(_layer: Layer, tensors: LayerTensors, head: int) -> Array:
    columns: Array = tensors.need("weight")[head][:, :, None, None]
    return columns


def _check(layer: Layer, arch: Arch) -> None:
    if arch.task == "training":
        raise InputError.at(
            arch.path,
            f"layer {layer.name!r} is a product of two activations, and machine {arch.machine!r} "
            "has no rule for the gradients of one",
        )
    if arch.weight_bits < arch.activation_bits:
        raise InputError.at(
            arch.place("weight_bits"),
            f"layer {layer.name!r} is a product of two activations of {arch.activation_bits} bits, "
            f"and {arch.name} multiplies by {arch.weight_bits}; set weight_bits to "
            f"{arch.activation_bits}",
        )
