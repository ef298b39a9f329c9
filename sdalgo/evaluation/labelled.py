"""Accuracy on labelled test images, of a network with other weights."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sdalgo.agreement import cosines
from sdalgo.evaluation.intervals import Interval
from sdalgo.one_thread import one_thread
from sdalgo.pow2 import Float32
from sdalgo.training.samples import Samples

_COVERED = 1.959964  # deviations of a normal variable between which 95 % of it lie

_AT_ONCE = 125  # images; a third faster than 500, whose planes leave the cache


@dataclass(frozen=True, kw_only=True)
class Right:
    """What a network does on labelled images.

    Attributes:
        accuracy: share of right answers; `interval` is Wilson's, 95 %, of the images as a sample.
        cosine: of the outputs with the original network's, mean over images.
    """

    images: int
    accuracy: float
    interval: Interval
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A network, what methods may look at, and the labelled images that it is judged on.

    Attributes:
        calibration: of the training part, (N, ...) as the network takes them.
        answers: of the network itself to the test part, (N, classes).
    """

    model: nn.Module
    calibration: Float32
    test: Samples
    answers: Float32

    def judge(self, other: nn.Module) -> Right:
        """Return how right the network is with other weights or statistics."""
        outputs = answers_of(other, self.test).astype(np.float64)
        right = outputs.argmax(axis=1) == self.test.labels.numpy()
        cosine = cosines(self.answers.astype(np.float64), outputs)
        return Right(
            images=len(right), accuracy=float(right.mean()),
            interval=wilson(int(right.sum()), len(right)), cosine=float(cosine.mean()),
        )  # fmt: skip


def labelled(model: nn.Module, train: Samples, test: Samples, count: int) -> Labelled:
    """Draw `count` calibration images of the training part, by seed 0."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(train))[:count])
    images = train.prepare(train.take(chosen).inputs).numpy()
    return Labelled(
        model=model, calibration=np.ascontiguousarray(images, np.float32), test=test,
        answers=answers_of(model, test),
    )  # fmt: skip


def answers_of(model: nn.Module, samples: Samples) -> Float32:
    """Return a network's outputs, (N, classes), on one thread."""
    starts = range(0, len(samples), _AT_ONCE)
    with one_thread(), torch.inference_mode():
        model.eval()
        parts = [model(samples.prepare(samples.inputs[at : at + _AT_ONCE])) for at in starts]
    return np.concatenate([part.numpy() for part in parts])


def wilson(right: int, images: int) -> Interval:
    """Return the 95 % interval of a share (Wilson 1927), which no share takes below 0 or above 1.

    Args:
        right: of `images`, which are at least one.
    """
    share, square = right / images, _COVERED**2
    middle = (share + square / (2 * images)) / (1 + square / images)
    inner = share * (1 - share) / images + square / (4 * images**2)
    reach = _COVERED * inner**0.5 / (1 + square / images)
    return max(0.0, middle - reach), min(1.0, middle + reach)
