"""Every option of a decomposition can be given on the command line, and does what it says."""

import json
from dataclasses import fields

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.main import get_command

from sdalgo import InputError, Options, preset
from sdalgo.cli.main import app, main
from sdalgo.container import read_container
from sdalgo.option_words import read_words
from sdalgo.provenance import import_options
from sdalgo.recipe import OPTIONS, Recipe

GIVEN = {
    "theta": ("0.02", 0.02), "relative": (None, True), "density": ("0.6", 0.6),
    "iterations": ("7", 7), "tol": ("0.001", 0.001), "scaling": ("grid", "grid"),
    "exponents": ("-6:3", (-6, 3)), "levels": ("5", 5), "loop_basis": ("stored", "stored"),
    "basis_bits": ("16", 16), "rank": ("2", 2), "vector_width": ("4", 4), "slice_rows": ("9", 9),
    "slicing": ("factors", "factors"), "largest_kernel": ("any", None), "search": ("2", 2),
    "starts": ("1", 1), "bit_price": ("0.01", 0.01),
}  # fmt: skip
"""A word for each option, and the value that it stands for, which is not the default."""


def test_no_option_is_left_out():
    names = {field.name for field in fields(Options)}
    assert set(GIVEN) == names
    assert set(OPTIONS) == names - {"vector_width"}
    assert all(getattr(Options(), name) != value for name, (_, value) in GIVEN.items())
    commands = get_command(app).commands
    # A workload's vectors are of 3, and a sweep goes over theta.
    left_out = {"decompose": set(), "import": {"vector_width"}, "sweep": {"density"}}
    for command, without in left_out.items():
        assert names - {parameter.name for parameter in commands[command].params} == without


@pytest.mark.parametrize("name", GIVEN)
def test_each_option_reaches_the_decomposition(name, tmp_path, capsys):
    path, out = tmp_path / "w.safetensors", tmp_path / "w.sd"
    rng = np.random.default_rng(0)
    tensors = {"conv": (8, 6, 3, 3), "fc": (5, 20), "wide": (4, 3, 5, 5)}
    save_file({k: rng.normal(0, 0.1, s).astype(np.float32) for k, s in tensors.items()}, str(path))
    word, value = GIVEN[name]
    flag = "--" + name.replace("_", "-")
    words = [flag] if word is None else [flag, word]
    assert main(["decompose", str(path), "-o", str(out), *words, "-q"]) == 0, capsys.readouterr()
    found = read_container(out)
    expected = Options(**{name: value})
    assert found.options[name] == (list(value) if isinstance(value, tuple) else value)
    assert {**found.options, name: None} == {**json.loads(json.dumps(vars(expected))), name: None}
    assert ("wide" in found.layers) is (name == "largest_kernel")


def test_a_recipe_takes_them_and_an_import_says_them_again():
    known = {"name": "a", "about": "a", "network": "onnx"}
    words = {name: GIVEN[name][0] for name in ("scaling", "exponents", "largest_kernel")}
    found = Recipe(**known, preset="best", **words, search=2, relative=False)
    assert found.options() == preset(
        "best", scaling="grid", exponents=(-6, 3), largest_kernel=None, search=2, relative=False
    )
    assert import_options(found) == (
        " --preset best --absolute --scaling grid --exponents -6:3 --largest-kernel any --search 2"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [({"exponents": "3"}, "'3' is not LOW:HIGH"), ({"exponents": "a:b"}, "LOW:HIGH"),
     ({"largest_kernel": "0"}, "above 0 nor `any`"), ({"largest_kernel": "x"}, "`any`")],
)  # fmt: skip
def test_words_that_cannot_be_read_are_told(given, said):
    with pytest.raises(InputError, match=said):
        read_words(given)
    assert read_words({"exponents": ":", "largest_kernel": 7}) == {
        "exponents": (None, None), "largest_kernel": 7,
    }  # fmt: skip
