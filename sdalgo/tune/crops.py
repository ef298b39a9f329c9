"""The three sets of images of a search: what is fitted to, what chooses, and what judges.

Of the list of photographs (sdalgo.evaluation) the calibration side fits and chooses, with crops of
its own for each, and the evaluation side judges what has been chosen: the same crops as those of
docs/activation_aware.md. Of images of the user's own, every second of `calibration` chooses.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archsim.formats.errors import InputError
from sdalgo.activations.state import images_of
from sdalgo.evaluation.crops import Crops, cut
from sdalgo.evaluation.photographs import Side, photographs
from sdalgo.evaluation.trial import CALIBRATION_CROPS, CANDIDATES, confident, outputs_of
from sdalgo.one_thread import one_thread
from sdalgo.photos import IMAGENET
from sdalgo.pow2 import Float32

Groups = NDArray[np.int64]
CHOOSING = 8
"""Crops of each calibration photograph, after those that are fitted to, of which the original
network is asked; those that it is confident of choose."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Images, the original network's answers to them, and the photograph that each is from."""

    images: Float32
    answers: Float32
    groups: Groups


@dataclass(frozen=True, kw_only=True)
class ImageSets:
    """Images that calibrated presets are fitted to, those that points are chosen by, and those
    that the chosen ones are judged by."""

    fit: Float32
    choose: Asked
    judge: Asked


def image_sets(
    model: nn.Module, module: ModuleType, own: tuple[str | None, str | None]
) -> ImageSets:
    """Return the images for a network.

    Args:
        module: the network's file.
        own: folders or .npz files of the user's for calibration and evaluation; None: photographs.

    Raises:
        InputError: they cannot be read, or are no inputs of the network.
    """
    calibration, evaluation = own
    if calibration is None or evaluation is None:
        return _of_photographs(model, module)
    shape, pixels = tuple(module.INPUT), getattr(module, "PIXELS", IMAGENET)
    fit = images_of(Path(calibration), shape, pixels)
    if len(fit) < 2:
        raise InputError.at(calibration, "one image: every second chooses, so two are the least")
    judging = images_of(Path(evaluation), shape, pixels)
    return ImageSets(
        fit=fit[0::2], choose=_each_alone(model, fit[1::2]), judge=_each_alone(model, judging)
    )


def _each_alone(model: nn.Module, images: Float32) -> Asked:
    answers = _answers(model, images)
    return Asked(images=images, answers=answers, groups=np.arange(len(images)))


def _of_photographs(model: nn.Module, module: ModuleType) -> ImageSets:
    shape = tuple(module.INPUT)
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2] or hasattr(module, "VOCABULARY"):
        message = f"the network takes {shape}, not square photographs: give `calibration` and"
        raise InputError.at("calibration", f"{message} `evaluation` images of your own")
    each = CALIBRATION_CROPS + CHOOSING
    fitting = _cut("calibration", each, module)
    first = np.arange(len(fitting.crops)) % each < CALIBRATION_CROPS
    return ImageSets(
        fit=fitting.chosen(first).images,
        choose=_sure(model, fitting.chosen(~first)),
        judge=_sure(model, _cut("evaluation", CANDIDATES, module)),
    )


def _cut(side: Side, count: int, module: ModuleType) -> Crops:
    pixels = getattr(module, "PIXELS", IMAGENET)
    found = cut(photographs(side), count, module.INPUT[1], pixels)
    if not getattr(module, "BLUE_FIRST", False):
        return found
    return Crops(images=found.images[:, ::-1].copy(), crops=found.crops)


def _sure(model: nn.Module, crops: Crops) -> Asked:
    """Those of which the network is confident; of one that is confident of none, all."""
    answers = _answers(model, crops.images)
    kept = confident(answers, crops.groups)
    if not kept.any():
        kept[:] = True
    return Asked(images=crops.chosen(kept).images, answers=answers[kept], groups=crops.groups[kept])


def _answers(model: nn.Module, images: Float32) -> Float32:
    """Outputs, maps as (N, ...) too: their entries then stand for classes."""
    with one_thread():
        outputs = outputs_of(model, images)
    return outputs.reshape(len(outputs), -1)
