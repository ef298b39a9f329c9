"""Reading the second moments of a network's layers from calibration images, by torch.

Images pass in small batches and columns are summed as they come, so that memory is that of the
matrices. Wide planes are thinned: of their columns a fixed number per image is taken, drawn by a
seed.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdalgo.activations.calls import Call, drawn_positions, watched
from sdalgo.activations.moments import Moments
from sdalgo.one_thread import one_thread

_BATCH = 8
COLUMNS = 784
"""Of an image that are taken: 28 * 28."""
_SEED = 0


def batches(images: NDArray[np.generic], count: int = _BATCH) -> Iterator[Tensor]:
    """Yield images a few at a time, as float32."""
    for start in range(0, len(images), count):
        yield torch.from_numpy(np.ascontiguousarray(images[start : start + count], np.float32))


class _Sums:
    """X X^T of each layer, as columns come in."""

    def __init__(self) -> None:
        self.second: dict[str, Tensor] = {}
        self.columns: dict[str, int] = {}
        self.generator = np.random.default_rng(_SEED)

    def see(self, name: str, call: Call, _output: Tensor) -> None:
        found = call.columns(drawn_positions(call, COLUMNS, self.generator))
        product = (found @ found.transpose(1, 2)).double()
        self.second[name] = self.second[name] + product if name in self.second else product
        self.columns[name] = self.columns.get(name, 0) + found.shape[2]


def layer_moments(model: nn.Module, images: NDArray[np.generic]) -> dict[str, Moments]:
    """Return the moments of every convolution and linear layer, by the name of its weight.

    A weight that several calls share has the moments of all of them.
    """
    sums = _Sums()
    with one_thread(), torch.inference_mode(), watched(model, sums.see):
        for batch in batches(images):
            model.eval()(batch)
    return {
        name: Moments(second=(h / sums.columns[name]).numpy(), columns=sums.columns[name])
        for name, h in sums.second.items()
    }
