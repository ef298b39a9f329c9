"""Samples for training: arrays, how they become a network's input, and seeded splits (app. E)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError

Index = NDArray[np.int64]
Augment = Literal["none", "crop_flip"]
_CROP = 4  # pixels of padding on each side before the crop, as in the authors' CIFAR runs
_EVALUATED_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Stored inputs with their labels.

    Attributes:
        inputs: uint8, one sample a row.
        labels: int64, (N,) classes or (N, T) of a sequence.
        prepare: stored inputs to what the network takes, float32.
        classes: how many there are.
    """

    inputs: Tensor
    labels: Tensor
    prepare: Callable[[Tensor], Tensor]
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Index) -> Samples:
        """Return the samples of these numbers, in their order."""
        chosen = torch.from_numpy(np.ascontiguousarray(index))
        return replace(self, inputs=self.inputs[chosen], labels=self.labels[chosen])

    def of_classes(self, classes: Index) -> Samples:
        """Return the samples of these classes, whose labels and number of classes stay."""
        return self.take(np.flatnonzero(np.isin(self.labels.numpy(), classes)))

    def on(self, device: torch.device) -> Samples:
        """Return the samples with inputs and labels on a device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    def with_classes(self, classes: Index) -> Samples:
        """Return the samples of these classes, relabelled 0, 1, ... in the order given."""
        relabel = np.full(self.classes, -1)
        relabel[classes] = np.arange(len(classes))
        found = self.of_classes(classes)
        labels = torch.from_numpy(relabel[found.labels.numpy()])
        return replace(found, labels=labels, classes=len(classes))

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give prepared batches for an evaluation."""
        for start in range(0, len(self), _EVALUATED_AT_ONCE):
            part = slice(start, start + _EVALUATED_AT_ONCE)
            yield self.prepare(self.inputs[part]), self.labels[part]

    def shuffled(
        self, size: int, generator: np.random.Generator, augment: Augment = "none"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Give prepared batches of `size` in a random order; the last one may be smaller.

        A last batch of one sample, where others are larger, is left out: batch normalisation may
        not be able to train on it.
        """
        order = torch.from_numpy(generator.permutation(len(self))).to(self.labels.device)
        for start in range(0, len(order), size):
            index = order[start : start + size]
            if len(index) == 1 < min(size, len(order)):
                return
            inputs = self.inputs[index]
            if augment == "crop_flip":
                inputs = crop_flip(inputs, generator)
            yield self.prepare(inputs), self.labels[index]


def crop_flip(images: Tensor, generator: np.random.Generator) -> Tensor:
    """Return each image moved by up to four pixels each way, zeros outside, and half mirrored."""
    height, width = images.shape[-2:]
    padded = torch.nn.functional.pad(images, (_CROP,) * 4)
    moves = generator.integers(0, 2 * _CROP + 1, (len(images), 2))
    mirrored = generator.random(len(images)) < 0.5
    rows = moves[:, :1] + np.arange(height)
    steps = np.arange(width)
    columns = moves[:, 1:] + np.where(mirrored[:, None], steps[::-1], steps)
    at_row, at_column = (torch.from_numpy(each).to(images.device) for each in (rows, columns))
    image, channel = (torch.arange(n, device=images.device) for n in images.shape[:2])
    return padded[
        image[:, None, None, None], channel[:, None, None], at_row[:, None, :, None],
        at_column[:, None, None, :],
    ]  # fmt: skip


def split(count: int, share: float, seed: int) -> tuple[Index, Index]:
    """Return two disjoint parts of 0..count-1, the first with `share` of them, drawn by `seed`."""
    order = np.random.default_rng([seed, 1]).permutation(count)
    first = round(share * count)
    return np.sort(order[:first]), np.sort(order[first:])


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What one training sees: it never sees `test` before its last epoch."""

    train: Samples
    validation: Samples
    test: Samples

    def on(self, device: torch.device) -> Problem:
        """Return the three parts on a device."""
        parts = {name: getattr(self, name).on(device) for name in ("train", "validation", "test")}
        return Problem(**parts)

    @property
    def classes(self) -> int:
        return self.train.classes


def problem(train: Samples, test: Samples, validation: float, seed: int) -> Problem:
    """Hold `validation` of the training samples back.

    Raises:
        InputError: a part would be empty.
    """
    held, used = split(len(train), validation, seed)
    if not len(held) or not len(used) or not len(test):
        raise InputError.at("data", f"{len(train)} samples leave a part empty; give more")
    return Problem(train=train.take(used), validation=train.take(held), test=test)


def halves(train: Samples, test: Samples, validation: float, seed: int) -> tuple[Problem, Problem]:
    """Fine-tuning: half of the samples to pre-train on, the other half to train on (VI-C1)."""
    alpha, beta = split(len(train), 0.5, seed)
    return (
        problem(train.take(alpha), test, validation, seed),
        problem(train.take(beta), test, validation, seed),
    )


def by_class(
    train: Samples, test: Samples, validation: float, seed: int, share: float = 0.5
) -> tuple[Problem, Problem]:
    """Adaptation: pre-train on `share` of the classes, train and test on the others (VI-C1).

    Labels of each part count from 0.
    """
    first, second = _class_parts(train.classes, share, seed)
    source, target = (
        problem(train.with_classes(part), test.with_classes(part), validation, seed)
        for part in (first, second)
    )
    return source, target


def by_numbered_class(
    train: Samples, test: Samples, validation: float, seed: int, share: float = 0.5
) -> tuple[Problem, Problem]:
    """The same, and both parts keep the labels and the number of classes of the whole set."""
    first, second = _class_parts(train.classes, share, seed)
    source, target = (
        problem(train.of_classes(part), test.of_classes(part), validation, seed)
        for part in (first, second)
    )
    return source, target


def _class_parts(classes: int, share: float, seed: int) -> tuple[Index, Index]:
    first, second = split(classes, share, seed)
    if not len(first) or not len(second):
        raise InputError.at("share", f"{share} of {classes} classes leaves one part empty")
    return first, second
