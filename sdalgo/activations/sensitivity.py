"""What an error of a filter costs the network: the curvature of its loss along that filter.

The loss of an image is the squared error of the network's outputs f over their energy, which for
small errors is twice one minus their cosine. To first order an error e of a filter changes f along
a direction v by G e, with G = sum over positions of dv(f)/dy x^T, so the loss grows by
E[(G e)^2]: over images, and over random signs v, whose squares have the wanted mean (Hutchinson
1990). Where errors of different positions add up, as before an average, G says so.

A filter's sensitivity s makes s e H e^T that loss for errors that H sees alike in all directions:
s = E[G (H + d)^-1 G^T] / tr(H (H + d)^-1), d the damping. The trace is D where there are many
columns, and their number where there are few.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsim.formats.progress import Progress, silent
from sdalgo.activations.calls import Call, watched
from sdalgo.activations.inputs import batches
from sdalgo.activations.moments import Moments, on_diagonal, ridge
from sdalgo.activations.triangular import inverse_of_lower
from sdalgo.fit import Float64
from sdalgo.one_thread import one_thread

_SEED = 1
_BATCH = 2  # images whose planes and gradients are held
_DRAWS = 2  # random sign vectors per image
_NOTHING = 1e-6  # a trace that is rounding alone
_LARGE = 1_500_000  # weights of a layer for which G takes longer to make than all else
_Kept = list[tuple[str, Call, Tensor]]


def sensitivities(
    model: nn.Module,
    images: NDArray[np.generic],
    moments: Mapping[str, Moments],
    damp: float,
    progress: Progress = silent,
) -> dict[str, Float64]:
    """Return s of each filter, (K,), by the name of the layer's weight.

    Args:
        moments: of each layer that is wanted, without damping.
        damp: share of the mean diagonal that is added to H.
    """
    whiteners = {name: _whitener(held, damp) for name, held in moments.items()}
    found: dict[str, Float64] = {}
    kept: _Kept = []

    def keep(name: str, call: Call, output: Tensor) -> None:
        if name not in whiteners:
            return
        if not output.requires_grad:  # no weight before it has a gradient, and tokens have none
            output.requires_grad_()
        kept.append((name, call, output))

    generator = torch.Generator().manual_seed(_SEED)
    with one_thread():
        for index, batch in enumerate(batches(images, _BATCH)):
            progress(index * _BATCH, len(images), "sensitivities")
            with watched(model, keep):
                result = model.eval()(batch).flatten(1)
            gradients = _gradients(result, [output for _, _, output in kept], generator)
            for (name, call, _), own in zip(kept, gradients, strict=True):
                total = _curvature(call, own, whiteners[name])
                found[name] = found.get(name, np.zeros(1)) + total
            kept.clear()
    return {name: total / (_DRAWS * len(images)) for name, total in found.items()}


def _whitener(moments: Moments, damp: float) -> Tensor:
    """Return L^-1 of H + d = L L^T over the root of the trace, (groups, D, D)."""
    added = ridge(moments.second, damp)
    damped = on_diagonal(moments.second, added)
    inverse = inverse_of_lower(np.asarray(np.linalg.cholesky(damped)))
    # The trace of H (H + d)^-1 is that of I - d (H + d)^-1.
    seen = moments.inputs - added * np.einsum("gij,gij->g", inverse, inverse)
    # A channel that is always zero has no inputs.
    root = np.sqrt(np.where(seen > _NOTHING, seen, 1.0))
    return torch.from_numpy((inverse / root[:, None, None]).astype(np.float32))


def _gradients(
    result: Tensor, outputs: list[Tensor], generator: torch.Generator
) -> list[list[Tensor]]:
    """Return gradients of each output along each draw of signs."""
    energy = result.detach().square().sum(dim=1, keepdim=True).clamp_min(1e-30)
    draws = []
    for draw in range(_DRAWS):
        signs = torch.randint(0, 2, result.shape, generator=generator) * 2.0 - 1
        along = (result * signs / energy.sqrt()).sum()
        draws.append(torch.autograd.grad(along, outputs, retain_graph=draw + 1 < _DRAWS))
    return [list(own) for own in zip(*draws, strict=True)]


def _curvature(call: Call, gradients: list[Tensor], whitener: Tensor) -> Float64:
    """Return the sum over images and draws of |G L^-T|^2 over the trace of each filter."""
    groups = len(whitener)
    filters = gradients[0].shape[-1 if call.kernel is None else 1]
    total = torch.zeros(groups, filters // groups, dtype=torch.float64)
    for image in range(len(call.inputs)):
        columns = call.part(image, image + 1).columns().transpose(1, 2)
        own = [_by_position(call, gradient[image], groups) for gradient in gradients]
        way = _by_positions_alone if _is_large(columns, filters) else _by_inputs
        for squares in way(columns, own, whitener):
            total += squares.double().sum(dim=2)
    return np.asarray(total.flatten().numpy())


def _by_position(call: Call, gradient: Tensor, groups: int) -> Tensor:
    """Return the gradient of an image, (groups, filters of a group, positions)."""
    if call.kernel is None:
        gradient = gradient.reshape(-1, gradient.shape[-1]).T
    return gradient.reshape(groups, len(gradient) // groups, -1)


def _is_large(columns: Tensor, filters: int) -> bool:
    """Whether G is better not made: it is large, and has more values than the gradients."""
    positions, inputs = columns.shape[1:]
    return positions < inputs and filters * inputs > _LARGE


def _by_inputs(columns: Tensor, gradients: list[Tensor], whitener: Tensor) -> Iterator[Tensor]:
    """Yield what sums up to |G L^-T|^2, (groups, filters, inputs). L^-1 meets the columns or G,
    whichever are fewer."""
    early = columns.shape[1] < sum(gradient.shape[1] for gradient in gradients)
    columns = columns @ whitener.transpose(1, 2) if early else columns
    for gradient in gradients:
        product = gradient @ columns
        product = product if early else product @ whitener.transpose(1, 2)
        yield product.double().square()


def _by_positions_alone(
    columns: Tensor, gradients: list[Tensor], whitener: Tensor
) -> Iterator[Tensor]:
    """Yield what sums up to the same, (groups, filters, positions), through X^T H^-1 X."""
    whitened = columns @ whitener.transpose(1, 2)
    between = whitened @ whitened.transpose(1, 2)
    for gradient in gradients:
        yield (gradient @ between) * gradient
