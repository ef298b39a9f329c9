"""Curves over the epochs: means and deviations by hand, and figures that are really drawn."""

import json
import xml.etree.ElementTree as ET

import pytest
from made_data import write_config

from archsim.formats.errors import InputError
from sdalgo.cli.main import main
from sdalgo.training.config import load_experiment
from sdalgo.training.convergence import curves, draw


def write_logs(folder, logs):
    for name, values in logs.items():
        (folder / name).mkdir()
        lines = [json.dumps({"validation_accuracy": v, "validation_loss": 1 - v}) for v in values]
        (folder / name / "log.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def made(tmp_path):
    arms = ["VA", {"name": "once", "method": "components", "components": ["DE"]}, "SD"]
    experiment = load_experiment(write_config(tmp_path, arms=arms, seeds=[0, 4]))
    write_logs(tmp_path, {
        "VA-0": [0.1, 0.5, 0.75], "VA-4": [0.3, 0.5, 0.25], "once-0": [0.2], "once-4": [0.2],
        "SD-0": [0.0, 0.5, 0.5], "SD-4": [0.0, 0.5, 1.0],
    })  # fmt: skip
    return experiment, tmp_path


def test_a_curve_is_the_mean_over_the_seeds_after_each_epoch(made):
    va, sd = curves(*made, "validation_accuracy")
    assert (va.arm, sd.arm) == ("VA", "SD")
    assert va.mean == pytest.approx((0.2, 0.5, 0.5))
    assert va.spread == pytest.approx((0.02**0.5, 0, 0.125**0.5))
    assert sd.mean == (0.0, 0.5, 0.75)


def test_figures_hold_a_line_for_each_arm(made):
    written = draw(*made)
    assert [path.name for path in written] == [
        "accuracy.png", "accuracy.svg", "loss.png", "loss.svg"
    ]  # fmt: skip
    assert written[0].read_bytes().startswith(b"\x89PNG")
    for path in written[1::2]:
        groups = [g.get("id", "") for g in ET.parse(path).iter() if g.tag.endswith("}g")]
        assert sum(name.startswith("FillBetweenPolyCollection") for name in groups) == 2
    before = written[1].read_bytes()
    assert draw(*made)[1].read_bytes() == before


def test_a_lost_log_is_named(made):
    experiment, folder = made
    (folder / "SD-4" / "log.jsonl").write_text("{")
    with pytest.raises(InputError, match=r"SD-4/log.jsonl: cannot be read"):
        draw(experiment, folder)


def test_the_command_draws_beside_its_results(tmp_path, capsys):
    path = write_config(tmp_path, network="mlp2", rows_pruned={}, arms=["VA"],
                        train={"epochs": 1, "lr": 0.01})  # fmt: skip
    assert main(["train", str(path), "--out", str(tmp_path / "runs"), "--quiet"]) == 0
    assert "beside it the logs, accuracy.png, accuracy.svg" in capsys.readouterr().out
    assert (tmp_path / "runs" / "made" / "loss.svg").stat().st_size > 1000
