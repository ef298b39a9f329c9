"""A weight that is kept as codes and bases, W = Ce B, and rebuilt in every forward pass (paper IV).

It is a parametrisation of torch: a module's `weight` becomes the result of `DecomposedWeight`, and
the one trained tensor that is left in its place is B. Ce is int8 codes; no float copy of it
outlives a forward and its backward pass. The backward pass gives dL/dB = Ce^T G to torch, and
dL/dCe = (G B^T) on the mask to the bucket switch, G being dL/dW.
"""

from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archsim.formats.errors import InputError
from sdalgo.decomposition import Decomposition
from sdalgo.matrices import Layout, slices_of

_BIAS = 126  # a float32 of exponent field p + 127 is 2^p, and code 1 is p_min
MOST_LEVELS = 32


def powers(code: Tensor, p_min: int) -> Tensor:
    """Return 0 or +-2^p for each int8 code, exactly, float32."""
    wide = code.to(torch.int32)
    bits = ((wide.abs() + (p_min + _BIAS)) << 23) | (wide & -(2**31))
    return bits.mul_(wide != 0).view(torch.float32)


def nearest_codes(values: Tensor, p_min: int, levels: int) -> Tensor:
    """Return the int8 codes of the nearest members of {0} and +-2^p; ties go up in magnitude."""
    magnitude = values.abs()
    exponent = torch.frexp(magnitude * (4 / 3)).exponent - 1  # x >= 1.5 * 2^k rounds to 2^(k+1)
    level = (exponent - p_min + 1).clamp_(0, levels)
    level = torch.where(magnitude >= 2.0 ** (p_min - 1), level.clamp_(min=1), 0)
    return (level * values.sign()).to(torch.int8)


class DecomposedWeight(nn.Module):
    """Ce of one layer and what its update needs; called with B it returns W.

    Attributes:
        code: int8 (K * slices, height, r): 0, or sign * (1 + p - p_min).
        counter: int8, as `code`.
        mask: bool, as `code`; coefficients that may change. It never changes itself.
        gradient: dL/dCe on the mask, float32, between a backward pass and the next update.
    """

    code: Tensor
    counter: Tensor
    mask: Tensor

    def __init__(self, found: Decomposition, p_min: int, levels: int) -> None:
        """Start from a decomposition whose exponents lie in p_min .. p_min + levels - 1.

        Raises:
            InputError: they do not, or its basis is not float32.
        """
        super().__init__()
        low, high = found.powers
        if found.nonzeros and not p_min <= low <= high < p_min + levels:
            raise InputError.at("exponents", f"{low}..{high} leave {p_min}..{p_min + levels - 1}")
        if not 1 <= levels <= MOST_LEVELS:
            raise InputError.at("levels", f"{levels} is not 1 to {MOST_LEVELS}")
        if found.basis_bits != 32:
            raise InputError.at("basis", f"{found.basis_bits} bits: training needs 32")
        self.layout: Layout = found.layout
        self.p_min, self.levels = p_min, levels
        shifted = found.coef + np.sign(found.coef) * np.int8(found.p_min - p_min)
        code = torch.from_numpy(slices_of(shifted, found.layout))
        self.register_buffer("code", code)
        self.register_buffer("counter", torch.zeros_like(code))
        self.register_buffer("mask", code != 0)
        # Kept out of the state: `right_inverse` hands it to torch once, as the trained tensor.
        self._first: Tensor | None = _basis_of(found)
        self.gradient: Tensor | None = None

    def right_inverse(self, _weight: Tensor) -> Tensor:
        """Give torch what stands in the weight's place: B, (K * slices, r, n)."""
        assert self._first is not None
        first, self._first = self._first, None
        return first

    def forward(self, basis: Tensor) -> Tensor:
        with torch.autocast(basis.device.type, enabled=False):  # W is exact whatever uses it
            rebuilt: Tensor = _Rebuild.apply(basis, self)  # type: ignore[no-untyped-call]
        return rebuilt

    def values(self) -> Tensor:
        """Return Ce, float32, as `code`."""
        return powers(self.code, self.p_min)

    def set_values(self, values: Tensor) -> None:
        """Replace Ce by the nearest members of P and zero; the mask stays."""
        self.code.copy_(nearest_codes(values, self.p_min, self.levels) * self.mask)

    def coefficients(self) -> Tensor:
        """Return the codes in the order of a workload file, as `Layout.coef_shape`."""
        return self._in_file_order(self.code)

    def counts(self) -> Tensor:
        """Return the counters in the same order."""
        return self._in_file_order(self.counter)

    def live(self) -> Tensor:
        """Return the mask in the same order."""
        return self._in_file_order(self.mask)

    def _in_file_order(self, held: Tensor) -> Tensor:
        rank = held.shape[-1]
        rows = held.reshape(self.layout.filters, -1, rank)[:, : self.layout.rows]
        return rows.reshape(self.layout.coef_shape(rank))

    def to_weight(self, slices: Tensor) -> Tensor:
        """Return (K * slices, height, n) as the layer's weight; padding is dropped."""
        flat = slices.reshape(self.layout.filters, -1)
        return flat[:, : prod(self.layout.shape[1:])].reshape(self.layout.shape)

    def to_slices(self, weight: Tensor) -> Tensor:
        """Inverse of `to_weight`, padding zero."""
        flat = weight.reshape(self.layout.filters, -1)
        full = self.layout.slices * self.layout.height * self.layout.width
        if full != flat.shape[1]:
            flat = nn.functional.pad(flat, (0, full - flat.shape[1]))
        return flat.reshape(len(self.code), self.layout.height, self.layout.width)


class _Rebuild(torch.autograd.Function):
    """W = Ce B with both gradients; the decoded Ce lives from a forward pass to its backward."""

    @staticmethod
    def forward(ctx: Any, basis: Tensor, held: DecomposedWeight) -> Tensor:
        values = held.values()
        ctx.save_for_backward(basis, values)
        ctx.held = held
        return held.to_weight(values @ basis)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (basis, values), held = ctx.saved_tensors, ctx.held
        rows = held.to_slices(gradients[0])
        on_mask = (rows @ basis.transpose(1, 2)).mul_(held.mask)
        held.gradient = on_mask if held.gradient is None else held.gradient + on_mask
        return values.transpose(1, 2) @ rows, None


def _basis_of(found: Decomposition) -> Tensor:
    """B without the layer's 2^p_min, which a decomposition keeps in its scale."""
    basis = torch.from_numpy(found.basis.astype("float32"))
    return basis.reshape(-1, *basis.shape[2:]).clone()
