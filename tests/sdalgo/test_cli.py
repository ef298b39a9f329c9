"""The `sdalgo` command: output, exit status, and that bad input ends in a line or two."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdalgo.cli.main import main


@pytest.fixture
def weights(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "w.safetensors"
    tensors = {
        "conv.weight": rng.normal(0, 0.1, (16, 8, 3, 3)),
        "point.weight": rng.normal(0, 0.1, (10, 16, 1, 1)),
        "wide.weight": rng.normal(0, 0.1, (4, 3, 7, 7)),
        "fc.weight": rng.normal(0, 0.1, (5, 40)),
        "fc.bias": rng.normal(0, 0.1, 5),
    }
    save_file({name: value.astype(np.float32) for name, value in tensors.items()}, str(path))
    return path


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return status, captured.out, captured.err


def test_decompose_and_decode(weights, tmp_path, capsys):
    out, dense = tmp_path / "w.sd", tmp_path / "dense.safetensors"
    arguments = ("--preset", "as_released", "--theta", 0.004, "--basis-bits", 16, "--json")
    status, text, _ = run(capsys, "decompose", weights, "-o", out, *arguments)
    assert status == 0
    found = json.loads(text)
    assert [row["name"] for row in found["layers"]] == ["conv.weight", "fc.weight", "point.weight"]
    for row in found["layers"]:
        assert {"slices", "entries", "nonzeros", "relative_error", "levels", "bits_per_nonzero",
                "bits"} <= set(row)  # fmt: skip
        assert 0.02 < row["relative_error"] < 0.25
    totals = found["totals"]
    assert totals["entries"] == 16 * 8 * 9 + 5 * 42 + 10 * 18
    assert totals["bits"] == sum(row["bits"] for row in found["layers"])
    assert out.stat().st_size == totals["file_bytes"]

    status, text, _ = run(capsys, "decode", out, "-o", dense)
    assert status == 0
    before, after = load_file(weights), load_file(dense)
    assert set(before) == set(after)
    for row in found["layers"]:
        a, b = before[row["name"]], after[row["name"]]
        assert b.dtype == np.float32
        error = np.linalg.norm(a - b) / np.linalg.norm(a)
        assert error == pytest.approx(row["relative_error"], rel=1e-5)
    for name in ("wide.weight", "fc.bias"):
        np.testing.assert_array_equal(before[name], after[name])


def test_report_prints_a_table_and_draws(weights, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "w.sd"
    assert run(capsys, "decompose", weights, "-o", out, "-q")[0] == 0
    status, text, _ = run(capsys, "report", out, "--plots", tmp_path / "p", "--weights", weights)
    assert status == 0
    assert "conv.weight" in text
    assert "bits per weight" in text
    for name in ("powers", "error_density", "evolution"):
        assert (tmp_path / "p" / f"{name}.png").stat().st_size > 1000
        assert (tmp_path / "p" / f"{name}.svg").read_text().startswith("<?xml")


def test_sweep_shows_error_and_size_against_theta(weights, capsys):
    pairs = ("--theta", 0, "--theta", 0.05, "--theta", 0.15)
    status, text, _ = run(capsys, "sweep", weights, *pairs, "--json")
    assert status == 0
    rows = json.loads(text)["rows"]
    density = [row["density"] for row in rows]
    assert density == sorted(density, reverse=True)
    assert rows[2]["element_bytes"] < rows[0]["element_bytes"]
    assert rows[2]["relative_error"] > rows[0]["relative_error"]


def test_lists(capsys):
    assert "resnet50" in run(capsys, "list", "networks")[1]
    assert "mobilenet_v2_sd" in json.loads(run(capsys, "list", "recipes", "--json")[1])
    assert "as_released_double  the default" in run(capsys, "list", "presets")[1]


def broken_container(folder, weights, capsys):
    out = folder / "broken.sd"
    run(capsys, "decompose", weights, "-o", out, "-q")
    content = bytearray(out.read_bytes())
    content[-1] ^= 1
    out.write_bytes(bytes(content))
    return out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decompose", "none.safetensors"], "cannot be read"),
        (["decompose", "text.safetensors"], "this is not safetensors"),
        (["decompose", "nan.safetensors"], "conv.weight: 1 of 144 weights are NaN"),
        (["decompose", "empty.safetensors"], "no tensor has the shape"),
        (["decompose", "W", "--preset", "fast"], "as_released_double"),
        (["decompose", "W", "--basis-bits", "7"], "8, 16 or 32"),
        (["decompose", "W", "--theta", "-1"], "theta"),
        (["decompose", "W", "--theta", "much"], "--theta"),
        (["decompose", "W", "--index", "bit"], "row nor element"),
        (["decompose", "W", "-o", "text.safetensors/w.sd"], "cannot be written"),
        (["decompose", "pickle.pth"], "not a plain torch state dict"),
        (["decode", "W", "-o", "x"], "not a file that"),
        (["decode", "BROKEN", "-o", "x"], "checksum"),
        (["report", "none.sd"], "cannot be read"),
        (["build", "resnet"], "resnet50_sd"),
        (["paper", "fig99"], "table2"),
        (["sweep", "tiny"], "tiny_sd"),
        (["frobnicate"], "No such command"),
        (["decompose"], "Missing argument"),
    ],
)
def test_bad_input_is_status_2_and_a_few_lines(arguments, said, weights, tmp_path, capsys):
    nan = np.zeros((2, 8, 3, 3), np.float32)
    nan[0, 0, 0, 0] = np.nan
    save_file({"conv.weight": nan}, str(tmp_path / "nan.safetensors"))
    save_file({"bias": np.zeros(3, np.float32)}, str(tmp_path / "empty.safetensors"))
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "pickle.pth").write_bytes(b"cos\nsystem\n(S'echo unsafe'\ntR.")
    names = {"W": weights, "BROKEN": "BROKEN"}
    if "BROKEN" in arguments:
        names["BROKEN"] = broken_container(tmp_path, weights, capsys)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        status, out, err = run(capsys, *(names.get(a, a) for a in arguments))
    finally:
        os.chdir(before)
    assert status == 2
    assert said in err
    assert len(err.splitlines()) <= 3
    assert not out


def test_decompose_needs_no_torch(weights):
    code = (
        "import sys; from sdalgo.cli.main import main; "
        f"status = main(['decompose', {str(weights)!r}, '-q']); "
        "sys.exit(status or ('torch' in sys.modules) * 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_of_every_command_has_an_example(capsys):
    for command in ("decompose", "decode", "build", "report", "sweep", "paper", "list", "import"):
        status, text, _ = run(capsys, command, "--help")
        assert status == 0
        assert "Example" in text, command
        assert f"sdalgo {command}" in text


@pytest.fixture
def calibrated(tmp_path):
    """A state dict of the smallest shipped network, and images for it."""
    import torch

    from sdalgo.networks import network

    torch.manual_seed(0)
    module = network("tiny")
    state = {name: value.numpy() for name, value in module.build().state_dict().items()}
    save_file(state, str(tmp_path / "t.safetensors"))
    images = np.random.default_rng(0).standard_normal((6, *module.INPUT)).astype(np.float32)
    np.savez(tmp_path / "images.npz", images=images)
    return tmp_path / "t.safetensors", tmp_path / "images.npz"


def test_decompose_for_calibration_images(calibrated, tmp_path, capsys):
    from sdalgo.container import read_container

    weights, images = calibrated
    out = tmp_path / "t.sd"
    arguments = ("decompose", weights, "-o", out, "--network", "tiny", "--calibrate", images)
    status, text, _ = run(capsys, *arguments, "--bits", 6, "--json")
    assert status == 0
    assert json.loads(text)["totals"]["bits_per_weight"] == pytest.approx(6, rel=0.1)
    found = read_container(out)
    assert found.options["bits"] == 6
    first = out.read_bytes()
    assert run(capsys, *arguments, "--bits", 6, "--quiet")[0] == 0
    assert out.read_bytes() == first


def test_decompose_at_a_price(calibrated, tmp_path, capsys):
    from sdalgo.container import read_container

    weights, images = calibrated
    arguments = ("--network", "tiny", "--calibrate", images, "--damp", 0.1, "--json")
    sizes = []
    for price in (1e-6, 1e-4):
        out = tmp_path / f"{price}.sd"
        given = ("decompose", weights, "-o", out, *arguments, "--price", price)
        status, text, _ = run(capsys, *given)
        assert status == 0
        sizes.append(json.loads(text)["totals"]["bits_per_weight"])
        options = read_container(out).options
        assert (options["bits"], options["price"], options["damp"]) == (None, price, 0.1)
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--calibrate", "IMAGES"), "--network NAME"),
        (("--price", "0"), "--price: has a meaning with --calibrate only"),
        (
            ("--network", "tiny", "--calibrate", "IMAGES", "--bits", "3", "--price", "1e-8"),
            "--price: and --bits",
        ),
        (("--network", "tiny", "--calibrate", "IMAGES", "--price", "-1"), "option price"),
        (("--network", "tiny", "--calibrate", "WEIGHTS"), "neither a folder of images nor"),
        (("--bits", "3"), "--bits: has a meaning with --calibrate only"),
        (("--preset", "activations"), "go together"),
        (("--network", "mlp1", "--calibrate", "IMAGES"), "not the weights of this"),
        (("--network", "tiny", "--calibrate", "IMAGES", "--theta", "0.1"), "option of activations"),
    ],
)
def test_calibration_that_cannot_be_used(calibrated, capsys, tmp_path, changed, said):
    weights, images = calibrated
    places = {"IMAGES": images, "WEIGHTS": weights}
    arguments = [places.get(part, part) for part in changed]
    status, _, error = run(capsys, "decompose", weights, "-o", tmp_path / "x.sd", *arguments)
    assert status == 2
    assert said in error
    assert not (tmp_path / "x.sd").exists()
