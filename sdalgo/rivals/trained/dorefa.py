"""DoReFa-Net (Zhou et al. 2016): weights through tanh, activations cut, both on even grids.

Weights and activations have few bits, gradients 32; the first and the last layer stay float, as the
authors have them. Their activations are cut at 1. A network that was trained without that cut has
larger ones, so here a layer's cut is its largest input in one batch before, and stays.
"""

import numpy as np
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
from sdalgo.rivals.trained.stored import Indexed, Stored
from sdalgo.rivals.trained.straight_through import rounded


class TanhWeight(WeightQuantiser):
    """w = 2 q(tanh(w) / (2 max|tanh(w)|) + 1/2) - 1, q on 2^bits values from 0 to 1 (eq. 9)."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.most = 2**bits - 1

    def forward(self, weight: Tensor) -> Tensor:
        values: Tensor = 2 * (rounded(self._places(weight)) / self.most) - 1
        return values

    def _places(self, weight: Tensor) -> Tensor:
        bent = weight.tanh()
        places: Tensor = (bent / (2 * bent.abs().max()) + 0.5) * self.most
        return places

    def stored(self, weight: Tensor) -> Stored:
        table = 2 * (torch.arange(self.most + 1, dtype=torch.float32) / self.most) - 1
        codes = self._places(weight).round().to(torch.int64).numpy()
        return Indexed(
            shape=tuple(weight.shape), codes=np.asarray(codes), table=table.numpy(), table_bits=0
        )


class CutInput(InputQuantiser):
    """Inputs cut to 0 .. `cut`, on 2^bits values (eq. 10, where the cut is 1)."""

    scales = 1
    cut: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.most = 2**bits - 1
        self.register_buffer("cut", torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        if not self.cut:
            self.cut.copy_(values.detach().max())
        cut: Tensor = rounded((values / self.cut).clamp(0, 1) * self.most) / self.most * self.cut
        return cut


class DoReFa(Method):
    """Few bits in weights and activations."""

    name = "DoReFa"

    def __init__(self, weight_bits: int, input_bits: int = 8) -> None:
        self.weight_bits, self.input_bits = weight_bits, input_bits
        self.setting = f"{weight_bits}-bit weights, {input_bits}-bit activations"

    def begin(self, model: nn.Module) -> None:
        outer = ends(model)
        quantise_weights(
            model, lambda name, _: None if name in outer else TanhWeight(self.weight_bits)
        )
        quantise_inputs(model, lambda name, _: None if name in outer else CutInput(self.input_bits))

    def look(self, model: nn.Module, images: Tensor) -> None:
        with torch.no_grad():  # sets the cuts
            model.eval()(images)

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
