"""`sdalgo` writes over nobody's file."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdalgo.cli.main import main

THESIS = b"thesis"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weight = np.random.default_rng(0).normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32)
    save_file({"conv.weight": weight}, "w.safetensors")
    assert main(["decompose", "w.safetensors", "-o", "w.sd", "--quiet"]) == 0
    return tmp_path


@pytest.mark.parametrize(("arguments", "name"), [
    (["decompose", "w.safetensors", "--quiet"], "w.sd"),
    (["decompose", "w.safetensors", "--quiet", "-o", "x.txt"], "x.txt"),
    (["decode", "w.sd", "-o", "back.safetensors"], "back.safetensors"),
    (["report", "w.sd", "--plots", "p"], "p/powers.svg"),
    pytest.param(["build", "tiny_sd", "--out", "o", "--quiet"], "o/tiny_sd.safetensors",
                 marks=pytest.mark.slow),
])  # fmt: skip
def test_an_output_is_kept_until_it_is_forced(arguments, name, folder, capsys):
    if "--plots" in arguments:
        pytest.importorskip("matplotlib")
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(THESIS)
    assert main(arguments) == 2
    assert f"{name}: is there, and this program did not write it" in capsys.readouterr().err
    assert path.read_bytes() == THESIS
    assert main([*arguments, "--force"]) == 0
    assert path.read_bytes() != THESIS
    assert main(arguments) == 0


def test_a_decoded_file_says_what_made_it(folder):
    assert main(["decode", "w.sd", "-o", "back.safetensors"]) == 0
    assert b'"made_by":"sdalgo decode' in Path("back.safetensors").read_bytes()
    assert main(["decompose", "back.safetensors", "-o", "again.sd", "--quiet"]) == 0
