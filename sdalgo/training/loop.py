"""The training loop: epochs, averaging, validation, checkpoints (docs/reference/training.md).

Everything random is drawn from the seed and the number of the epoch, so a run that goes on from a
checkpoint is the same to the bit as one that was never stopped. The best network is chosen on the
validation part; the test part is looked at once, at the end.
"""

import copy
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import make_folder
from archsim.formats.progress import Progress
from archsim.formats.sealed import set_aside
from sdalgo.finite import check_state, first_layer
from sdalgo.training import checkpoint
from sdalgo.training.averaging import Average, estimate_norms
from sdalgo.training.learners import Learner
from sdalgo.training.samples import Augment, Problem, Samples
from sdalgo.training.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a run depends on besides learner and data.

    Attributes:
        key: of all settings that made the run; a checkpoint of another key is refused.
        autocast: whether products and convolutions of a step are in bfloat16.
    """

    schedule: Schedule
    batch: int
    seed: int
    key: str
    augment: Augment = "none"
    autocast: bool = False


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one network on one set: share of right answers, and mean loss in nats."""

    accuracy: float
    loss: float


def evaluate(model: nn.Module, samples: Samples) -> Score:
    """Return how well a network does."""
    model.eval()
    right, loss, answers = 0, 0.0, 0
    with torch.no_grad():
        for x, y in samples.in_order():
            logits = _flat(model(x))
            labels = y.reshape(-1)
            right += int((logits.argmax(1) == labels).sum())
            loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            answers += len(labels)
    return Score(accuracy=right / answers, loss=loss / answers)


class Run:
    """One training of one learner, kept in a folder.

    Raises:
        InputError: the folder holds another run, or the loss is no longer a number.
    """

    def __init__(
        self, learner: Learner, data: Problem, conditions: Conditions, folder: Path
    ) -> None:
        self.data, self.conditions, self.folder = data, conditions, folder
        self._begin(learner)
        try:
            make_folder(folder)
        except OSError as error:
            raise InputError.at(folder, f"cannot be made: {error.strerror}") from error

    def train(self, progress: Progress | None = None) -> nn.Module:
        """Train to the end, from a checkpoint where there is one, and return the best network.

        `records` then holds what the log does. The best network is on the disk before the
        checkpoint that counts it, and the checkpoint before the log: stopped between two of them, a
        run repeats its last epoch or writes its log anew. Where a file of them is damaged, a note
        says so, both are set aside, and the run begins anew, which gives the same network.
        """
        if not os.path.lexists(self.folder / checkpoint.CHECKPOINT):
            return self._to_the_end(progress)
        fresh = copy.deepcopy(self.learner)
        try:
            self._resume()
            return self._to_the_end(progress)
        except checkpoint.Damaged as damage:
            console.note(f"{damage}; {self.folder.name} is trained again from its start")
            self._set_aside()
            self._begin(fresh)
            return self._to_the_end(progress)

    def _begin(self, learner: Learner) -> None:
        """Start with a learner that has seen nothing."""
        self.learner = learner
        self.average = Average(self.conditions.schedule.swa_small)
        self.records: list[dict[str, Any]] = []
        self.best = -math.inf

    def _to_the_end(self, progress: Progress | None) -> nn.Module:
        schedule = self.conditions.schedule
        if not self.records:
            self.learner.end_epoch()
            self._record(0, self.learner.model, {"lr": 0.0})
            self._save()
        for epoch in range(len(self.records) - 1, schedule.epochs):
            if progress:
                progress(epoch, schedule.epochs, self.folder.name)
            done = self._epoch(epoch, schedule.rate(epoch))
            candidate = self._candidate(epoch)
            self._record(epoch + 1, candidate, done)
            self._save()
        model = self.learner.model
        path = self.folder / checkpoint.BEST
        with _whole(path):
            model.load_state_dict(checkpoint.load(path))
        return model

    def _epoch(self, epoch: int, lr: float) -> dict[str, Any]:
        """Train once on everything; return what the log says of it."""
        model, learner = self.learner.model, self.learner
        generator = np.random.default_rng([self.conditions.seed, 2, epoch])
        # Dropout draws from torch's own generator, which no checkpoint holds.
        torch.manual_seed(int(generator.spawn(1)[0].integers(2**63)))
        model.train()
        learner.start_epoch()
        switched: torch.Tensor | int = 0
        total, seen = 0.0, 0
        batches = self.data.train.shuffled(
            self.conditions.batch, generator, self.conditions.augment
        )
        for x, y in batches:
            loss = nn.functional.cross_entropy(_flat(self._outputs(x)), y.reshape(-1))
            value = float(loss.detach())
            if not math.isfinite(value):
                raise self._diverged(value, epoch, first_layer(model, x))
            loss.backward()  # type: ignore[no-untyped-call]
            switched += learner.update(lr)
            total, seen = total + value * len(y), seen + len(y)
        learner.end_epoch()
        return {"lr": lr, "train_loss": total / seen, "switched": int(switched)}

    def _outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Run the network on a batch that it is trained on."""
        try:
            with torch.autocast(x.device.type, torch.bfloat16, self.conditions.autocast):
                outputs: torch.Tensor = self.learner.model(x)
        except ValueError as error:  # torch's only way to say so; its message names no layer
            if len(x) > 1 or "more than 1 value per channel" not in str(error):
                raise
            message = "the network's batch normalisation cannot train on one sample: 2 or more"
            raise InputError.at("batch", message) from error
        return outputs.float()

    def _candidate(self, epoch: int) -> nn.Module:
        """Return the network to judge after an epoch: the average once there is one."""
        if not self.conditions.schedule.averages(epoch):
            return self.learner.model
        self.average.add(self.learner.model)
        mean = self.average.model(self.learner.model)
        self.learner.settle(mean)
        generator = np.random.default_rng([self.conditions.seed, 3])
        batches = self.data.train.shuffled(self.conditions.batch, generator)
        estimate_norms(mean, (x for x, _ in batches))
        return mean

    def _record(self, epoch: int, model: nn.Module, done: dict[str, Any]) -> None:
        score, size = evaluate(model, self.data.validation), self.learner.size(model)
        if not math.isfinite(score.loss):
            x, _ = next(iter(self.data.validation.in_order()))
            raise self._diverged(score.loss, epoch - 1, first_layer(model, x))
        check_state(model.state_dict(), self.folder)
        if epoch <= 1 or score.accuracy > self.best:  # what has been trained counts from epoch 1 on
            self.best = score.accuracy
            checkpoint.save(self.folder / checkpoint.BEST, model.state_dict())
        self.records.append({
            "epoch": epoch, **done, "validation_accuracy": score.accuracy,
            "validation_loss": score.loss, "mib": size.mib, "density": size.density,
        })  # fmt: skip

    def _save(self) -> None:
        checkpoint.save(self.folder / checkpoint.CHECKPOINT, {
            "key": self.conditions.key, "records": self.records, "best": self.best,
            "learner": self.learner.state_dict(), "average": self.average.state_dict(),
        })  # fmt: skip
        checkpoint.write_log(self.folder / checkpoint.LOG, self.records)

    def _resume(self) -> None:
        device = self.data.train.labels.device
        state = checkpoint.load_checkpoint(self.folder, self.conditions.key, device)
        self.records, self.best = state.records, state.best
        with _whole(self.folder / checkpoint.CHECKPOINT):
            self.learner.load_state_dict(state.learner)
            self.average.load_state_dict(state.average)
        checkpoint.write_log(self.folder / checkpoint.LOG, self.records)

    def _set_aside(self) -> None:
        """Keep what is there of the network under other names: nothing goes on from it."""
        for name in (checkpoint.CHECKPOINT, checkpoint.BEST):
            if os.path.lexists(self.folder / name):
                set_aside(self.folder / name)

    def _diverged(self, loss: float, epoch: int, layer: str) -> InputError:
        where = f", NaN or infinite from layer {layer} on" if layer else ""
        if not self.records:
            return InputError.at(self.folder, f"the loss is {loss} before training{where}")
        kept = self.folder / checkpoint.CHECKPOINT
        return InputError.at(
            self.folder,
            f"the loss is {loss} in epoch {epoch + 1}: lower lr{where}; "
            f"{kept} holds the network after epoch {len(self.records) - 1}",
        )


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say of a state that does not fit the network which file it is from."""
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        message = "is not the state of this network; delete it to start again"
        raise checkpoint.Damaged.at(path, message) from error


def _flat(logits: torch.Tensor) -> torch.Tensor:
    """(N, classes), or of a sequence (N, T, classes) as (N * T, classes)."""
    return logits.reshape(-1, logits.shape[-1])
