"""A row of the table for each method, all from one trained network by one training."""

import copy
import time
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

from sdalgo.evaluation.labelled import wilson
from sdalgo.one_thread import one_thread
from sdalgo.rivals.row import Row
from sdalgo.rivals.trained.layers import other_bits, weight_count
from sdalgo.rivals.trained.loop import Settings, train
from sdalgo.rivals.trained.method import Method
from sdalgo.rivals.trained.stored import Stored
from sdalgo.rivals.trained.task import Task
from sdalgo.training.averaging import estimate_norms
from sdalgo.training.loop import evaluate
from sdalgo.training.samples import Samples

REFRESHED_ON = 2_000
"""Training images on which statistics of normalisation are taken anew."""


def rows(task: Task, methods: Iterable[Method], settings: Settings | None = None) -> Iterator[Row]:
    """Yield the row of each method as it is done, on one thread.

    Raises:
        InputError: a training diverged.
    """
    for method in methods:
        with one_thread():
            yield row(task, method, settings or Settings())


def row(task: Task, method: Method, settings: Settings) -> Row:
    """Train a copy of the task's network by a method, and judge it."""
    began = time.process_time()
    model, stored = compressed(task, method, settings)
    spent = time.process_time() - began
    score = evaluate(model, task.test).accuracy
    return Row(
        method=method.name,
        setting=method.setting,
        weights=weight_count(task.model),
        layer_bits=sum(each.bits() for each in stored.values()) + method.side_bits(model),
        other_bits=other_bits(model),
        metric="accuracy",
        score=score,
        interval=wilson(round(score * len(task.test)), len(task.test)),
        refreshed=_refreshed(task, model, settings) if method.trained else None,
        epochs=settings.epochs if method.trained else 0,
        seconds=spent,
    )


def compressed(
    task: Task, method: Method, settings: Settings
) -> tuple[nn.Module, dict[str, Stored]]:
    """Return the trained network, holding what is stored of it, and that."""
    model = copy.deepcopy(task.model)
    first = drawn(task.train, settings.batch, settings.seed)
    # What a method draws before the first step.
    torch.manual_seed(settings.seed)
    method.begin(model)
    method.look(model, first.prepare(first.inputs))
    if method.trained:
        train(model, method, task.train, settings, task.augment)
    stored = method.finish(model)
    return model.eval(), stored


def _refreshed(task: Task, model: nn.Module, settings: Settings) -> float:
    """Accuracy with statistics of normalisation taken anew on training images."""
    fresh = copy.deepcopy(model)
    part = drawn(task.train, REFRESHED_ON, settings.seed)
    generator = np.random.default_rng([settings.seed, 3])
    estimate_norms(fresh, (x for x, _ in part.shuffled(settings.batch, generator)))
    return evaluate(fresh, task.test).accuracy


def drawn(samples: Samples, count: int, seed: int) -> Samples:
    """Return some samples; drawn, for a file may have its images sorted by class."""
    order = np.random.default_rng([seed, 4]).permutation(len(samples))
    return samples.take(np.sort(order[:count]))
