"""Images that pass a network once while its layers are replaced, each when they reach it.

The first half of the batch passes through the network as it was, the second through what it has
become so far, so a layer can be fitted to its own inputs and to what it should have put out.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdalgo.activations.calls import Call, drawn_positions, watched
from sdalgo.activations.inputs import COLUMNS, as_given
from sdalgo.activations.moments import on_diagonal, ridge
from sdalgo.fit import Float64
from sdalgo.freed_memory import give_back
from sdalgo.one_thread import one_thread
from sdalgo.pow2 import Float32

MOST_PASSING = 48
"""Images whose planes are held at once, twice."""
_AT_ONCE = 8  # images whose columns are held
_SEED = 2


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What a layer is given, now and before: X_q and X, column by column.

    Attributes:
        second: X_q X_q^T / columns, (groups, D, D).
        cross: X X_q^T / columns, (groups, D, D).
        columns: im2col columns of either.
    """

    second: Float64
    cross: Float64
    columns: int

    def mixed(self, known: Float64, share: float) -> "Reached":
        """Return them with `share` of second moments on which nothing has to be put right.

        Args:
            known: (groups, D, D), of the original network.
        """
        second, cross = (share * known + (1 - share) * own for own in (self.second, self.cross))
        return Reached(second=second, cross=cross, columns=self.columns)

    def damped(self, share: float) -> "Reached":
        """Return them with `share` of the mean diagonal added, alike before and now."""
        added = ridge(self.second, share)
        second, cross = (on_diagonal(own, added) for own in (self.second, self.cross))
        return Reached(second=second, cross=cross, columns=self.columns)

    def target(self, weight: Float32) -> Float64:
        """Return W X X_q^T (X_q X_q^T)^-1, (K, D): the weights that undo best what earlier layers
        do to the inputs."""
        groups = len(self.second)
        held = weight.reshape(groups, len(weight) // groups, -1).astype(np.float64)
        found = np.linalg.solve(self.second, (held @ self.cross).transpose(0, 2, 1))
        return np.asarray(found.transpose(0, 2, 1).reshape(len(weight), -1))


Fit = Callable[[str, Float32, Reached], Float32]
"""Name and value of a weight and what reaches it, to the weight that takes its place."""


def pass_once(
    model: nn.Module, images: NDArray[np.generic], names: Collection[str], fit: Fit
) -> None:
    """Fit each weight of `names` when `images` reach it; they go on with what it has become.

    Args:
        images: (N, ...); at most `MOST_PASSING` of them, taken evenly, pass.
    """
    some = images[:: -(-len(images) // MOST_PASSING)]
    state = _Passing(dict(model.named_parameters()), names, fit)
    both = as_given(np.concatenate([some, some]))
    give_back()
    with one_thread(), torch.inference_mode(), watched(model, state.see):
        model.eval()(both)


class _Passing:
    """What the weights replaced so far have changed by, while the images pass."""

    def __init__(self, weights: dict[str, nn.Parameter], names: Collection[str], fit: Fit) -> None:
        self.weights, self.names, self.fit = weights, names, fit
        self.change: dict[str, Tensor] = {}
        self.generator = np.random.default_rng(_SEED)

    def see(self, name: str, call: Call, output: Tensor) -> Tensor | None:
        if name not in self.names:
            return None
        before = self.weights[name]
        if name not in self.change:
            weight = before.detach().float().numpy()
            made = self.fit(name, weight, self._reached(call))
            changed = torch.from_numpy(made).reshape(before.shape) - before
            self.change[name] = changed.to(before.dtype)
        half = len(output) // 2
        # Layers are linear: what the new weight changes is the product with the difference.
        output[half:] += call.part(half, len(output)).product(self.change[name])
        return output

    def _reached(self, call: Call) -> Reached:
        chosen = drawn_positions(call, COLUMNS, self.generator)
        half = len(call.inputs) // 2
        sums, columns = np.zeros((2, 1, 1, 1)), 0
        for first in range(0, half, _AT_ONCE):
            last = min(first + _AT_ONCE, half)
            was = call.part(first, last).columns(chosen)
            now = call.part(half + first, half + last).columns(chosen)
            turned = now.transpose(1, 2)
            sums = sums + torch.stack([now @ turned, was @ turned]).double().numpy()
            columns += now.shape[2]
        second, cross = sums / columns
        return Reached(second=second, cross=cross, columns=columns)
