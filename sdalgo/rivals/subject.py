"""The networks that methods are compared on: trained weights, and what says how good they are.

Networks of ImageNet are judged by agreement with themselves on photographs (sdalgo.evaluation),
those for small images by their accuracy on the test part of a labelled set.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.source import require
from sdalgo.decompose import checked, is_decomposed
from sdalgo.evaluation.intervals import Interval
from sdalgo.options import Options
from sdalgo.pow2 import Float32

Metric = Literal["agreement", "accuracy"]
OTHER_BITS = 32
"""Of each value that no method touches: norms with their running statistics, biases."""
_ALL_KERNELS = Options(largest_kernel=None)

RECIPES = ("mobilenet_v2_sd", "efficientnet_lite0_sd")
"""Judged by agreement; recipes, whose weights packages bring."""
TRAININGS = {
    "small_cnn": ("fashion_cnn_fine_tuning", "results/rivals/small_cnn.pt"),
    "resnet20_cifar": ("cifar10_resnet20_one_pass", "data/resnet20-12fca82f.th"),
    "resnet56_cifar": ("cifar10_resnet56_one_pass", "data/resnet56-4bfd9763.th"),
}
"""Judged by accuracy: a training file that says what the images are, and where the weights are."""
CALIBRATION_IMAGES = 512
"""Of the training part that methods may look at, for networks judged by accuracy."""
NETWORKS = (*RECIPES, *TRAININGS)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A score, its 95 % interval, and the cosine of the outputs with the original's."""

    score: float
    interval: Interval
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network that methods are tried on.

    Attributes:
        weights: what methods compress, by name, as the network has them.
        other_bits: everything else that the network needs.
        calibration: images that methods may look at, as the network takes them.
        judge: how good a network with other weights is.
        judged_on: what that is, in words.
        digest: of the network, the calibration images and what it is judged on.
    """

    name: str
    model: nn.Module
    weights: dict[str, Float32]
    other_bits: int
    calibration: Float32
    metric: Metric
    judge: Callable[[nn.Module], Verdict]
    judged_on: str
    digest: str

    @property
    def weight_count(self) -> int:
        return sum(weight.size for weight in self.weights.values())


def subject(name: str, weights: Path | None = None, data: Path | None = None) -> Subject:
    """Return a network of `NETWORKS`, ready.

    Args:
        weights: trained ones, instead of where they usually are.
        data: of a network judged by accuracy: folder or file of its set, as `sdalgo train --data`.

    Raises:
        InputError: there is no such network, or weights or images are missing; it says what brings
            them.
    """
    require("network to compare methods on", name, NETWORKS)
    if name in TRAININGS:
        return _by_accuracy(name, weights, data)
    for option, given in (("--weights", weights), ("--data", data)):
        if given is not None:
            raise InputError.at(option, f"{name} has its own, which `make data` brings")
    return _by_agreement(name)


def _by_agreement(name: str) -> Subject:
    from sdalgo.build import model_and_images
    from sdalgo.evaluation.intervals import agreed
    from sdalgo.evaluation.trial import outputs_of, trial
    from sdalgo.networks import network
    from sdalgo.photos import IMAGENET
    from sdalgo.recipe import load_recipe

    recipe = load_recipe(name)
    model, _ = model_and_images(recipe)
    held = trial(model, getattr(network(recipe.network), "PIXELS", IMAGENET))
    images, groups = held.evaluation.images, held.evaluation.groups

    def judge(other: nn.Module) -> Verdict:
        found = agreed(held.answers, outputs_of(other, images), groups)
        return Verdict(score=found.top1, interval=found.top1_interval, cosine=found.cosine)

    calibration = held.calibration.images
    weights, other_bits = parts_of(model)
    photographs = len(np.unique(groups))
    return Subject(
        name=name, model=model, weights=weights, other_bits=other_bits, calibration=calibration,
        metric="agreement", judge=judge,
        judged_on=f"{len(images)} crops of {photographs} photographs, top-1 agreement with itself",
        digest=_digest(model.state_dict(), [calibration, images, groups]),
    )  # fmt: skip


def _by_accuracy(name: str, weights: Path | None, data: Path | None) -> Subject:
    from sdalgo.evaluation.labelled import labelled
    from sdalgo.networks import network
    from sdalgo.pretrained import file_state, shown_name
    from sdalgo.training.config import load_experiment, narrowed
    from sdalgo.training.dataset import read_samples

    training, usual = TRAININGS[name]
    path = weights or Path(usual)
    if not path.exists():
        raise InputError.at(path, f"not there: {_brings(name)}")
    experiment = narrowed(load_experiment(Path(training)), data, None, None)
    every = experiment.data.model_copy(update={"train": None, "test": None})
    experiment = experiment.model_copy(update={"data": every})
    model: nn.Module = network(experiment.network).build()
    model.load_state_dict(file_state(path, model))
    if experiment.memory_format == "channels_last":
        # torch's own hints leave this out.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train, test = read_samples(experiment)
    held = labelled(model.eval(), train, test, CALIBRATION_IMAGES)

    def judge(other: nn.Module) -> Verdict:
        found = held.judge(other)
        return Verdict(score=found.accuracy, interval=found.interval, cosine=found.cosine)

    kept, other_bits = parts_of(model)
    seen = [held.calibration, test.inputs.numpy(), test.labels.numpy()]
    source = shown_name(Path(experiment.data.folder))
    return Subject(
        name=name, model=model, weights=kept, other_bits=other_bits, calibration=held.calibration,
        metric="accuracy", judge=judge, judged_on=f"{len(test)} test images of {source}",
        digest=_digest(model.state_dict(), seen),
    )  # fmt: skip


def _brings(name: str) -> str:
    if name == "small_cnn":
        return (
            "`python -m benchmarks.trained_rivals small_cnn` makes it in a checkout; --weights "
            "takes others, such as best.pt of a run of `sdalgo train fashion_cnn_fine_tuning`"
        )
    return "--weights FILE names it; docs/reference/training.md says whose weights these are"


def parts_of(model: nn.Module) -> tuple[dict[str, Float32], int]:
    """Return the weights of convolutions and linear layers, and the bits of everything else that
    the network holds as floats."""
    weights, other = {}, 0
    trained = {name for name, _ in model.named_parameters()}
    for name, value in model.state_dict().items():
        shape = tuple(value.shape)
        if name in trained and len(shape) in (2, 4) and is_decomposed(shape, _ALL_KERNELS):
            weights[name] = checked(value.numpy(), name)
        elif value.is_floating_point():
            other += OTHER_BITS * value.numel()
    return weights, other


def _digest(state: Mapping[str, torch.Tensor], arrays: Iterable[NDArray[np.generic]]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for name, value in state.items():
        found.update(name.encode())
        found.update(np.ascontiguousarray(value.numpy()).data)
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
