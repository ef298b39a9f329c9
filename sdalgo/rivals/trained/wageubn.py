"""After WAGEUBN (Yang et al. 2020): weights, inputs, errors and gradients as 8-bit integers.

Weights are whole multiples of 2^-7 between -1 and 1, one grid for all layers ("direct"); inputs
have a power of two as their unit ("shift"); errors have a flag bit that says which of two units
counts, so that small ones are not lost; gradients of weights are shifted and rounded at random;
weights are kept in 24 bits. Unlike in the paper gradients keep their size, the first and the last
layer are quantised too, and normalisation, momentum and the rate are float32.
"""

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.layers import products
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.products import Rule, multiply_by
from sdalgo.rivals.trained.quantisers import (
    InputQuantiser,
    WeightQuantiser,
    float_weight,
    frozen,
    quantise_inputs,
    quantise_weights,
)
from sdalgo.rivals.trained.stored import Indexed, Stored
from sdalgo.rivals.trained.straight_through import replaced

_UNITS = 128  # 2^(8 - 1), of a number below 1
_KEPT = 2.0**23  # of a weight of 24 bits
_NEW = 0.1


def shift(largest: Tensor) -> Tensor:
    """Return R, the power of two nearest to the largest size in its logarithm; 1 for zero."""
    return torch.where(largest > 0, 2.0 ** largest.log2().round(), 1.0)


def shifted(values: Tensor, power: Tensor) -> Tensor:
    """Return R times the nearest of -127/128 .. 127/128 (the paper's SQ)."""
    return (values / power * _UNITS).round().clamp(1 - _UNITS, _UNITS - 1) / _UNITS * power


def flagged(values: Tensor) -> Tensor:
    """Return errors in 8 bits and a flag: of unit R / 2^7 from R / 2^7 up, else 2^7 times finer."""
    power = shift(values.abs().max())
    fine = power / _UNITS
    # Below R / 2^7, `shifted` with the finer power never cuts more than half a fine unit.
    small = (values / fine * _UNITS).round() / _UNITS * fine
    return torch.where(values.abs() >= fine, shifted(values, power), small)


class DirectWeight(WeightQuantiser):
    """A weight in multiples of 2^-7."""

    def forward(self, weight: Tensor) -> Tensor:
        return replaced(weight, _units(weight.detach()) / _UNITS)

    def stored(self, weight: Tensor) -> Stored:
        codes = _units(weight).to(torch.int64) + (_UNITS - 1)
        table = torch.arange(1 - _UNITS, _UNITS, dtype=torch.float32) / _UNITS
        return Indexed(
            shape=tuple(weight.shape), codes=codes.numpy(), table=table.numpy(), table_bits=0
        )


def _units(weight: Tensor) -> Tensor:
    return (weight * _UNITS).round().clamp(1 - _UNITS, _UNITS - 1)


class ShiftInput(InputQuantiser):
    """Inputs in units of a power of two: of the batch's largest, or the running mean of these."""

    scales = 1
    largest: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("largest", torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        held = values.detach()
        now = self.largest
        if self.training or not self.largest:
            now = held.abs().max()
            self.largest.copy_(self.largest.lerp(now, _NEW) if self.largest else now)
        return replaced(values, shifted(held, shift(now)))


class Flagged(Rule):
    """Errors in 8 bits and a flag, to inputs and weights alike."""

    def gradients(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        found = flagged(gradient)
        return found, found


class Wageubn(Method):
    """Training in 8-bit integers."""

    name = "WAGEUBN-like"
    setting = "8-bit weights, activations, errors and gradients"

    def begin(self, model: nn.Module) -> None:
        quantise_weights(model, lambda _name, _layer: DirectWeight())
        quantise_inputs(model, lambda _name, _layer: ShiftInput())
        multiply_by(model, lambda _name, _layer: Flagged())

    def before_step(self, model: nn.Module) -> None:
        for layer in products(model).values():
            gradient = float_weight(layer).grad
            assert gradient is not None
            power = shift(gradient.abs().max())
            whole = (gradient / power * _UNITS + torch.rand_like(gradient)).floor()
            gradient.copy_(whole.clamp(1 - _UNITS, _UNITS - 1) / _UNITS * power)

    def after_step(self, model: nn.Module) -> None:
        with torch.no_grad():
            for layer in products(model).values():
                held = float_weight(layer)
                held.copy_((held * _KEPT).round().clamp(-_KEPT, _KEPT) / _KEPT)

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
