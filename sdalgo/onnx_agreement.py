"""An ONNX network's weights, and what it computes of photographs with others in their place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from sdalgo import photos
from sdalgo.agreement import Agreement, compare
from sdalgo.checkpoints import read_checkpoint
from sdalgo.importer.execution import execute
from sdalgo.importer.operations import Network
from sdalgo.onnx_graph import OnnxModel
from sdalgo.orientation import Orientation
from sdalgo.pow2 import Float32


@dataclass(frozen=True, kw_only=True)
class OnnxWeights:
    """What the operators of a file use as weights, as layers have them, and the images it is run
    on.

    Attributes:
        lies: how each weight lies in its tensor.
    """

    network: Network
    weights: dict[str, Float32]
    lies: Mapping[str, Orientation]
    images: Float32

    def agreement(self, rebuilt: Mapping[str, Float32]) -> Agreement:
        """Compare the first output with that of the network with other weights, image by image."""
        others = {
            name: torch.from_numpy(self.lies[name].to_tensor(weight).copy())
            for name, weight in rebuilt.items()
        }
        constants = {**self.network.constants, **others}
        return compare(self._outputs(self.network), self._outputs(
            replace(self.network, constants=constants)
        ))  # fmt: skip

    def _outputs(self, network: Network) -> NDArray[np.generic]:
        name = network.inputs[0].name
        found = [
            execute(network, {name: torch.from_numpy(image[None])}, frozenset()).outputs[0].known
            for image in self.images
        ]
        return np.concatenate([one.numpy() for one in found])


def onnx_weights(path: Path) -> OnnxWeights:
    """The weights of an ONNX file whose one input is a photograph as Caffe prepares it.

    Raises:
        InputError: the file cannot be read, has other inputs, or no weights.
    """
    model, read = OnnxModel(path), read_checkpoint(path)
    if len(model.network.inputs) != 1 or len(model.shape) != 3:
        raise InputError.at(path, "is not compared: its one input would have to be an image")
    lies = {name: at for name, at in (read.lies or {}).items() if read.tensors[name].is_float}
    channels, height, width = model.shape
    images = photos.batch((channels, height, width), pixels=photos.CAFFE)[:, ::-1]
    return OnnxWeights(
        network=model.network,
        weights={
            name: np.asarray(at.to_layer(read.tensors[name].array()), np.float32)
            for name, at in lies.items()
        },
        lies=lies,
        images=np.ascontiguousarray(images),
    )
