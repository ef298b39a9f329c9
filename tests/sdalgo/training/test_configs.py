"""Every shipped training file runs its own path, on a handful of samples in its own format."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from made_data import write_digits, write_set
from slow_cases import slow_where

from sdalgo.networks import network
from sdalgo.training.checkpoint import BEST, load
from sdalgo.training.config import load_experiment
from sdalgo.training.experiment import Runner
from sdalgo.training.sizes import weight_parameters

CONFIGS = sorted(resources.files("sdalgo").joinpath("training", "configs").iterdir(), key=str)


def write_cifar(folder, classes, train, test):
    """Write the binary files of CIFAR: labels in turn, coarse and fine for 100 classes, noise."""
    generator = np.random.default_rng(0)
    label_bytes = 1 if classes == 10 else 2
    records = generator.integers(0, 256, (train + test, label_bytes + 3072), dtype=np.uint8)
    records[:, label_bytes - 1] = np.arange(train + test) % classes
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if classes == 10 else ["train.bin"]
    for name, part in zip(names, np.array_split(records[:train], len(names)), strict=True):
        (folder / name).write_bytes(part.tobytes())
    last = "test_batch.bin" if classes == 10 else "test.bin"
    (folder / last).write_bytes(records[train:].tobytes())


def write_data(kind, folder, every_class):
    if kind == "idx":
        write_set(folder, train=60, test=20)
    elif kind == "digits_json":
        write_digits(folder, [10] * 10)
    elif kind == "brown":
        (folder / "ca01").write_text("A/at small/jj cat/nn sat/vbd ./.\n" * 300)
    elif every_class:
        write_cifar(folder, int(kind[5:]), 100, 100)
    else:
        write_cifar(folder, int(kind[5:]), 30, 10)


def large_layers(name):
    weights = weight_parameters(network(name).build())
    return tuple(layer.removesuffix(".weight") for layer, weight in weights.items()
                 if weight.numel() > 250_000)  # fmt: skip


TRAINED = [path for path in CONFIGS if "one_pass" not in path.name]
STEPS = slow_where(lambda path: "resnet18" in path.name or "mobilenet" in path.name, TRAINED)


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.name.removesuffix(".yaml"))
def test_a_shipped_file_makes_a_real_step(path, tmp_path):
    """One epoch of one batch, from an untrained network, of the last arm that stands alone.

    Layers of many weights stay dense: decomposing them is what would take the time.
    """
    experiment = load_experiment(Path(str(path)))
    assert path.name == f"{experiment.name}.yaml"
    arm = [arm for arm in experiment.arms if not arm.equal_bits][-1]
    data = experiment.data.model_copy(update={"folder": str(tmp_path)})
    write_data(data.kind, tmp_path, experiment.task == "adaptation")
    small = experiment.model_copy(update={
        "data": data, "weights": None, "arms": (arm,), "seeds": (0,),
        "dense": large_layers(experiment.network),
        "pretrain": experiment.pretrain.model_copy(update={"epochs": 0}),
        "train": experiment.train.model_copy(update={"epochs": 1}),
    })  # fmt: skip
    whole = Runner(small, tmp_path / "runs").run()
    run = tmp_path / "runs" / f"{arm.name}-0"
    assert [row["runs"] for row in whole["arms"]] == [1]
    start = load(tmp_path / "runs" / "pretrain-0" / BEST)
    after = load(run / BEST)
    biases = [name for name in after if name in start and name.endswith(("bias", "bias_ih_l0"))]
    changed = [name for name in biases if start[name].shape == after[name].shape
               and not torch.equal(start[name], after[name])]  # fmt: skip
    assert changed
