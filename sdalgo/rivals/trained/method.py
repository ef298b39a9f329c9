"""What a method does to a network before, while and after it is trained."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.layers import products
from sdalgo.rivals.trained.quantisers import input_scale_bits
from sdalgo.rivals.trained.stored import Floats, Stored


class Method:
    """Training in float32; other methods change some of its steps.

    Attributes:
        name, setting: as a row says them.
        trained: False for a network that is left as it is.
        loss_scale: of the loss before the backward pass; gradients are divided by it.
    """

    name: str = "float32"
    setting: str = "fine-tuned"
    trained: bool = True
    loss_scale: ClassVar[float] = 1.0

    def begin(self, model: nn.Module) -> None:
        """Change the network, in place, before anything is computed with it."""

    def look(self, model: nn.Module, images: Tensor) -> None:
        """Set what follows from images, before the first step: a batch of training images."""

    def before_step(self, model: nn.Module) -> None:
        """Change gradients."""

    def after_step(self, model: nn.Module) -> None:
        """Change weights."""

    def after_epoch(self, model: nn.Module) -> None:
        """Change the network, its parameters included."""

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        """Return the weights as they are stored, by layer; the network then holds what they
        rebuild to."""
        return {
            name: Floats(values=module.weight.detach().numpy().copy())
            for name, module in products(model).items()
        }

    def side_bits(self, model: nn.Module) -> int:
        """Return what a decoder needs besides: scales of activations, widths of layers."""
        return input_scale_bits(model)


class AsItIs(Method):
    """The network that all methods start from."""

    setting = "as it is"
    trained = False


def halves(model: nn.Module) -> dict[str, Stored]:
    """Round all weights to 16-bit floats, in place, and return them."""
    found: dict[str, Stored] = {}
    with torch.no_grad():
        for name, module in products(model).items():
            module.weight.copy_(module.weight.half().float())
            found[name] = Floats(values=module.weight.numpy().copy(), each=16)
    return found
