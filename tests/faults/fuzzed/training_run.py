"""Checkpoints, best networks, logs and results of training: a run goes on from what is whole, and
ends as it would have."""

import io
import json
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from byte_mutants import bytes_mutant, json_text, sealed_mutant, tree_mutant
from damaged_bytes import damaged
from trained_run import trained

from archsim.formats.sealed import sealed
from sdalgo.training import outcome
from sdalgo.training.checkpoint import BEST, CHECKPOINT, LOG

SUFFIX = ".run"
PLACES = (".pt", ".json", ".jsonl", ".run")
EXAMPLES = 10


def seeds():
    return [*_whole()[0].values()]


def mutate(rng, seed):
    if seed.startswith(b"PK"):
        with suppress(RecursionError):  # a tree of thousands of levels is more than json reads
            if rng.random() < 0.5:
                return _state(rng, seed)
        return next(damaged(seed, 1, rng.random()))
    return sealed_mutant(rng, seed) if seed.startswith(b"{\n") else bytes_mutant(rng, seed)


def check(path):
    files, records = _whole()
    content = path.read_bytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each, whole in files.items():
            (folder / each).write_bytes(whole)
        (folder / outcome.RESULT).write_bytes(content)
        found = outcome.finished(folder / outcome.RESULT, "k")
        json.dumps(found and found.model_dump(), allow_nan=False)
        like = _name(files, content)
        (folder / like).write_bytes(content)
        assert len(trained(folder).records) == len(records)


def _name(files, content):
    """Which of the files it is put in the place of."""
    if content[:2] == b"PK":
        return BEST if len(content) % 2 else CHECKPOINT
    return LOG


@cache
def _whole():
    """The files of a short training by name, and what it recorded."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = trained(folder)
        files = {each: (folder / each).read_bytes() for each in (CHECKPOINT, BEST, LOG)}
        memory = {"weights": 3}
        own = outcome.Outcome(
            arm="VA", seed=0, key="k", test_accuracy=0.5, test_loss=1.0, best_epoch=1,
            start_accuracy=0.1, mib=0.5, bits=300, density=1.0, switched=0, memory=memory,
            seconds=1.0,
        )  # fmt: skip
        files[outcome.RESULT] = sealed(own.model_dump(), ("seconds",))
        return files, run.records


def _state(rng, seed):
    """A whole file of other plain values and of tensors in other places."""
    state = torch.load(io.BytesIO(seed), weights_only=True)
    tensors = {}

    def known(value):
        if isinstance(value, dict):
            return {key: known(each) for key, each in value.items() if isinstance(key, str)}
        if isinstance(value, (list, tuple)):
            return [known(each) for each in value]
        if isinstance(value, torch.Tensor):
            tensors[f"tensor {len(tensors)}"] = value
            return f"tensor {len(tensors) - 1}"
        return value

    def back(value):
        if isinstance(value, dict):
            return {key: back(each) for key, each in value.items()}
        if isinstance(value, list):
            return [back(each) for each in value]
        return tensors.get(value, value) if isinstance(value, str) else value

    file = io.BytesIO()
    torch.save(back(json.loads(json_text(tree_mutant(rng, known(state))))), file)
    return file.getvalue()
