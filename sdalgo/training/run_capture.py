"""A training workload from a run of `sdalgo train`: the next step of its network
(docs/reference/formats.md).

The network, its codes and its counters are those after the last epoch; one mini-batch of the run's
own training samples goes through it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from archsim.formats.errors import InputError
from sdalgo.build import Built, write_workload
from sdalgo.graph import Node, layer_graph
from sdalgo.networks import network
from sdalgo.training import checkpoint
from sdalgo.training.capture import STORED_BASIS, Captured, Steps, capture, captured_entries
from sdalgo.training.config import Arm, Experiment
from sdalgo.training.convert import to_decomposed
from sdalgo.training.dataset import problems, read_samples
from sdalgo.training.experiment import with_classes
from sdalgo.training.samples import Problem
from sdalgo.workload import header


def capture_runs(experiment: Experiment, runs: Path, folder: Path) -> list[Built]:
    """Write a workload NAME_ARM_SEED for each run of an arm that trains codes.

    Args:
        runs: the folder of the experiment's runs, all of them finished.
        folder: where to write.

    Raises:
        InputError: no arm trains codes, the network does not take images, or a run is missing.
    """
    arms = [arm for arm in experiment.arms if arm.method == "switch"]
    if not arms:
        raise InputError.at(experiment.name, "no arm with method switch, hence no codes to capture")
    shape = network(experiment.network).INPUT
    if len(shape) != 3:
        raise InputError.at(experiment.network, f"takes {shape}; training workloads are of images")
    samples = read_samples(experiment)
    built = []
    for seed in experiment.seeds:
        target = problems(experiment, samples, seed)[1]
        for arm in arms:
            state = checkpoint.load_checkpoint(runs / f"{arm.name}-{seed}")
            head = _header(experiment, arm, seed, len(state.records) - 1)
            nodes, tensors = _captured(experiment, arm, target, state.learner["model"], seed)
            entries = captured_entries(nodes, tensors)
            built.append(write_workload(folder, head, entries, tensors))
    return built


def _captured(
    experiment: Experiment, arm: Arm, target: Problem, weights: dict[str, Tensor], seed: int
) -> tuple[list[Node], Captured]:
    """The layers of a run's network with its `weights`, and the tensors of its next step."""
    model: nn.Module = network(experiment.network).build()
    with_classes(model, target.classes)
    nodes = layer_graph(model, network(experiment.network).INPUT)
    # Its own weights give the codes their shapes; the run's state then replaces them.
    model = to_decomposed(model, experiment.form(arm))
    model.load_state_dict(weights)
    steps, generator = Steps(), np.random.default_rng([seed, 4])
    batch = next(target.train.shuffled(steps.samples, generator, experiment.data.augment))
    names = [node.name for node in nodes if node.has_weights]
    return nodes, capture(model, names, batch, steps.stored)


def _header(experiment: Experiment, arm: Arm, seed: int, epochs: int) -> dict[str, Any]:
    steps, form = Steps(), experiment.form(arm)
    return header(
        f"{experiment.name}_{arm.name}_{seed}", "training", experiment.batch,
        made_by=f"sdalgo train {experiment.name} --arm {arm.name} --seed {seed} --capture",
        weights=f"{experiment.task}: pre-trained, one pass of SD with theta {form.theta}, "
        f"and {epochs} epochs of SD-T",
        activations=f"the next training step, {steps.samples} samples of the training data "
        f"({experiment.data.kind}), bfloat16; {steps.stored} of them stored",
        basis=STORED_BASIS, licence="that of the training data",
    )  # fmt: skip
