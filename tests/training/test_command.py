"""`sdalgo train` as a user meets it: what it prints, and what it says of bad files."""

import json

import pytest
from made_data import write_config

from sdalgo.cli.main import main
from sdalgo.errors import InputError
from sdalgo.training.config import load_experiment


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
    [({"networc": "tiny"}, "networc: unknown key, did you mean network?"),
     ({"batch": 0}, "batch: Input should be greater than or equal to 1"),
     ({"arms": ["XX"]}, "arm XX: unknown; VA, SD, SS"),
     ({"arms": ["SD", "SD"]}, "each with a name of its own"),
     ({"arms": [{"name": "a", "method": "components", "equal_bits": "b"}]}, "no arm b stands"),
     ({"theta": 3.0}, "theta: 3.0 is not above 0"),
     ({"rows_pruned": "table9"}, "rows_pruned: ratios table9: unknown; there are"),
     ({"rows_pruned": {"fc9": 0.1}}, "small_cnn has no layer fc9; it has stem.0,"),
     ({"network": "char_lstm"}, "has no layer depthwise.0, stem.0"),
     ({"network": "char_lstm", "rows_pruned": {}}, "idx is not what char_lstm takes: (100, 50)"),
     ({"network": "tinny"}, "network tinny: unknown"),
     ({"switch": {"theta_c": 500}}, "theta_c: 500 is not 1 to 126"),
     ({"data": {"kind": "idx", "folder": "nowhere"}}, "cannot be read")],
)  # fmt: skip
def test_bad_files_end_with_status_2_and_say_where(tmp_path, capsys, changes, message):
    path = write_config(tmp_path, **changes)
    assert main(["train", str(path), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_text_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="holds no mapping"):
        load_experiment(tmp_path / "a.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_experiment(tmp_path / "missing.yaml")
