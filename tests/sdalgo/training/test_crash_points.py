"""A training that is killed at any of its crash points ends like one that never was.

The oracle is the uninterrupted run: result, summary, log and network are the same to the byte, wall
time apart.
"""

import itertools
import json
import os
from functools import partial

import numpy as np
import pytest
import torch
from crash_points import killed_after
from folder_contents import contents
from made_data import pictures, write_config, write_set

from archsim.formats import files
from archsim.formats.errors import InputError
from sdalgo.training.checkpoint import CHECKPOINT, LOG, load
from sdalgo.training.config import load_experiment
from sdalgo.training.experiment import Runner
from sdalgo.training.learners import Descent, Learner
from sdalgo.training.loop import Conditions, Run
from sdalgo.training.readers import images
from sdalgo.training.samples import Problem
from sdalgo.training.schedule import Schedule

ARMS = [
    "SD",
    {"name": "once", "method": "components", "components": ["DE", "Q2"], "theta": 0.02},
]  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """One arm of one epoch, and one that is not trained at all, as the pre-training is not."""
    folder = tmp_path_factory.mktemp("tiny")
    data = {"kind": "idx", "folder": str(write_set(folder / "data")), "train": 30, "test": 10}
    path = write_config(
        folder, arms=ARMS, data=data, batch=9,
        pretrain={"epochs": 0, "lr": 0.05}, train={"epochs": 1, "lr": 0.05},
        switch={"theta_g": 0.0, "theta_c": 1},
    )  # fmt: skip
    return load_experiment(path)


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    Runner(tiny, folder).run()
    return contents(folder)


EVERY = 3
"""`make kills` kills after each call, here after every third."""


def crash_points(work, folders):
    """The folders that kills leave, up to the run that comes to its end."""
    for count in itertools.count(1, EVERY):
        folder = folders / str(count)
        if not killed_after(count, partial(work, folder)):
            return
        yield folder


@pytest.mark.slow
def test_killed_at_crash_points_a_run_ends_with_the_same_files(tiny, whole, tmp_path):
    points = 0
    for folder in crash_points(lambda at: Runner(tiny, at).run(), tmp_path):
        points += EVERY
        Runner(tiny, folder).run()
        for path in folder.rglob(".*.tmp"):  # what a killed process leaves has no final name
            path.unlink()
        assert contents(folder) == whole, f"killed after call {folder.name}"
    assert points > 40  # each of 14 files is synced, renamed and its folder synced
    result = json.loads(whole["SD-0/result.json"])
    assert result["switched"] > 0
    assert json.loads(whole["once-0/result.json"])["switched"] == 0


@pytest.mark.parametrize("name", ["SD-0", "once-0"])
@pytest.mark.parametrize("log", [None, "", "{", '{"epoch": 0}\n'])
def test_the_log_is_made_of_the_checkpoint_and_never_read(tiny, whole, tmp_path, name, log):
    Runner(tiny, tmp_path).run()
    (tmp_path / name / "result.json").unlink()
    (tmp_path / name / LOG).unlink()
    if log is not None:
        (tmp_path / name / LOG).write_text(log)
    Runner(tiny, tmp_path).run()
    assert contents(tmp_path) == whole


def test_a_lost_log_of_a_finished_run_is_made_anew(tiny, whole, tmp_path):
    Runner(tiny, tmp_path).run()
    (tmp_path / "SD-0" / LOG).unlink()
    Runner(tiny, tmp_path).run()
    assert contents(tmp_path) == whole


class Dropping(torch.nn.Module):
    """A network whose training draws from torch's own generator."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(torch.nn.functional.dropout(x.flatten(1), 0.5, self.training))


def trained(folder, epochs, key="k"):
    pixels, labels = pictures(40, 1)
    data = images(pixels[:, None], labels, (100.0, 70.0), 10)
    torch.manual_seed(0)
    learner = Learner(Dropping(), Descent())
    conditions = Conditions(schedule=Schedule(epochs=epochs, lr=0.01), batch=8, seed=3, key=key)
    Run(learner, Problem(train=data, validation=data, test=data), conditions, folder).train()
    return load(folder / CHECKPOINT)


def test_dropout_draws_the_same_after_a_stop(tmp_path):
    once = trained(tmp_path / "once", 3)
    trained(tmp_path / "twice", 1)
    twice = trained(tmp_path / "twice", 3)
    assert once["records"] == twice["records"]
    for key, value in once["learner"]["model"].items():
        assert torch.equal(value, twice["learner"]["model"][key])


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_of_one_sample_is_legal(tiny, tmp_path, batch):
    experiment = tiny.model_copy(update={"batch": batch})
    result = Runner(experiment, tmp_path).run()
    assert all(run["test_accuracy"] >= 0 for run in result["runs"])


@pytest.mark.parametrize(("size", "count", "batches"), [
    (1, 4, [1, 1, 1, 1]), (3, 7, [3, 3]), (3, 8, [3, 3, 2]), (8, 1, [1]), (1, 1, [1]),
])  # fmt: skip
def test_a_last_batch_of_one_is_left_out_where_others_are_larger(size, count, batches):
    """The lists are written by hand."""
    pixels, labels = pictures(count, 1)
    data = images(pixels[:, None], labels, (100.0, 70.0), 10)
    found = data.shuffled(size, np.random.default_rng(0))
    assert [len(y) for _, y in found] == batches


def test_one_sample_is_refused_where_normalisation_cannot_train_on_it(tmp_path):
    pixels, labels = pictures(4, 1)
    data = images(pixels[:, None], labels, (100.0, 70.0), 10)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 10), torch.nn.BatchNorm1d(10)
    )
    conditions = Conditions(schedule=Schedule(epochs=1, lr=0.01), batch=1, seed=0, key="k")
    problem = Problem(train=data, validation=data, test=data)
    run = Run(Learner(model, Descent()), problem, conditions, tmp_path)
    with pytest.raises(InputError, match="batch: the network's batch normalisation cannot train"):
        run.train()


def test_names_reach_the_disk_with_their_files(tmp_path, monkeypatch):
    """The order of calls, as a journalling file system needs it."""
    calls, fsync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        calls.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def renamed(*paths):
        calls.append("rename")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    files.write_atomically(tmp_path / "new" / "deep" / "file", b"text")
    assert calls == ["folder", "folder", "file", "rename", "folder"]
    assert (tmp_path / "new" / "deep" / "file").read_bytes() == b"text"
