"""SmartDeal with re-training (paper III-C2): epochs of training and passes of the decomposition
in turn, Algorithm 1 with 8-bit bases.
"""

import numpy as np
import torch
from torch import nn

from sdalgo.decompose import decompose
from sdalgo.decomposition import Decomposition
from sdalgo.options import preset
from sdalgo.rivals.trained.layers import products, set_weight
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.stored import Stored


class SmartDeal(Method):
    """Passes before the first step, while it is trained, and after the last step.

    Args:
        theta: below which a coefficient is zero, as a share of the rms of a layer's weights.
        every: steps between two passes; None: one after each epoch, as in the paper.
    """

    name = "SmartDeal, re-trained"

    def __init__(self, theta: float, every: int | None = None) -> None:
        self.options = preset("as_released_double", theta=theta, relative=True, largest_kernel=None)
        self.every = every
        self.steps = 0
        often = f"every {every} steps" if every else "after each epoch"
        self.setting = f"theta {theta} of the rms, a pass {often}"
        self.layers: dict[str, Decomposition] = {}

    def begin(self, model: nn.Module) -> None:
        self._decompose(model)

    def after_step(self, model: nn.Module) -> None:
        self.steps += 1
        if self.every and self.steps % self.every == 0:
            self._decompose(model)

    def after_epoch(self, model: nn.Module) -> None:
        self._decompose(model)

    def _decompose(self, model: nn.Module) -> None:
        for name, module in products(model).items():
            weight = np.ascontiguousarray(module.weight.detach().numpy())
            self.layers[name] = decompose(weight, self.options, name=name)
            set_weight(module, torch.from_numpy(self.layers[name].rebuild()))

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return {name: self.layers[name] for name in products(model)}
