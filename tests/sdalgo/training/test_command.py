"""`sdalgo train` as a user meets it: what it prints, and what it says of bad files."""

import json
from pathlib import Path
from unittest.mock import ANY

import pytest
from made_data import write_config

from archsim.formats.errors import InputError
from sdalgo.cli.main import main
from sdalgo.training.config import load_experiment
from sdalgo.training.summary import table


def test_json_holds_mean_and_spread_of_each_arm(tmp_path, capsys):
    path = write_config(
        tmp_path, network="mlp2", rows_pruned={"default": 0.3}, train={"epochs": 1, "lr": 0.01}
    )
    command = ["train", str(path), "--out", str(tmp_path / "runs"), "--arm", "VA", "--arm", "SD"]
    assert main([*command, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [row["arm"] for row in whole["arms"]] == ["VA", "SD"]
    assert whole["arms"][1]["mib"] < whole["arms"][0]["mib"]
    assert json.loads((tmp_path / "runs" / "made" / "summary.json").read_text()) == whole
    assert main(command) == 0
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"networc": "tiny"}, ":10:1: there is no key 'networc'; did you mean 'network'?"),
     ({"batch": 0}, ":5:8: batch: must be at least 1, not 0"),
     ({"arms": ["XX"]}, ":2:3: arms[0]: there is no arm 'XX'; legal: VA, SD, SS, or a mapping"),
     ({"arms": ["SD", "SD"]}, ":3:3: arm 'SD': each arm has a name of its own"),
     ({"arms": [{"name": "a", "method": "components", "equal_bits": "b"}]},
      ":2:15: arm 'a': no arm 'b' stands before it"),
     ({"arms": [{"name": "a", "method": "vanilla", "keep_zeros": True}]}, "takes components US"),
     ({"theta": 3.0}, "theta: 3.0 is not above 0"),
     ({"rows_pruned": "table9"}, ":14:14: rows_pruned: table9: there is no list of ratios"),
     ({"rows_pruned": {"fc9": 0.1}}, "small_cnn has no layer fc9; it has stem.0,"),
     ({"network": "char_lstm"}, "has no layer depthwise.0, stem.0"),
     ({"network": "char_lstm", "rows_pruned": {}}, "idx is not what char_lstm takes: (100, 50)"),
     ({"network": "tinny"}, "tinny: there is no network 'tinny'; did you mean 'tiny'?"),
     ({"switch": {"theta_c": 500}}, ":21:12: switch.theta_c: must be at most 126, not 500"),
     ({"data": {"kind": "idx", "folder": "nowhere"}}, "nowhere: not there: data.folder")],
)  # fmt: skip
def test_bad_files_end_with_status_2_and_say_where(tmp_path, capsys, changes, message):
    path = write_config(tmp_path, **changes)
    assert main(["train", str(path), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_shipped_files_go_by_their_names(capsys):
    assert load_experiment(Path("fashion_cnn_table2")).name == "fashion_cnn_table2"
    assert main(["list", "trainings"]) == 0
    listed = capsys.readouterr().out
    assert "mnist_mlp2" in listed
    assert "resnet18_cifar on cifar100, adaptation: VA, SD, SS" in listed
    assert main(["train", "fashion_cnn_tuning"]) == 2
    assert "did you mean 'fashion_cnn_fine_tuning'?" in capsys.readouterr().err
    assert main(["train", "zzz"]) == 2
    assert "there is no training file 'zzz'" in capsys.readouterr().err


def test_text_is_judged_by_bits_a_character_and_the_paper_stands_beside():
    row = {"arm": "SD", "test_accuracy": 0.5, "test_accuracy_spread": 0.01, "mib": 0.5,
           "test_loss": 1.3862943611198906, "test_loss_spread": 0.0, "density": 0.25,
           "start_accuracy": 0.25, "switched": 0, "paper": {"mib": 2.5}}  # fmt: skip
    plain = row | {"arm": "VA"}
    del plain["paper"]
    heads, rows = table({"experiment": {"data": {"kind": "brown"}}, "arms": [plain, row]})
    assert rows[0] == ["VA", "50.00% ± 1.00%", "2.000 ± 0.000", "0.5000", "25.0%", "25.00%", "0",
                       "", ""]  # fmt: skip
    assert rows[1][-2:] == ["", "2.5"]
    assert len(heads) == len(rows[0])
    heads, rows = table({"experiment": {"data": {"kind": "idx"}}, "arms": [plain]})
    assert heads == ["arm", "test accuracy", "MiB", "non-zero", "at the start", "switches"]
    assert len(rows[0]) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"- 1\n", "a.yaml:1:1: must be a mapping, not [1]"),
     (b"", "a.yaml:1:1: the file is empty"),
     (b"\x89PNG\x00", "a.yaml:1:1: byte 0x89 is not UTF-8 text"),
     (b"name: a\nseeds: [1,\n", "a.yaml:3:1: this is not YAML: did not find"),
     (b"name: a\ntheta: 1\nname: b\n", "a.yaml:3:1: the key 'name' stands in line 1 already"),
     (b"train: {epochs: 1, lr: 1, lr: 2}\n", "a.yaml:1:27: the key 'lr' stands in line 1 already"),
     (b"arms:\n", "a.yaml:1:6: arms: must be a list, not null")],
)  # fmt: skip
def test_text_that_is_no_training_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(InputError) as refused:
        load_experiment(tmp_path / "a.yaml")
    assert message in str(refused.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"missing.yaml: there is no such file"):
        load_experiment(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match=r"is a folder, not a YAML file"):
        load_experiment(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--seed", "-1"], "--seed"), (["--arm", "XX"], "there is no arm 'XX'; legal: VA, SD, SS"),
     (["--data", "made.yaml"], "train-images-idx3-ubyte"), (["--threads", "0"], "--threads"),
     (["--out", "made.yaml"], "pretrain-0: cannot be made: Not a directory")],
)  # fmt: skip
def test_bad_options_end_with_status_2(tmp_path, capsys, monkeypatch, arguments, message):
    path = write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(path), *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "internal error" not in said


def test_a_damaged_result_is_named_and_made_again(tmp_path, capsys):
    path = write_config(tmp_path, network="mlp2", rows_pruned={}, arms=["VA"],
                        train={"epochs": 1, "lr": 0.01})  # fmt: skip
    command = ["train", str(path), "--out", str(tmp_path / "runs"), "--quiet"]
    assert main(command) == 0
    path = tmp_path / "runs" / "made" / "VA-0" / "result.json"
    whole = json.loads(path.read_text())
    path.write_text("{")
    assert main(command) == 0
    assert "VA-0/result.json: not valid JSON" in capsys.readouterr().err
    assert json.loads(path.read_text()) == {**whole, "seconds": ANY}
