"""What a network costs to store, and what its update costs to hold (Tables II, V, VI).

Dense layers: 32 bits a convolution or linear weight; biases and normalisation are left out, as in
the paper's tables. Decomposed layers: one index bit per coefficient, non-zeros by Huffman, and B in
32 bits, which is what the sizes of Tables V and VI come from (docs/reference/training.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from archsim.formats.weight_bits import weight_bits
from sdalgo.training.bucket import Rule
from sdalgo.training.convert import basis_of, decomposed_weights
from sdalgo.training.weight import DecomposedWeight

_FLOAT = 32
_BITS_PER_BYTE = 8
_MOMENTUM_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Size:
    """Stored bits, and the stored numbers that are not zero."""

    bits: int
    nonzeros: int
    entries: int

    def __add__(self, other: Size) -> Size:
        return Size(
            bits=self.bits + other.bits,
            nonzeros=self.nonzeros + other.nonzeros,
            entries=self.entries + other.entries,
        )

    @property
    def density(self) -> float:
        return self.nonzeros / self.entries

    @property
    def mib(self) -> float:
        """MiB, which the paper's tables call MB."""
        return self.bits / _BITS_PER_BYTE / 2**20


EMPTY = Size(bits=0, nonzeros=0, entries=0)


def weight_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of convolutions, linear and recurrent layers that are float, by name."""
    return {
        name: value
        for name, value in model.named_parameters()
        if value.ndim in (2, 4) and ".parametrizations." not in name
    }


def dense_size(model: nn.Module) -> Size:
    """Return the size of all float weights at 32 bits."""
    size = EMPTY
    for value in weight_parameters(model).values():
        nonzeros = int(torch.count_nonzero(value))
        entries = value.numel()
        size += Size(bits=_FLOAT * entries, nonzeros=nonzeros, entries=entries)
    return size


def decomposed_size(model: nn.Module) -> Size:
    """Return the size of a network of which some layers are decomposed."""
    size = dense_size(model)
    for name, held in decomposed_weights(model).items():
        coef = held.coefficients().cpu().numpy()
        rank, width = basis_of(model, name).shape[1:]
        shape = (held.layout.filters, held.layout.slices, rank, width)
        bits = weight_bits(coef, shape, "element", _FLOAT).total
        size += Size(bits=bits, nonzeros=int((coef != 0).sum()), entries=coef.size)
    return size


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that training holds between two steps, activations left out.

    Attributes:
        weights: of decomposed layers (codes, mask, B) and float weights.
        update: counters of codes, their momentum where the rule has one; momentum of B and of
            float weights.
        packed: the same two in bits a machine needs: 1 mask bit a coefficient and, on the mask,
            the code's, the counter's and the momentum's bits; floats at 32.
    """

    weights: int
    update: int
    packed: int


def training_memory(model: nn.Module, rule: Rule) -> Memory:
    """Return what SGD with momentum, and the bucket switch, keep for `model`.

    Args:
        rule: of the switch: what a counter may be, and momentum is a float a code.
    """
    floats = sum(p.numel() * p.element_size() for p in weight_parameters(model).values())
    layers = decomposed_weights(model)
    floats += sum(basis_of(model, name).numel() * _FLOAT // _BITS_PER_BYTE for name in layers)
    codes = sum(_nbytes(held.code) + _nbytes(held.mask) for held in layers.values())
    counters = sum(_nbytes(held.counter) for held in layers.values())
    if rule.momentum:
        counters += sum(_MOMENTUM_BYTES * held.code.numel() for held in layers.values())
    packed_bits = sum(_packed(held, rule) for held in layers.values())
    return Memory(
        weights=floats + codes,
        update=floats + counters,
        packed=2 * floats + -(-packed_bits // _BITS_PER_BYTE),
    )


def _packed(held: DecomposedWeight, rule: Rule) -> int:
    on_mask = (2 * held.levels).bit_length() + (rule.state_values - 1).bit_length()
    if rule.momentum:
        on_mask += _MOMENTUM_BYTES * _BITS_PER_BYTE
    live = int(torch.count_nonzero(held.mask))
    return held.layout.filters * held.layout.rows * held.code.shape[-1] + live * on_mask


def _nbytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()
