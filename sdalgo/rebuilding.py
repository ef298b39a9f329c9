"""A torch module that makes W = Ce B whenever the weight is read, in operators that export."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from archsim.formats.rebuilt import MOST_RIGHT, SHIPPED, engine_operands
from sdalgo.decomposition import Decomposition
from sdalgo.pow2 import MAX_LEVEL

_MAGNITUDES = [0.0, *(2.0**p for p in range(MAX_LEVEL))]
"""What each level of a code stands for."""


class Rebuilt(nn.Module):
    """W = Ce B from codes, entries of B and scales, as the accelerator's rebuild engine makes it.

    A basis of 8 bits gives the integers of the engine times their unit, as `Decomposition.rebuild`
    does; another one W = Ce B as it is. The stored numbers keep their types whatever becomes of
    the module around them; the weight has the type of the parameter that it stands for.

    Args:
        found: the decomposition; its arrays become buffers, so they travel in the state dict.
        shape: of the parameter, where that is not the shape of the layer's weight.
    """

    codes: Tensor
    basis: Tensor
    scale: Tensor
    entries: Tensor
    offset: Tensor
    unit: Tensor
    powers: Tensor

    def __init__(self, found: Decomposition, shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.layout, self.p_min, self.rank = found.layout, found.p_min, int(found.coef.shape[-1])
        self.shape = found.layout.shape if shape is None else shape
        codes = found.coef.reshape(found.layout.filters, found.layout.rows, -1)
        self.register_buffer("codes", torch.from_numpy(codes.copy()))
        self.register_buffer("basis", torch.from_numpy(found.basis.copy()))
        self.register_buffer("scale", torch.from_numpy(found.scale.copy()))
        shifts = range(-MOST_RIGHT, SHIPPED.largest_shift + 1)
        powers = [2.0**p for p in shifts] if found.basis_bits == 8 else _MAGNITUDES
        held = torch.tensor(powers, dtype=torch.float64)  # exact, where exp2 may not be
        self.register_buffer("powers", held, persistent=False)
        if found.basis_bits == 8:
            self._derive()

    def _derive(self) -> None:
        """What the engines are given follows from codes, basis and scales, so it is not stored."""
        codes, basis, scale = (b.cpu().numpy() for b in (self.codes, self.basis, self.scale))
        made = engine_operands(codes, basis, scale)
        for name, values in vars(made).items():
            key = "entries" if name == "basis" else name
            buffer = torch.from_numpy(values.copy()).to(self.codes.device)
            self.register_buffer(key, buffer, persistent=False)

    def _load_from_state_dict(self, *given: Any) -> None:
        super()._load_from_state_dict(*given)
        if self.basis.dtype == torch.int8:
            self._derive()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Rebuilt":
        """Move with the module; a cast to half precision would cut scales short."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in self._buffers.items():
            held = before[name]
            if buffer is not None and held is not None and buffer.dtype != held.dtype:
                self._buffers[name] = held.to(buffer.device)
        return self

    def forward(self, original: Tensor) -> Tensor:
        """The weight, in the type of `original`, on the device of the buffers."""
        rows = self._shifted_rows() if self.basis.dtype == torch.int8 else self._products()
        filters = self.layout.filters
        weights = prod(self.shape) // filters
        flat = rows.reshape(filters, -1)[:, :weights].to(torch.float32)
        return flat.reshape(self.shape).to(original.dtype)

    def _shifted_rows(self) -> Tensor:
        """Entries of B shifted and added, in the integers of archsim.formats.rebuilt, times their
        unit: (K, rows, n). All are small whole numbers, which float32 holds."""
        own = torch.arange(self.layout.rows, device=self.codes.device) // self.layout.height
        left, powers = SHIPPED.largest_shift, self.powers.float()
        offset, entries = self.offset[:, own].to(torch.int64), self.entries[:, own].float()
        total = torch.zeros((), device=self.codes.device)
        most = 2.0 ** (SHIPPED.weight_bits - 1)
        for place in range(self.rank):
            code = self.codes[:, :, place].to(torch.int64)
            shift = torch.clamp(code.abs() - 1 - offset, -MOST_RIGHT, left)
            moved = entries[:, :, place] * powers[shift + MOST_RIGHT][:, :, None]
            term = torch.floor(moved + 0.5) * torch.sign(code).float()[:, :, None]
            total = torch.clamp(total + term, -most, most - 1)
        return total.double() * self.unit[:, None, None]

    def _products(self) -> Tensor:
        """Ce times B, (K, slices * height, n)."""
        code = self.codes.to(torch.int64)
        coef = self.powers[code.abs()] * torch.sign(code).double()
        layout = self.layout
        if missing := layout.slices * layout.height - layout.rows:
            coef = torch.cat([coef, coef.new_zeros(layout.filters, missing, self.rank)], dim=1)
        slices = coef.reshape(layout.filters, layout.slices, layout.height, self.rank)
        return slices @ (self.basis.double() * self.scale.double()[:, :, None, None])
