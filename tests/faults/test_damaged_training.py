"""What training and building leave, with bytes damaged from a seed: named, set aside, made again.

The oracle is what the undamaged files hold: a run that goes on from damaged ones ends the same.
"""

import io
import json
import shutil
import zipfile
from unittest.mock import ANY

import numpy as np
import pytest
import torch
from damaged_bytes import damaged, encrypted
from made_data import write_config, write_set
from trained_run import trained

from archsim.formats.errors import InputError
from sdalgo import build_parts
from sdalgo.training import outcome
from sdalgo.training.checkpoint import BEST, CHECKPOINT, LOG, Damaged, load, load_checkpoint
from sdalgo.training.config import load_experiment
from sdalgo.training.convergence import curves
from sdalgo.training.experiment import Runner

COUNT = 100
DEEP = b"[" * 200_000 + b"]" * 200_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run = trained(folder)
    return folder, run.records, run.network.state_dict()


def same(found, right):
    return found.keys() == right.keys() and all(
        torch.equal(found[key], right[key]) for key in right
    )


def test_a_checkpoint_is_read_as_it_was_written_or_refused_by_name(whole, tmp_path):
    folder, records, _ = whole
    path = tmp_path / CHECKPOINT
    refused = []
    for content in damaged((folder / CHECKPOINT).read_bytes(), COUNT):
        path.write_bytes(content)
        try:
            found = load_checkpoint(tmp_path)
        except Damaged as error:
            refused.append(str(error))
            continue
        assert found.records == records
        assert same(found.learner["model"], load_checkpoint(folder).learner["model"])
    assert all(str(path) in said for said in refused)
    assert len(refused) > COUNT * 0.7  # between the parts of an archive nothing is read


def repacked(content, change):
    """A checkpoint of legal bytes with other values in it."""
    state = torch.load(io.BytesIO(content), weights_only=True)
    change(state)
    other = io.BytesIO()
    torch.save(state, other)
    return other.getvalue()


def weight_flipped(content):
    """A bit of a weight, which torch itself reads without a word."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [name for name in archive.namelist() if "/data/" in name]
        largest = max(parts, key=lambda name: archive.getinfo(name).file_size)
        part = archive.read(largest)
    at = content.index(part) + len(part) // 2
    other = content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :]
    torch.load(io.BytesIO(other), weights_only=True)
    return other


SPOILT = {
    "a bit of a weight": weight_flipped,
    "nothing": lambda _: b"",
    "half": lambda content: content[: len(content) // 2],
    "text": lambda _: b"{}",
    "encrypted": encrypted,
    "another network": lambda content: repacked(content, lambda state: state.update(
        {"1.weight": torch.zeros(3)} if "key" not in state else
        {"learner": {"model": {}, "descent": {}}})),
    "no key": lambda content: repacked(content, lambda state: state.pop("key", None)),
    "a record that is gone": lambda content: repacked(
        content, lambda state: state.get("records", [0]).pop(0)),
    "an accuracy above 1": lambda content: repacked(
        content, lambda state: state.get("records", [{}])[0].update(validation_accuracy=7.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("file", [CHECKPOINT, BEST])
def test_a_run_is_trained_again_to_the_same_end(file, name, whole, tmp_path, capsys):
    folder, records, state = whole
    shutil.copytree(folder, tmp_path / "run")
    path = tmp_path / "run" / file
    content = path.read_bytes()
    spoilt = SPOILT[name](content)
    if file == BEST and name in {"no key", "a record that is gone", "an accuracy above 1"}:
        spoilt = repacked(content, lambda state: state.pop("1.bias"))
    path.write_bytes(spoilt)
    again = trained(tmp_path / "run")
    assert again.records == records
    assert same(again.network.state_dict(), state)
    said = capsys.readouterr().err
    assert f"{path}: " in said
    assert "is trained again from its start" in said
    assert path.with_name(f"{file}.damaged").read_bytes() == spoilt
    assert same(load(tmp_path / "run" / BEST), state)


def test_folders_in_place_of_files_are_set_aside(whole, tmp_path, capsys):
    folder, records, _ = whole
    shutil.copytree(folder, tmp_path / "run")
    for name in (CHECKPOINT, BEST, LOG):
        (tmp_path / "run" / name).unlink()
        (tmp_path / "run" / name).mkdir()
    assert trained(tmp_path / "run").records == records
    assert capsys.readouterr().err.count("set aside") == 3
    assert (tmp_path / "run" / LOG).read_bytes() == (folder / LOG).read_bytes()


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    data = {"kind": "idx", "folder": str(write_set(folder / "data")), "train": 30, "test": 10}
    path = write_config(
        folder, network="mlp2", rows_pruned={}, arms=["VA"], data=data, batch=9,
        pretrain={"epochs": 0, "lr": 0.05}, train={"epochs": 1, "lr": 0.05},
    )  # fmt: skip
    experiment = load_experiment(path)
    Runner(experiment, folder / "runs").run()
    return experiment, folder / "runs"


def test_logs_and_outcomes_are_made_again_as_they_were(experiment, tmp_path, capsys):
    experiment, folder = experiment
    shutil.copytree(folder, tmp_path / "runs")
    own = tmp_path / "runs" / "VA-0"
    log, result = ((own / name).read_bytes() for name in (LOG, outcome.RESULT))
    right = {**json.loads(result), "seconds": ANY}
    key = right["key"]
    refused = set()
    logs, results = (damaged(each, COUNT) for each in (log, result))
    for line, text in zip((*logs, DEEP), (*results, b"{}"), strict=True):
        (own / outcome.RESULT).write_bytes(text)
        found = outcome.finished(own / outcome.RESULT, key)
        assert found is None or found.model_dump().items() <= right.items()
        (own / LOG).write_bytes(line)
        try:
            curves(experiment, tmp_path / "runs", "validation_loss")
        except InputError as error:
            refused.add(error.problems[0].place)
    assert refused == {str(own / LOG)}
    Runner(experiment, tmp_path / "runs").run()  # what the last of them left
    assert (own / LOG).read_bytes() == log
    assert json.loads((own / outcome.RESULT).read_bytes()) == right
    assert str(own / outcome.RESULT) in capsys.readouterr().err


@pytest.mark.parametrize("change", [
    {"test_accuracy": 0.5}, {"test_accuracy": "0.5"}, {"seed": -1}, {"mib": None}, {"more": 1},
])  # fmt: skip
def test_a_changed_outcome_is_named_and_made_again(change, experiment, tmp_path, capsys):
    experiment, folder = experiment
    shutil.copytree(folder, tmp_path / "runs")
    path = tmp_path / "runs" / "VA-0" / outcome.RESULT
    right = json.loads(path.read_text())
    path.write_text(json.dumps({**right, **change}))
    Runner(experiment, tmp_path / "runs").run()
    assert f"{path}: " in capsys.readouterr().err
    assert json.loads(path.read_text()) == {**right, "seconds": ANY}


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_part_of_a_build_is_read_as_it_was_written_or_made_again(suffix, tmp_path, capsys):
    arrays = {"weight": np.arange(60, dtype=np.int8).reshape(3, 20), "input": np.ones(9, np.int8)}
    profile = {"density": 0.25, "rows": [1, 2]}
    build_parts.write(tmp_path / "a", arrays, profile)
    path = (tmp_path / "a").with_suffix(suffix)
    whole = path.read_bytes()
    made_again = 0
    for content in (*damaged(whole, COUNT), DEEP, b"", b"{}"):
        path.write_bytes(content)
        found = build_parts.read(tmp_path / "a")
        if found is None:
            made_again += 1
            assert f"{path}: " in capsys.readouterr().err
        else:
            assert found[1] == profile
            assert all(np.array_equal(found[0][key], arrays[key]) for key in arrays)
    assert made_again > COUNT * 0.8
    build_parts.write(tmp_path / "a", arrays, profile)
    assert path.read_bytes() == whole
