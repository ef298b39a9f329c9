"""A network and the two sides of the list: what compressed weights are fitted to and judged by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdalgo.activations.inputs import batches
from sdalgo.agreement import with_weights
from sdalgo.evaluation.crops import CONFIDENT, Crops, cut
from sdalgo.evaluation.intervals import Agreed, agreed
from sdalgo.evaluation.photographs import photographs
from sdalgo.evaluation.refresh import refreshed
from sdalgo.photos import IMAGENET, Pixels
from sdalgo.pow2 import Float32

CALIBRATION_CROPS = 16
CANDIDATES = 24
"""Crops of a photograph of the evaluation that the original network is asked about."""
MOST_CROPS = 6
"""Of a photograph that are kept, the first that it is confident of."""
_REFRESHED = 4  # of so many calibration crops one passes when batch norms are taken anew


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A network, its calibration crops, and the crops that it is judged on with its answers."""

    model: nn.Module
    calibration: Crops
    evaluation: Crops
    answers: Float32

    def judge(self, rebuilt: Mapping[str, Float32]) -> Agreed:
        """Return how far the network with other weights agrees with itself."""
        return self._compared(with_weights(self.model, rebuilt))

    def judge_refreshed(self, rebuilt: Mapping[str, Float32]) -> Agreed | None:
        """Return the same after batch norms took their statistics from a quarter of the calibration
        crops; None where the network has none."""
        some = self.calibration.images[::_REFRESHED]
        other = refreshed(with_weights(self.model, rebuilt), some)
        return None if other is None else self._compared(other)

    def _compared(self, other: nn.Module) -> Agreed:
        outputs = outputs_of(other, self.evaluation.images)
        return agreed(self.answers, outputs, self.evaluation.groups)


def trial(model: nn.Module, pixels: Pixels = IMAGENET) -> Trial:
    """Cut the crops of both sides; of evaluation those that the network is confident of.

    Raises:
        InputError: a photograph is not there (`make data`).
    """
    calibration = cut(photographs("calibration"), CALIBRATION_CROPS, pixels=pixels)
    candidates = cut(photographs("evaluation"), CANDIDATES, pixels=pixels)
    answers = outputs_of(model, candidates.images)
    kept = confident(answers, candidates.groups)
    return Trial(
        model=model, calibration=calibration, evaluation=candidates.chosen(kept),
        answers=answers[kept],
    )  # fmt: skip


def confident(answers: Float32, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which images to keep: the first `MOST_CROPS` of each photograph whose top-1
    probability exceeds `CONFIDENT`."""
    shifted = np.exp(answers.astype(np.float64) - answers.max(axis=1, keepdims=True))
    sure = shifted.max(axis=1) / shifted.sum(axis=1) > CONFIDENT
    kept = np.zeros(len(groups), np.bool_)
    for group in np.unique(groups):
        kept[np.flatnonzero(sure & (groups == group))[:MOST_CROPS]] = True
    return kept


def outputs_of(model: nn.Module, images: Float32) -> Float32:
    """Return a network's outputs, (N, classes), some images at a time."""
    with torch.inference_mode():
        return np.concatenate([model.eval()(batch).numpy() for batch in batches(images)])
