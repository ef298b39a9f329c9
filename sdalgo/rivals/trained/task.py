"""What the methods are trained on and judged by: a trained network, 20 000 images, the test part.

`small_cnn` is on Fashion-MNIST and trained here, from seed 0; `resnet20_cifar` takes a file of
trained weights and one of CIFAR-10's images (docs/reference/training.md).
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.source import require
from sdalgo.networks import network
from sdalgo.rivals.trained.loop import Settings, train
from sdalgo.rivals.trained.method import Method
from sdalgo.training.config import Arm, Data, Experiment
from sdalgo.training.dataset import read_samples
from sdalgo.training.experiment import with_weights
from sdalgo.training.samples import Augment, Samples
from sdalgo.training.schedule import Schedule

IMAGES = 20_000
"""Of the training part, the same for every method."""
START = Settings(epochs=10, lr=0.1)
"""How `small_cnn` comes by its weights: all 60 000 images."""
DATA = {
    "small_cnn": Data(kind="idx", folder="data/fashion-mnist", size=28),
    "resnet20_cifar": Data(
        kind="cifar10", folder="data/cifar-10-batches-bin", size=32, augment="crop_flip",
        scale="imagenet",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Task:
    """A trained network with its images."""

    network: str
    model: nn.Module
    train: Samples
    test: Samples
    augment: Augment


def read(name: str, images: Path | None, count: int | None = IMAGES) -> tuple[Samples, Samples]:
    """Return the training and the test images of a network.

    Args:
        images: a folder or file in place of the usual one.
        count: of training images, drawn by seed 0; None: all.

    Raises:
        InputError: there is no such network, or the images are missing.
    """
    require("network", name, DATA)
    changed = {"train": count} | ({"folder": str(images)} if images else {})
    data = DATA[name].model_copy(update=changed)
    once = Schedule(epochs=1, lr=0.01)
    # Read as `sdalgo train` reads them.
    return read_samples(
        Experiment(
            name=name, network=name, data=data, task="compression", pretrain=once, train=once,
            arms=(Arm(name="VA", method="vanilla"),), memory_format="channels_last",
        )
    )  # fmt: skip


def task(name: str, weights: Path, images: Path | None = None) -> Task:
    """Return a network with the weights of a file.

    Raises:
        InputError: a file is missing, or not what the network takes.
    """
    train_part, test_part = read(name, images)
    if not weights.exists():
        raise InputError.at(weights, "not there: the network's trained weights (--weights)")
    model = built(name)
    with_weights(model, weights)
    return Task(
        network=name, model=model, train=train_part, test=test_part, augment=DATA[name].augment
    )


def built(name: str, seed: int = 0) -> nn.Module:
    """Return the network, untrained, its images' channels last."""
    torch.manual_seed(seed)
    model: nn.Module = network(name).build()
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def trained_start(name: str, images: Path | None, settings: Settings = START) -> nn.Module:
    """Return a network trained from nothing on all images."""
    samples, _ = read(name, images, None)
    model = built(name)
    train(model, Method(), samples, settings, DATA[name].augment)
    return model.eval()
