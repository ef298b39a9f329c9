"""The samples of an experiment: read, as its network takes them, and divided by its task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archsim.formats.errors import InputError
from sdalgo.networks import network
from sdalgo.training.config import Experiment
from sdalgo.training.readers import READERS, TEXTS, as_imagenet
from sdalgo.training.samples import Problem, Samples, by_class, by_numbered_class, halves, problem


def problems(
    experiment: Experiment, samples: tuple[Samples, Samples], seed: int
) -> tuple[Problem, Problem]:
    """Return what the network is pre-trained on, and what every arm is trained on (VI-C1)."""
    train, test = samples
    held = experiment.validation
    if experiment.task == "fine_tuning":
        return halves(train, test, held, seed)
    if experiment.task == "adaptation":
        parts = by_class if experiment.classifier == "new" else by_numbered_class
        return parts(train, test, held, seed, experiment.source_classes)
    same = problem(train, test, held, seed)
    return same, same


def read_samples(experiment: Experiment) -> tuple[Samples, Samples]:
    """Return the training and the test samples as the network takes them.

    Raises:
        InputError: files are missing or damaged, or are not what the network takes.
    """
    data = experiment.data
    if not Path(data.folder).exists():
        hint = "data.folder or --data names it; `make data` brings some sets"
        raise InputError.at(data.folder, f"not there: {hint}")
    train, test = READERS[data.kind](Path(data.folder), data.size)
    shape = network(experiment.network).INPUT
    if (data.kind in TEXTS) != (len(shape) == 2):
        raise InputError.at("data", f"{data.kind} is not what {experiment.network} takes: {shape}")
    if data.kind not in TEXTS and tuple(train.inputs.shape[1:]) != shape:
        train, test = (_as_channels(part, shape) for part in (train, test))
    if data.scale == "imagenet":
        if len(shape) != 3 or shape[0] != 3:
            raise InputError.at(
                "data.scale", f"imagenet is of images in colour, not of {data.kind}"
            )
        train, test = (replace(part, prepare=as_imagenet) for part in (train, test))
    if experiment.memory_format == "channels_last":
        if len(shape) != 3:
            raise InputError.at("memory_format", f"channels_last is of images, not of {data.kind}")
        train, test = (replace(part, prepare=_channels_last(part)) for part in (train, test))
    generator = np.random.default_rng(0)  # the subset is the same for every seed
    return _subset(train, data.train, generator), _subset(test, data.test, generator)


def _channels_last(samples: Samples) -> Callable[[Tensor], Tensor]:
    def prepare(stored: Tensor) -> Tensor:
        return samples.prepare(stored).contiguous(memory_format=torch.channels_last)

    return prepare


def _subset(samples: Samples, count: int | None, generator: np.random.Generator) -> Samples:
    """`count` of the samples in their order, all where there are no more."""
    if not count or count >= len(samples):
        return samples
    return samples.take(np.sort(generator.permutation(len(samples))[:count]))


def _as_channels(samples: Samples, shape: tuple[int, ...]) -> Samples:
    """Grey images for a network of colour images: the plane three times."""
    found = tuple(samples.inputs.shape[1:])
    if found[0] != 1 or found[1:] != shape[1:]:
        raise InputError.at("data", f"samples of shape {found}, and the network takes {shape}; "
                                 "data.size sets the sides")  # fmt: skip
    repeated = samples.inputs.expand(-1, shape[0], -1, -1)
    return Samples(inputs=repeated, labels=samples.labels, prepare=samples.prepare,
                   classes=samples.classes)  # fmt: skip
