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

from archsim.formats.progress import Progress, silent
from sdalgo.activations.calls import Call, drawn_positions, watched
from sdalgo.activations.moments import Moments
from sdalgo.one_thread import one_thread

_BATCH = 8
COLUMNS = 784
"""Of an image that are taken: 28 * 28."""
_SEED = 0


def batches(images: NDArray[np.generic], count: int = _BATCH) -> Iterator[Tensor]:
    """Yield inputs a few at a time."""
    for start in range(0, len(images), count):
        yield as_given(images[start : start + count])


def as_given(images: NDArray[np.generic]) -> Tensor:
    """Return inputs as a network takes them: whole numbers, as of tokens, else float32."""
    kind = np.int64 if images.dtype.kind in "iu" else np.float32
    return torch.from_numpy(np.ascontiguousarray(images, kind))


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


def layer_moments(
    model: nn.Module, images: NDArray[np.generic], progress: Progress = silent
) -> dict[str, Moments]:
    """Return the moments of every convolution and linear layer, by the name of its weight.

    A weight that several calls share has the moments of all of them.
    """
    sums = _Sums()
    with one_thread(), torch.inference_mode(), watched(model, sums.see):
        for index, batch in enumerate(batches(images)):
            progress(index * _BATCH, len(images), "inputs")
            model.eval()(batch)
    return {
        name: Moments(second=(h / sums.columns[name]).numpy(), columns=sums.columns[name])
        for name, h in sums.second.items()
    }
