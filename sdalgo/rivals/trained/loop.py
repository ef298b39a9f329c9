"""The training that all methods share: SGD with momentum, a rate that falls as a cosine.

No part of the training images is held back and no epoch is chosen: the last network counts.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from archsim.formats.errors import InputError
from sdalgo.rivals.trained.method import Method
from sdalgo.training.samples import Augment, Samples


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of the training; the same for every method of a table.

    Attributes:
        lr: at the first step; at the last it is almost zero.
    """

    epochs: int = 2
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 128
    seed: int = 0

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def train(
    model: nn.Module, method: Method, samples: Samples, settings: Settings, augment: Augment
) -> None:
    """Train a network by a method, in place, after the method's `begin`.

    Raises:
        InputError: the loss is no longer a number.
    """
    optimiser, trained = _sgd(model, settings), list(model.parameters())
    steps = settings.epochs * math.ceil(len(samples) / settings.batch)
    step = 0
    for epoch in range(settings.epochs):
        generator = np.random.default_rng([settings.seed, 2, epoch])
        torch.manual_seed(int(generator.spawn(1)[0].integers(2**63)))
        model.train()
        for x, y in samples.shuffled(settings.batch, generator, augment):
            loss = nn.functional.cross_entropy(model(x), y)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise InputError.at(
                    f"{method.name}, {method.setting}", f"the loss is {value}: lower the rate"
                )
            (loss * method.loss_scale).backward()  # type: ignore[no-untyped-call]
            _unscale(model, method.loss_scale)
            method.before_step(model)
            for group in optimiser.param_groups:
                group["lr"] = settings.rate(step, steps)
            optimiser.step()
            optimiser.zero_grad()
            method.after_step(model)
            step += 1
        method.after_epoch(model)
        if any(p is not q for p, q in zip(model.parameters(), trained, strict=True)):
            optimiser, trained = _sgd(model, settings), list(model.parameters())


def _sgd(model: nn.Module, settings: Settings) -> torch.optim.SGD:
    return torch.optim.SGD(
        model.parameters(), lr=settings.lr, momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )  # fmt: skip


def _unscale(model: nn.Module, scale: float) -> None:
    if scale != 1:
        for value in model.parameters():
            if value.grad is not None:
                value.grad /= scale
