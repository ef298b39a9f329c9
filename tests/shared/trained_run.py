"""A training that takes a moment."""

import torch
from made_data import pictures

from sdalgo.training.learners import Descent, Learner
from sdalgo.training.loop import Conditions, Run
from sdalgo.training.readers import images
from sdalgo.training.samples import Problem
from sdalgo.training.schedule import Schedule


def trained(folder):
    """A linear classifier after two epochs; its run."""
    pixels, labels = pictures(40, 1)
    data = images(pixels[:, None], labels, (100.0, 70.0), 10)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    conditions = Conditions(schedule=Schedule(epochs=2, lr=0.01), batch=8, seed=3, key="k")
    run = Run(
        Learner(model, Descent()),
        Problem(train=data, validation=data, test=data),
        conditions,
        folder,
    )
    run.network = run.train()
    return run
