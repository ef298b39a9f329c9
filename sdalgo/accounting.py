"""Sizes as the paper counts them (Tables II to VI): shapes, densities and a rule in, bits out.

The tables do not all count alike. Each rule's knobs are therefore explicit, and
docs/reference/sdalgo.md says which rule meets which row.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from archsim.formats.errors import InputError
from archsim.formats.slices import RELEASED_ROWS, VECTOR_WIDTH
from sdalgo.matrices import layout_of

MIB, MB = 2**20, 10**6  # Tables II, V and VI count in MiB, III and IV in 10^6 bytes

Mask = Literal["none", "element", "row"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a network's shapes alone determine.

    Attributes:
        weights: of the decomposed layers.
        coefficients: entries of Ce, padding of triples and of slices included.
        slices: matrices B.
        basis_entries: entries of all B.
    """

    weights: int
    coefficients: int
    slices: int
    basis_entries: int


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How bits are counted.

    Attributes:
        coef_bits: for a stored coefficient: 32, a fixed width, or a mean Huffman length.
        mask: one index bit per element, a row of three, or none.
        basis_bits: of an entry of B.
        stored: which coefficients `coef_bits` is spent on: non-zeros, or all (zero as a symbol).
    """

    coef_bits: float = 32
    mask: Mask = "none"
    basis_bits: int = 32
    stored: Literal["nonzeros", "all"] = "nonzeros"


@dataclass(frozen=True, kw_only=True)
class Size:
    """Parts of a size in bits."""

    coef: float
    mask: float
    basis: float

    @property
    def bits(self) -> float:
        return self.coef + self.mask + self.basis

    def in_units(self, unit: int) -> float:
        """Return the total in MIB or MB."""
        return self.bits / 8 / unit


def shape_counts(
    shapes: Iterable[tuple[int, ...]],
    slice_rows: int = RELEASED_ROWS,
    largest_kernel: int | None = 3,
) -> Counts:
    """Count Ce and B of convolution and linear weights with the released slicing.

    Args:
        slice_rows: 192 in the released code, 96 in an older one that part of Table III is from.
        largest_kernel: larger kernels are left out of all counts.
    """
    weights = coefficients = slices = basis = 0
    for shape in shapes:
        if len(shape) == 4 and largest_kernel and max(shape[2:]) > largest_kernel:
            continue
        layout = layout_of(shape, slice_rows, "factors")
        count = layout.filters * layout.slices
        weights += math.prod(shape)
        coefficients += count * layout.height * layout.width
        slices += count
        basis += count * layout.width**2
    return Counts(weights=weights, coefficients=coefficients, slices=slices, basis_entries=basis)


def dense_size(counts: Counts, bits: float = 32) -> Size:
    """Return the size of the weights themselves."""
    return Size(coef=counts.weights * bits, mask=0.0, basis=0.0)


def pruned_size(counts: Counts, density: float, bits: float = 32) -> Size:
    """Return the size of element-pruned weights with one mask bit each (Table II, rows with +)."""
    return Size(coef=counts.weights * density * bits, mask=float(counts.weights), basis=0.0)


def decomposed_size(counts: Counts, density: float, rule: Rule) -> Size:
    """Return the size of W = Ce B.

    Args:
        density: share of Ce that is not zero.
    """
    if not 0 <= density <= 1:
        raise InputError.at("density", f"{density} is not between 0 and 1")
    stored = counts.coefficients * (density if rule.stored == "nonzeros" else 1)
    mask = {
        "none": 0.0,
        "element": float(counts.coefficients),
        "row": counts.coefficients / VECTOR_WIDTH,
    }[rule.mask]
    basis = float(counts.basis_entries * rule.basis_bits)
    return Size(coef=stored * rule.coef_bits, mask=mask, basis=basis)


def implied_coef_bits(counts: Counts, density: float, rule: Rule, total_bits: float) -> float:
    """Return the bits a stored coefficient must take for the size to be `total_bits`."""
    fixed = decomposed_size(counts, density, rule)
    stored = fixed.coef / rule.coef_bits
    return (total_bits - fixed.mask - fixed.basis) / stored
