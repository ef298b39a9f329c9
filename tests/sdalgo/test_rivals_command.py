"""`sdalgo rivals` on a small network: sizes by an independent count, rows on the disk, resuming."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from made_data import write_set

from archsim.formats.sealed import unsealed
from sdalgo.cli.main import main
from sdalgo.evaluation.labelled import wilson
from sdalgo.networks import network
from sdalgo.rivals import harness
from sdalgo.rivals.harness import compare, row_of
from sdalgo.rivals.methods import points
from sdalgo.rivals.row import Row
from sdalgo.rivals.subject import parts_of, subject

WEIGHTS = 144 + 144 + 512 + 18432 + 640
OTHERS = 10 + 4 * (16 + 16 + 32 + 64)  # the bias, and four values a channel of each norm


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Options that name an untrained small network and 200 test images."""
    folder = tmp_path_factory.mktemp("rivals")
    torch.manual_seed(0)
    torch.save(network("small_cnn").build().state_dict(), folder / "w.pt")
    write_set(folder / "set")
    return ["small_cnn", "--weights", str(folder / "w.pt"), "--data", str(folder / "set")]


@pytest.fixture
def small(made):
    from pathlib import Path

    return subject("small_cnn", Path(made[2]), Path(made[4]))


def run(made, out, *more):
    return main(["rivals", *made, "--out", str(out), *more])


def rows(out):
    return json.loads((out / "small_cnn.json").read_text())["rows"]


def test_everything_is_counted(small, tmp_path):
    assert small.weight_count == WEIGHTS
    assert small.other_bits == 32 * OTHERS
    table = compare(small, tmp_path / "t.json", ["original", "uniform"])
    whole = next(iter(table.rows.values()))
    assert whole.layer_bits == 32 * WEIGHTS
    assert whole.megabytes == (WEIGHTS + OTHERS) * 4 / 1e6
    assert (whole.cosine, whole.refreshed is None) == (pytest.approx(1), False)
    filters = sum(len(weight) for weight in small.weights.values())
    for row in table.rows.values():
        bits = int(row.setting.split()[0]) if row.method == "uniform" else 0
        if bits:
            assert row.layer_bits <= bits * WEIGHTS + 16 * filters
            assert row.layer_bits >= (bits - 1) * WEIGHTS


def test_parts_are_all_there_is(small):
    kept, other = parts_of(small.model)
    state = small.model.state_dict()
    floats = sum(v.numel() for v in state.values() if v.is_floating_point())
    assert 32 * sum(w.size for w in kept.values()) + other == 32 * floats


@pytest.mark.slow
def test_every_method_makes_a_row_and_the_same_the_next_time(made, tmp_path):
    assert run(made, tmp_path, "-q") == 0
    first = rows(tmp_path)
    assert {name for point in points() for name in point.rows} == {r["method"] for r in first}
    assert len({row["key"] for row in first}) == len(first)
    other = tmp_path / "again"
    assert run(made, other, "-q", "--methods", "kmeans,gptq,gptq_sequential") == 0
    second = rows(other)
    assert len(second) == 12
    assert [{**row, "seconds": 0} for row in second] == [
        {**row, "seconds": 0} for row in first if row["key"] in {each["key"] for each in second}
    ]
    with (tmp_path / "small_cnn.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["method"] for line in lines] == [row["method"] for row in first]
    assert [float(line["megabytes"]) for line in lines] == [row["megabytes"] for row in first]
    assert (tmp_path / "small_cnn.svg").exists()
    assert (tmp_path / "small_cnn.png").exists()


def test_rows_that_are_there_are_not_made_again(small, tmp_path):
    path = tmp_path / "t.json"
    compare(small, path, ["uniform"])
    before = path.read_bytes()
    asked = []
    table = compare(small, path, ["uniform"], lambda *said: asked.append(said))
    assert not asked
    assert path.read_bytes() == before
    more = compare(small, path, ["powers"], lambda *said: asked.append(said[2]))
    assert len(asked) == 4
    assert set(table.rows) < set(more.rows)


def test_a_stopped_run_goes_on_with_the_row_that_is_missing(small, tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, total, what):
        if done == 2:
            raise Stopped

    path = tmp_path / "t.json"
    with pytest.raises(Stopped):
        compare(small, path, ["powers"], stop)
    half = unsealed(path.read_bytes())["rows"]
    assert len(half) == 4  # two settings, each counted in two ways
    asked = []
    compare(small, path, ["powers"], lambda *said: asked.append(said[2]))
    assert asked == ["powers, 4 bits", "powers, 5 bits"]
    assert unsealed(path.read_bytes())["rows"][:4] == half


def test_rows_of_other_weights_go(made, small, tmp_path):
    path = tmp_path / "t.json"
    compare(small, path, ["original"])
    other = dict(vars(small), digest="another")
    table = compare(type(small)(**other), path, ["powers"])
    assert "original" not in {row.method for row in table.rows.values()}


def test_a_damaged_file_is_made_again(small, tmp_path, capsys):
    path = tmp_path / "t.json"
    compare(small, path, ["original"])
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"epochs": 0', b'"epochs": 1', 1))
    compare(small, path, ["original"])
    assert "its content has another checksum" in capsys.readouterr().err
    assert [row["epochs"] for row in unsealed(path.read_bytes())["rows"]] == [0]
    assert harness.MARK in path.read_bytes()


def test_trained_rows_stand_beside_the_others(made, tmp_path, capsys):
    row = Row(method="LSQ", setting="3 bits", weights=WEIGHTS, layer_bits=3 * WEIGHTS,
              other_bits=32 * OTHERS, metric="accuracy", score=0.8, interval=(0.79, 0.81),
              epochs=2, seconds=9.0)  # fmt: skip
    held = {"network": "small_cnn", "rows": [row.to_json()]}
    (tmp_path / "small_cnn_trained.json").write_text(json.dumps(held))
    assert run(made, tmp_path, "--methods", "original, powers") == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("LSQ")]
    assert line.split()[:4] == ["LSQ", "3", "bits", "2"]
    assert "<!-- LSQ, trained -->" in (tmp_path / "small_cnn.svg").read_text()
    assert all(row["epochs"] == 0 for row in rows(tmp_path))
    assert run(made, tmp_path, "--methods", "original", "--json") == 0
    assert json.loads(capsys.readouterr().out)["trained"][0]["method"] == "LSQ"
    (tmp_path / "small_cnn_trained.json").write_text('{"rows": [{"method": "LSQ"}]}')
    assert run(made, tmp_path, "--methods", "original") == 2
    assert "small_cnn_trained.json: no rows of rivals" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [(["small_cn"], "did you mean 'small_cnn'?"),
     (["small_cnn", "--methods", "uniforn"], "did you mean 'uniform'?"),
     (["small_cnn", "--weights", "no.pt"], "no.pt: not there: `python -m benchmarks.trained_riv"),
     (["resnet20_cifar", "--weights", "no.th"], "no.th: not there: --weights FILE names it"),
     (["mobilenet_v2_sd", "--weights", "x.pt"], "--weights: mobilenet_v2_sd has its own")],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_cure(command, message, tmp_path, capsys):
    assert main(["rivals", *command, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_file_of_somebody_else_is_refused_before_anything_is_run(made, tmp_path, capsys):
    (tmp_path / "small_cnn.csv").write_text("mine\n")
    assert run(made, tmp_path, "--methods", "original") == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert not (tmp_path / "small_cnn.json").exists()


def test_help_has_examples(capsys):
    assert main(["rivals", "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert "sdalgo rivals mobilenet_v2_sd" in said


def test_intervals_are_wilsons():
    low, high = wilson(8, 10)
    for edge in (low, high):  # where the normal test of a share just does not reject .8
        assert abs(0.8 - edge) == pytest.approx(1.959964 * math.sqrt(edge * (1 - edge) / 10))
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1
    assert np.diff(wilson(81, 100))[0] < np.diff(wilson(8, 10))[0]


def test_a_row_comes_back_as_it_was_written():
    row = Row(method="m", setting="s", weights=10, layer_bits=35, other_bits=3, metric="accuracy",
              score=0.5, interval=(0.25, 0.75), cosine=0.9, seconds=1.5)  # fmt: skip
    assert row_of(json.loads(json.dumps(row.to_json()))) == row
    with pytest.raises(ValueError, match="below 0"):
        row_of({**row.to_json(), "layer_bits": -1})


def test_without_refresh_a_row_is_made_whole_later(small, tmp_path):
    path = tmp_path / "t.json"
    table = compare(small, path, ["original"], refresh=False)
    assert [row.refreshed for row in table.rows.values()] == [None]
    asked = []
    table = compare(small, path, ["original"], lambda *said: asked.append(said[2]))
    assert asked == ["original, float32"]
    assert all(row.refreshed is not None for row in table.rows.values())
    compare(small, path, ["original"], lambda *said: asked.append(said[2]), refresh=False)
    assert len(asked) == 1
