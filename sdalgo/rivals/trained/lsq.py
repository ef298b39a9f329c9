"""LSQ (Esser et al. 2020): the step of each grid is trained with the weights.

v = step round(clip(v / step, -Q_N, Q_P)); rounding passes gradients, so the step's own gradient is
round(v / step) - v / step inside the grid, and its end outside, times 1 / sqrt(N Q_P). The first
and the last layer have 8 bits, as in the paper.
"""

import math

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.layers import ends
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.quantisers import (
    InputQuantiser,
    WeightQuantiser,
    frozen,
    quantise_inputs,
    quantise_weights,
)
from sdalgo.rivals.trained.stored import FLOAT_BITS, Indexed, Stored
from sdalgo.rivals.trained.straight_through import rounded, scaled_gradient

_OUTER_BITS = 8


def learned_step(values: Tensor, step: Tensor, grid: tuple[int, int], features: int) -> Tensor:
    """Return the values on the grid step * (low .. high).

    Args:
        grid: (low, high).
        features: N, of the scale of the step's gradient.
    """
    low, high = grid
    scaled = scaled_gradient(step, 1 / math.sqrt(features * high))
    return rounded((values / scaled).clamp(low, high)) * scaled


def first_step(values: Tensor, high: int) -> Tensor:
    """Return the step to start from, 2 <|v|> / sqrt(Q_P)."""
    return 2 * values.detach().abs().mean() / math.sqrt(high)


class StepWeight(WeightQuantiser):
    """A weight of signed numbers and one step."""

    def __init__(self, weight: Tensor, bits: int) -> None:
        super().__init__()
        self.grid = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        self.step = nn.Parameter(first_step(weight, self.grid[1]))

    def forward(self, weight: Tensor) -> Tensor:
        return learned_step(weight, self.step, self.grid, weight.numel())

    def stored(self, weight: Tensor) -> Stored:
        low, high = self.grid
        step = self.step.detach()
        codes = (weight / step).clamp(low, high).round().to(torch.int64) - low
        table = torch.arange(low, high + 1, dtype=torch.float32) * step
        return Indexed(
            shape=tuple(weight.shape), codes=codes.numpy(), table=table.numpy(),
            table_bits=FLOAT_BITS,
        )  # fmt: skip


class StepInput(InputQuantiser):
    """Inputs on a grid whose step starts from the first batch.

    Args:
        signed: whether they may be negative, as images are.
    """

    scales = 1

    def __init__(self, bits: int, *, signed: bool) -> None:
        super().__init__()
        self.grid = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        self.step = nn.Parameter(torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        if not self.step:
            with torch.no_grad():
                self.step.copy_(first_step(values, self.grid[1]))
        return learned_step(values, self.step, self.grid, values[0].numel())


class Lsq(Method):
    """Weights and inputs on grids of learned steps."""

    name = "LSQ"

    def __init__(self, weight_bits: int = 3, input_bits: int = 3) -> None:
        self.weight_bits, self.input_bits = weight_bits, input_bits
        self.setting = f"{weight_bits}-bit weights, {input_bits}-bit activations"

    def begin(self, model: nn.Module) -> None:
        first, last = ends(model)

        def bits(name: str, inner: int) -> int:
            return max(inner, _OUTER_BITS) if name in (first, last) else inner

        quantise_weights(
            model, lambda name, layer: StepWeight(layer.weight, bits(name, self.weight_bits))
        )
        quantise_inputs(
            model, lambda name, _: StepInput(bits(name, self.input_bits), signed=name == first)
        )

    def look(self, model: nn.Module, images: Tensor) -> None:
        with torch.no_grad():  # sets the steps of inputs
            model.eval()(images)

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
