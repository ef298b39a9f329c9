"""A state dict of a shipped network by the preset `activations`: images in, a container out."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress, silent
from archsim.formats.tensor_record import Tensor
from sdalgo.activations.network import decompose_network
from sdalgo.container import Container
from sdalgo.finite import check_finite
from sdalgo.image_folder import ENDINGS, read_rgb
from sdalgo.networks import network
from sdalgo.options import ActivationOptions, Options
from sdalgo.photos import IMAGENET, prepared
from sdalgo.pretrained import in_model_types


def calibrated_state(
    tensors: dict[str, Tensor],
    options: Options,
    given: tuple[Path, str],
    progress: Progress = silent,
) -> Container:
    """Decompose the weights of a network's state dict for calibration images.

    Args:
        given: the images (`images_of`), and the name of the network.

    Raises:
        InputError: the tensors are not the network's, or the images are not its inputs.
    """
    assert isinstance(options, ActivationOptions)
    place, name = given
    model, size, pixels = built(tensors, name)
    words = getattr(network(name), "VOCABULARY", None)
    images: NDArray[np.generic] = (
        tokens_of(place, size, words) if words else images_of(place, size, pixels)
    )
    found = decompose_network(model, images, options, progress)
    for key, first in _tied(model).items():
        if first in found:
            found[key] = found[first]
    errors = {}
    for key, layer in found.items():
        errors[key] = layer.error(tensors[key].array().astype(np.float32))
    others = {key: tensor for key, tensor in tensors.items() if key not in found}
    return Container(
        layers=found, others=others, form=options.index, options=asdict(options), errors=errors
    )


def built(
    tensors: dict[str, Tensor], name: str
) -> tuple[nn.Module, tuple[int, ...], tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return the network with these weights, its input's shape, and how pixels are normalised."""
    module = network(name)
    with torch.device("meta"):
        model: nn.Module = module.build()
    for key, tensor in tensors.items():
        if tensor.is_float:
            check_finite(tensor.array(), key, "weights")
    state = in_model_types(
        {key: t.array() for key, t in tensors.items()}, model, f"--network {name}"
    )
    tied = _tied(model)
    model.load_state_dict(state, assign=True)  # every name has a tensor of its own now
    for second, first in tied.items():
        if torch.equal(model.get_parameter(second), model.get_parameter(first)):
            place, _, leaf = second.rpartition(".")
            model.get_submodule(place).register_parameter(leaf, model.get_parameter(first))
    return model.eval(), tuple(module.INPUT), getattr(module, "PIXELS", IMAGENET)


def _tied(model: nn.Module) -> dict[str, str]:
    """Return the second names of weights that have several, and the first of each."""
    first: dict[int, str] = {}
    others = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        if first.setdefault(id(weight), name) != name:
            others[name] = first[id(weight)]
    return others


def tokens_of(place: Path, shape: tuple[int, ...], words: int) -> NDArray[np.int64]:
    """Return token ids of an .npz file with the array `images`, (N, *shape).

    Args:
        words: ids are below this.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    if place.is_dir():
        raise InputError.at(place, "a network of tokens is calibrated by an .npz file, not images")
    ids = _array(place)
    if ids.dtype.kind not in "iu" or ids.shape[1:] != shape or not len(ids):
        raise _of_another_kind(place, ids, "token ids", shape)
    if ids.min() < 0 or ids.max() >= words:
        raise InputError.at(place, f"images: token ids are 0 to {words - 1}")
    return ids.astype(np.int64)


def images_of(
    place: Path,
    shape: tuple[int, ...],
    pixels: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET,
) -> NDArray[np.float32]:
    """Return calibration images of a folder, or of an .npz file as they stand there.

    Args:
        place: a folder of images, each prepared as for evaluation (`sdalgo.photos.prepared`); or
            a file with the array `images`, (N, *shape), as the network takes them.

    Raises:
        InputError: there are none, they cannot be read, or they have another shape.
    """
    if place.is_dir():
        paths = sorted(path for path in place.rglob("*") if path.suffix.lower() in ENDINGS)
        if not paths:
            raise InputError.at(place, f"holds no images ({', '.join(ENDINGS)})")
        size = (shape[1], shape[2])
        return np.stack([prepared(read_rgb(path), size, pixels) for path in paths])
    images = _array(place)
    if images.dtype.kind != "f" or images.shape[1:] != shape or not len(images):
        raise _of_another_kind(place, images, "floats", shape)
    return images.astype(np.float32)


def _of_another_kind(
    place: Path, images: NDArray[np.generic], taken: str, shape: tuple[int, ...]
) -> InputError:
    """What the file holds, and what the network takes."""
    held, wanted = ("x".join(map(str, each)) for each in (images.shape, ("N", *shape)))
    message = f"images: {images.dtype}, {held}; the network takes {taken}, {wanted}"
    return InputError.at(place, message)


def _array(place: Path) -> NDArray[np.generic]:
    try:
        with np.load(place, allow_pickle=False) as file:
            return np.asarray(file["images"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        message = "is neither a folder of images nor an .npz file with the array `images`"
        raise InputError.at(place, message) from error
