"""An ONNX file that is run on what suits its inputs, and what the run has found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdalgo.importer.feeds import Shape, Wanted, channels_first, feeds_of, is_given, shapes_of
from sdalgo.importer.run import NetworkRun
from sdalgo.onnx_network import read_network


class OnnxModel(NetworkRun):
    """A model read from a file.

    Args:
        wanted: what is asked of its inputs, such as the sizes that the file leaves open.

    Attributes:
        path: the file.
        shapes: of its inputs by name.
    """

    def __init__(self, path: Path, wanted: Wanted | None = None) -> None:
        super().__init__(read_network(path))
        self.path, self.wanted = path, wanted or Wanted()
        self.shapes = shapes_of(self.network, self.wanted)

    @property
    def shape(self) -> Shape:
        """(C, H, W) of the first input, also where the file has channels last."""
        return channels_first(self.shapes[self.network.inputs[0].name][1:])

    def run_alone(self) -> str:
        """Run on what suits each input; returns what that is.

        Raises:
            InputError: something of an operator is not known here, or has no place in a workload;
                a value is NaN or infinite.
        """
        feeds = feeds_of(self.network, self.wanted)
        self.run(feeds.tensors, feeds.given)
        return feeds.said

    def run_image(self, image: NDArray[np.float32]) -> NDArray[Any]:
        """Run one image (C, H, W); returns the first output."""
        (given,) = self.network.inputs
        if self.shape != self.shapes[given.name][1:]:
            image = image.transpose(1, 2, 0)
        batch = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]
        named = frozenset({given.name} if is_given(given) else ())
        return self.run({given.name: batch}, named)[0].numpy()
