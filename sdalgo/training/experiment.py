"""A whole experiment: for each seed, pre-train once, then every arm from there (VI-A, VI-C1).

Each training has a folder with its log, its checkpoint and its best network; what is finished is
not done again.
"""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.progress import Progress
from sdalgo.networks import network
from sdalgo.pretrained import file_state
from sdalgo.training import checkpoint, outcome
from sdalgo.training.components import Components, density_for
from sdalgo.training.config import PRETRAINING, Arm, Experiment
from sdalgo.training.convert import to_decomposed
from sdalgo.training.dataset import problems, read_samples
from sdalgo.training.learners import Alternating, Descent, Learner, Switching
from sdalgo.training.loop import Conditions, Run, evaluate
from sdalgo.training.samples import Problem
from sdalgo.training.schedule import Schedule
from sdalgo.training.sizes import training_memory, weight_parameters
from sdalgo.training.summary import summary

Told = Callable[[str], None]
SUMMARY = "summary.json"
SUMMARY_MARK = b'{\n "experiment": {'  # how a summary begins


class Runner:
    """Runs an experiment into a folder.

    Args:
        progress: called with (epoch, epochs, run) before each epoch.
        told: called with a line when a run has ended.
        device: where networks and samples lie and all steps are taken; `cpu` or `cuda`.
    """

    def __init__(
        self, experiment: Experiment, folder: Path,
        progress: Progress | None = None, told: Told | None = None, device: str = "cpu",
    ) -> None:  # fmt: skip
        self.device = usable(device)
        self.experiment, self.folder = experiment, folder
        self.progress, self.told = progress, told

    def run(self) -> dict[str, Any]:
        """Run all seeds and arms, write `summary.json`, and return what it holds.

        Raises:
            InputError: data are missing, settings changed, or a training diverged.
        """
        check_layers(self.experiment)
        samples = read_samples(self.experiment)
        results = []
        for seed in self.experiment.seeds:
            source, target = (
                each.on(self.device) for each in problems(self.experiment, samples, seed)
            )
            start = self._pretrained(source, target, seed)
            done: dict[str, dict[str, Any]] = {}
            for arm in self.experiment.arms:
                done[arm.name] = self._arm(arm, seed, start, target, done)
                results.append(done[arm.name])
        whole = summary(self.experiment, results)
        _write_json(self.folder / SUMMARY, whole)
        return whole

    def _pretrained(self, source: Problem, target: Problem, seed: int) -> nn.Module:
        """Return the network that all arms start from; adaptation gives it a new classifier."""
        e = self.experiment
        torch.manual_seed(seed)
        model: nn.Module = network(e.network).build()
        with_classes(model, source.classes)
        if e.weights is not None:
            with_weights(model, Path(e.weights))
        if e.memory_format == "channels_last":
            # torch's own hints leave this out.
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        learner = Learner(model.to(self.device), self._descent)
        conditions = self._conditions(e.pretrain, seed, e.key("pretrain", seed))
        run = Run(learner, source, conditions, self.folder / f"{PRETRAINING}-{seed}")
        model = run.train(self.progress)
        if e.task == "adaptation" and e.classifier == "new":
            torch.manual_seed(seed)
            with_classes(model, target.classes, renew=True)
        return model.to(self.device)

    @property
    def _descent(self) -> Descent:
        return Descent(momentum=self.experiment.momentum, weight_decay=self.experiment.weight_decay)

    def _arm(
        self, arm: Arm, seed: int, start: nn.Module, target: Problem,
        done: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:  # fmt: skip
        e, name = self.experiment, f"{arm.name}-{seed}"
        size = done[arm.equal_bits]["bits"] if arm.equal_bits else None
        key = e.arm_key(arm, seed, size)
        kept = self.folder / name / outcome.RESULT
        if (known := outcome.finished(kept, key)) and _restored(kept.parent, key):
            return known.model_dump()
        learner = self._learner(arm, copy.deepcopy(start), size)
        phase = e.train
        if arm.method == "components" and "RT" not in arm.components:
            phase = Schedule(epochs=0, lr=e.train.lr)
        begun = time.perf_counter()
        run = Run(learner, target, self._conditions(phase, seed, key), self.folder / name)
        model, records = run.train(self.progress), run.records
        best = _best(records)
        score = evaluate(model, target.test)
        result = outcome.Outcome(
            arm=arm.name, seed=seed, key=key, test_accuracy=score.accuracy,
            test_loss=score.loss, best_epoch=best["epoch"],
            start_accuracy=records[0]["validation_accuracy"], mib=best["mib"],
            bits=round(best["mib"] * 2**23), density=best["density"],
            switched=sum(record.get("switched", 0) for record in records),
            memory=asdict(training_memory(model, e.rule(arm))),
            seconds=round(time.perf_counter() - begun, 1),
        )  # fmt: skip
        outcome.save(kept, result)
        if self.told:
            self.told(f"{e.name} {name}: test {score.accuracy:.2%}, {best['mib']:.4f} MiB")
        return result.model_dump()

    def _learner(self, arm: Arm, model: nn.Module, bits: int | None) -> Learner:
        e = self.experiment
        form = e.form(arm)
        if arm.method == "vanilla":
            return Learner(model, self._descent)
        if arm.method == "switch":
            model = to_decomposed(model, form)
            return Switching(model, self._descent, e.rule(arm), e.train.lr)
        density = None
        if bits is not None:
            entries = sum(value.numel() for value in weight_parameters(model).values())
            density = density_for(bits, entries, 5 if "Q2" in arm.components else 32)
        used = frozenset(arm.components)
        components = Components(used=used, theta=form.theta, density=density)
        return Alternating(model, self._descent, components, form, keep_zeros=arm.keep_zeros)

    def _conditions(self, schedule: Schedule, seed: int, key: str) -> Conditions:
        e = self.experiment
        return Conditions(
            schedule=schedule, batch=e.batch, seed=seed, key=key, augment=e.data.augment,
            autocast=e.autocast == "bfloat16",
        )  # fmt: skip


def usable(device: str) -> torch.device:
    """Return the device of a name.

    Raises:
        InputError: this machine or this torch has none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError.at("--device cuda", "torch finds no GPU here; --device cpu needs none")
    return torch.device(device)


def check_layers(experiment: Experiment) -> None:
    """Refuse ratios and dense layers that the network does not have.

    Raises:
        InputError: naming each of them.
    """
    with torch.device("meta"):
        model: nn.Module = network(experiment.network).build()
    known = [name.removesuffix(".weight") for name in weight_parameters(model)]
    used = {*experiment.rows_pruned, *experiment.dense}
    used |= {name for arm in experiment.arms for name in arm.rows_pruned or ()}
    if unknown := sorted(used - {*known, "default"}):
        raise InputError.at(
            experiment.name,
            f"{experiment.network} has no layer {', '.join(unknown)}; it has {', '.join(known)}",
        )


def with_classes(model: nn.Module, classes: int, *, renew: bool = False) -> None:
    """Give the network's last linear layer `classes` outputs, in place.

    Args:
        renew: draw it anew even where the number is right already.

    Raises:
        InputError: the network has no linear layer.
    """
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise InputError.at(type(model).__name__, "no linear layer to classify with")
    owner, _, last = linear[-1].rpartition(".")
    old = model.get_submodule(linear[-1])
    assert isinstance(old, nn.Linear)
    if renew or old.out_features != classes:
        fresh = nn.Linear(old.in_features, classes, bias=old.bias is not None)
        setattr(model.get_submodule(owner), last, fresh)


def with_weights(model: nn.Module, path: Path) -> None:
    """Give the network the weights of a file, in place.

    Raises:
        InputError: the file cannot be read, or its tensors are not those of the network.
    """
    model.load_state_dict(file_state(path, model))


def _restored(folder: Path, key: str) -> bool:
    """Whether the log of a finished run is what its checkpoint says, or is so now; not where the
    checkpoint is damaged, and the run has to be made again."""
    try:
        checkpoint.restore_log(folder, key)
    except checkpoint.Damaged:  # the run names it
        return False
    return True


def _best(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of the network that the loop kept."""
    trained = records[1:] or records
    return max(trained, key=lambda record: (record["validation_accuracy"], -record["epoch"]))


def _write_json(path: Path, value: Any) -> None:
    write_atomically(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())
