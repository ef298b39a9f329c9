"""docs/guides/training_step.md, command by command, with fewer images than it has."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from made_data import write_set

import archsim.cli.main
import sdalgo.cli.main
from archsim import load_workload

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "training_step.md"
COMMANDS = {"sdalgo": sdalgo.cli.main.main, "archsim": archsim.cli.main.main}


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worked")
    (text,) = blocks("yaml")
    write_set(folder / yaml.safe_load(text)["data"]["folder"], train=400, test=80)
    (folder / "worked.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in "".join(blocks("sh")).splitlines():
            program, *arguments = shlex.split(line)
            assert COMMANDS[program](arguments) == 0, line
    return folder


def energy_by_phase(folder, where, settings=""):
    path = folder / "results" / where / f"training_accelerator{settings}.json"
    found = {}
    for layer in json.loads(path.read_text(encoding="utf-8"))["layers"]:
        found[layer["phase"]] = found.get(layer["phase"], 0) + layer["energy_pj"]
    return found


@pytest.mark.slow
def test_every_step_gives_what_the_page_says(followed):
    runs = followed / "results" / "training" / "worked"
    for arm in ("VA", "SD", "SS"):
        log = (runs / f"{arm}-0" / "log.jsonl").read_text(encoding="utf-8")
        assert len(log.splitlines()) == 7
    assert (runs / "accuracy.svg").exists()
    plain = energy_by_phase(followed, "worked_SD_0", "@weights=dense")
    for arm in ("SD", "SS"):
        found = energy_by_phase(followed, f"worked_{arm}_0")
        assert found.keys() == plain.keys() == {"ff", "bp", "wg", "update"}
        assert found["update"] < plain["update"] / 2
        assert sum(found.values()) < sum(plain.values())


def test_the_captured_step_is_that_of_the_trained_codes(followed):
    """Its codes are those of the checkpoint, and its counters are part full."""
    from sdalgo.training.checkpoint import CHECKPOINT, load

    path = followed / "results" / "training" / "worked" / "SD-0" / CHECKPOINT
    state = load(path)["learner"]["model"]
    workload = load_workload(str(followed / "workloads" / "worked_SD_0.yaml"))
    counted = 0
    for layer in workload.layers:
        if not layer.is_array:
            continue
        tensors = workload.tensors(layer)
        code = state[f"{layer.name}.parametrizations.weight.0.code"]
        assert (tensors.get("coef") != 0).sum() == int((code != 0).sum())
        assert tensors.get("input").shape[0] == tensors.get("error").shape[0] == 4
        counted += int((tensors.get("counter") != 0).sum())
    assert counted > 0


def test_captures_without_codes_or_images_are_refused(followed, capsys, monkeypatch):
    monkeypatch.chdir(followed)
    command = ["train", "worked.yaml", "--arm", "VA", "--capture", "workloads"]
    assert sdalgo.cli.main.main(command) == 2
    assert "no arm with method switch" in capsys.readouterr().err
