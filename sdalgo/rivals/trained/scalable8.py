"""S8 (Banner, Hubara, Hoffer, Soudry 2018): weights, inputs and errors between layers in 8 bits.

Everything is on an even grid between its extremes. What goes back to a layer's inputs is rounded
to 8 bits at random; what goes to its weights is not ("gradients bifurcation"). Batch normalisation
is the usual one: the paper's, by the range instead of the deviation, is left out. Sums are float32.
"""

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained import even_grid
from sdalgo.rivals.trained.even_grid import RangeInput
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.products import Rule, multiply_by
from sdalgo.rivals.trained.quantisers import (
    WeightQuantiser,
    frozen,
    quantise_inputs,
    quantise_weights,
)
from sdalgo.rivals.trained.stored import FLOAT_BITS, Indexed, Stored
from sdalgo.rivals.trained.straight_through import replaced

_BITS = 8
_MOST = 2**_BITS - 1


class RangeWeight(WeightQuantiser):
    """A weight on 256 places between its extremes."""

    def forward(self, weight: Tensor) -> Tensor:
        held = weight.detach()
        return replaced(weight, even_grid.on_grid(held, held.min(), held.max(), _MOST))

    def stored(self, weight: Tensor) -> Stored:
        low, high = weight.min(), weight.max()
        codes = even_grid.places(weight, low, high, _MOST).to(torch.int64)
        table = torch.arange(_MOST + 1) * even_grid.unit(low, high, _MOST) + low
        return Indexed(
            shape=tuple(weight.shape), codes=codes.numpy(), table=table.numpy(),
            table_bits=2 * FLOAT_BITS,
        )  # fmt: skip


class Bifurcated(Rule):
    """Errors in 8 bits on their way to the inputs, as they are on their way to the weights."""

    def gradients(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return even_grid.at_random(gradient, _MOST), gradient


class Scalable8(Method):
    """Training in 8 bits."""

    name = "S8"
    setting = "8-bit weights, activations and errors"

    def begin(self, model: nn.Module) -> None:
        quantise_weights(model, lambda _name, _layer: RangeWeight())
        quantise_inputs(model, lambda _name, _layer: RangeInput(_BITS))
        multiply_by(model, lambda _name, _layer: Bifurcated())

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
