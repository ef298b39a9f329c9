"""FP8 (Wang et al. 2018): products of 8-bit floats, sums in 16 bits by chunks.

Weights, inputs and errors are 1-5-2, the loss is multiplied by 1000. The images and the last layer
are 1-6-9, as in the paper. Sums of the forward pass go by chunks of at most 64 products, whole
channels; each chunk's sum and each sum of chunks is rounded to 1-6-9, while inside a chunk, and in
the backward pass, sums are float32. Weights are kept as 1-6-9, rounded at random after each step;
momentum and normalisation are float32.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sdalgo.rivals.trained.layers import Product, ends, products
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.products import Rule, multiply_by, product
from sdalgo.rivals.trained.quantisers import (
    InputQuantiser,
    WeightQuantiser,
    float_weight,
    frozen,
    quantise_inputs,
    quantise_weights,
)
from sdalgo.rivals.trained.small_floats import codes_8, to_8, to_16, to_16_at_random
from sdalgo.rivals.trained.stored import Floats, Indexed, Stored
from sdalgo.rivals.trained.straight_through import replaced

CHUNK = 64


class Float8Weight(WeightQuantiser):
    """A weight in 1-5-2."""

    def forward(self, weight: Tensor) -> Tensor:
        return replaced(weight, to_8(weight.detach()))

    def stored(self, weight: Tensor) -> Stored:
        codes = codes_8(weight).view(torch.uint8).to(torch.int64)
        table = torch.arange(256, dtype=torch.uint8).view(torch.float8_e5m2).to(torch.float32)
        return Indexed(
            shape=tuple(weight.shape), codes=codes.numpy(), table=table.numpy(), table_bits=0
        )


class Float16Weight(WeightQuantiser):
    """A weight in 1-6-9."""

    def forward(self, weight: Tensor) -> Tensor:
        return replaced(weight, to_16(weight.detach()))

    def stored(self, weight: Tensor) -> Stored:
        return Floats(values=to_16(weight).numpy(), each=16)


class FloatInput(InputQuantiser):
    """Inputs in 1-5-2, or in 1-6-9 where they are `wide`."""

    def __init__(self, *, wide: bool) -> None:
        super().__init__()
        self.wide = wide

    def forward(self, values: Tensor) -> Tensor:
        held = values.detach()
        return replaced(values, to_16(held) if self.wide else to_8(held))


class Chunks(Rule):
    """Sums by chunks, errors in 1-5-2, or in 1-6-9 where they are `wide`."""

    def __init__(self, *, wide: bool) -> None:
        self.wide = wide

    def multiply(self, layer: Product, inputs: Tensor, weight: Tensor) -> Tensor:
        total: Tensor | None = None
        for part in channel_chunks(weight):
            if part.stop - part.start == weight.shape[1]:
                return to_16(product(layer, inputs, weight))
            one = to_16(_of_channels(layer, inputs[:, part], weight[:, part]))
            total = one if total is None else to_16(total + one)
        assert total is not None
        return total

    def gradients(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        found = to_16(gradient) if self.wide else to_8(gradient)
        return found, found


def channel_chunks(weight: Tensor) -> list[slice]:
    """Return the channels of each chunk: as many as have at most 64 products."""
    channels = weight.shape[1]
    each = max(1, CHUNK // weight[0, 0].numel())
    return [slice(at, min(at + each, channels)) for at in range(0, channels, each)]


def _of_channels(layer: Product, inputs: Tensor, weight: Tensor) -> Tensor:
    """What some input channels give to the outputs of a layer without groups."""
    if isinstance(layer, nn.Linear):
        return functional.linear(inputs, weight)
    assert layer.groups == 1
    assert isinstance(layer.padding, tuple)
    return functional.conv2d(inputs, weight, None, layer.stride, layer.padding, layer.dilation)


class Fp8(Method):
    """Training in 8-bit floats."""

    name = "FP8"
    setting = "1-5-2 products, sums by 64 in 1-6-9"
    loss_scale = 1000.0

    def begin(self, model: nn.Module) -> None:
        first, last = ends(model)
        quantise_weights(model, lambda name, _: Float16Weight() if name == last else Float8Weight())
        quantise_inputs(model, lambda name, _: FloatInput(wide=name in (first, last)))
        multiply_by(model, lambda name, _: Chunks(wide=name == last))

    def after_step(self, model: nn.Module) -> None:
        with torch.no_grad():
            for layer in products(model).values():
                held = float_weight(layer)
                held.copy_(to_16_at_random(held))

    def finish(self, model: nn.Module) -> dict[str, Stored]:
        return frozen(model)
