"""`benchmarks.gpu_cifar`: what its parts train, and the table of what came out."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import gpu_cifar
from sdalgo.training.config import load_experiment
from sdalgo.training.schedule import Schedule


def asked(part, device="cuda"):
    return Namespace(
        part=part, data=Path("images.npz"), device=device, epochs=(30, 20), images=None
    )


@pytest.mark.parametrize("part", [part for part in gpu_cifar.parts() if part.endswith("1")])
def test_a_part_is_a_shipped_file_with_fewer_epochs_and_all_readings(part):
    name, task, seed = part.split("-")
    made, shipped = (
        gpu_cifar.experiment(asked(part)),
        load_experiment(Path(f"cifar10_{name}_{task}")),
    )
    assert (made.network, made.task, made.theta) == (shipped.network, shipped.task, shipped.theta)
    assert made.rows_pruned == shipped.rows_pruned
    assert made.seeds == (int(seed),)
    assert (made.pretrain.epochs, made.train.epochs) == (30, 20)
    assert (made.train.lr, made.train.swa_lr) == (shipped.train.lr, shipped.train.swa_lr)
    assert {arm.name: made.rule(arm).signal for arm in made.arms if arm.method == "switch"} == {
        "SD_released": "step", "SD": "gradient", "SD_accumulate": "accumulate", "SS": "step"
    }  # fmt: skip
    assert made.autocast == "bfloat16"
    assert gpu_cifar.experiment(asked(part, "cpu")).autocast == "none"


def test_averaging_begins_at_the_same_share_of_the_epochs():
    found = gpu_cifar.shorter(Schedule(epochs=200, lr=0.1, swa_start=140), 30)
    assert (found["epochs"], found["swa_start"]) == (30, 21)
    assert gpu_cifar.shorter(Schedule(epochs=200, lr=0.1), 30)["swa_start"] is None


def written(folder, part, finished, accuracy):
    row = {"arm": "VA", "test_accuracy": accuracy}
    found = {"part": part, "finished": finished, "arms": [row]}
    (folder / f"{part}.json").write_text(json.dumps(found))


def test_the_table_has_mean_and_spread_of_what_is_finished(tmp_path):
    for seed, accuracy in enumerate((0.9, 0.92)):
        written(tmp_path, f"resnet18-fine_tuning-{seed}", True, accuracy)
    written(tmp_path, "resnet18-fine_tuning-2", False, 0.1)
    last = gpu_cifar.table([tmp_path]).splitlines()[-1].split()
    assert last == ["resnet18", "fine_tuning", "VA", "2", "91.00", "1.41"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["resnet50"], "no such part"), (["--table", "."], "no finished part")],
)
def test_bad_input_is_a_line_and_status_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gpu_cifar", *arguments])
    assert gpu_cifar.main() == 2
    assert said in capsys.readouterr().err
