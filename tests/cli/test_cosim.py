"""`archsim cosim`: a layer that a user names, and what is told where it cannot be run."""

import json

import pytest

from archsim.cli.main import main


@pytest.fixture
def verilog():
    import os
    import shutil

    if shutil.which("iverilog") is None:
        if os.environ.get("RTL_REQUIRED") == "1":
            pytest.fail("RTL_REQUIRED=1, and iverilog is not installed: apt-get install iverilog")
        pytest.skip("needs iverilog: apt-get install iverilog")


LINES = ["--set", "pe_slices.lines=4"]


def test_layers_of_a_workload_are_equal(verilog, capsys):
    assert main(["cosim", "tiny_sd", "-l", "stem", "--tiles", "4", *LINES, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["layer"] == "stem"
    assert found["tiles"] >= 4
    assert found["jobs"] > 0
    assert found["differences"] == []


def test_the_same_seed_draws_the_same_tiles(verilog, capsys):
    said = []
    for seed in ("1", "1", "2"):
        keys = ["--tiles", "3", "--seed", seed, *LINES, "--json"]
        assert main(["cosim", "tiny_sd", "-l", "stem", *keys]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-l", "stemm"], "did you mean 'stem'"),
        (["-l", "stem", "-a", "diannao"], "PeSlices"),
        (
            ["-l", "stem", "--set", "mac_array.serial=bits"],
            "mac_array.serial: bits: the Verilog has booth",
        ),
        (
            ["-l", "stem", "--set", "pe_slices.barrier_cycles=3"],
            "pe_slices.barrier_cycles: 3: the Verilog has 0 or 1",
        ),
        (
            ["-l", "stem", "--set", "activation_bits=16"],
            "activation_bits: 16: the Verilog has 4 or 8",
        ),
    ],
)
def test_what_cannot_be_run_is_told(arguments, told, verilog, capsys):
    assert main(["cosim", "tiny_sd", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_missing_simulator_is_named_with_its_package(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["cosim", "tiny_sd", "-l", "stem"]) == 2
    said = capsys.readouterr().err
    assert "iverilog: is not installed; Debian has it: apt-get install iverilog" in said
