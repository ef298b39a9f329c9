"""`sdalgo build ./my_recipe.yaml`: recipes, ratios, weights and networks of the user's own."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skimage")

from safetensors.numpy import load_file  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from archsim.formats.source import read  # noqa: E402
from sdalgo import networks  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402

NETWORK = """
import pathlib

from torch import nn

pathlib.Path("ran").touch()
INPUT = (3, 16, 16)


class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        return self.head(self.norm(self.stem(x)).relu())


build = Mine
"""
RECIPE = """
about: my network, half of its weights gone
network: mine.py
weights: mine.safetensors
rows_pruned: rows.yaml
weights_pruned: 0.5
dense: [head]
images: 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(networks, "OWN", {})
    (tmp_path / "my").mkdir()
    for name, text in {
        "mine.py": NETWORK, "mine.yaml": RECIPE, "rows.yaml": "default: 0.25\n",
    }.items():  # fmt: skip
        (tmp_path / "my" / name).write_text(text)
    torch.manual_seed(0)
    state = {
        "stem.weight": torch.randn(8, 3, 3, 3), "stem.bias": torch.randn(8),
        "norm.weight": torch.rand(8) + 0.5, "norm.bias": torch.randn(8),
        "norm.running_mean": torch.randn(8), "norm.running_var": torch.rand(8) + 0.5,
        "head.weight": torch.randn(4, 8, 1, 1).half(), "head.bias": torch.randn(4),
    }  # fmt: skip
    save_file(state, tmp_path / "my" / "mine.safetensors")
    return tmp_path


def told(capsys, *arguments):
    assert main(["build", *arguments]) == 2
    return capsys.readouterr().err


def test_a_recipe_with_network_weights_and_ratios_of_ones_own(folder):
    assert main(["build", "my/mine.yaml", "--network", "my/mine.py", "--seed", "3", "-q"]) == 0
    arrays = load_file("workloads/mine.safetensors")
    stored = load_file("my/mine.safetensors")
    weight = stored["stem.weight"]
    scale = np.abs(weight).max() / 127
    np.testing.assert_array_equal(arrays["stem/weight"], np.rint(weight / scale).astype(np.int8))
    assert np.count_nonzero(arrays["stem/pruned"]) <= weight.size / 2
    dead = ~arrays["stem/coef"].any(axis=3)
    assert (dead.sum(axis=(1, 2)) >= np.ceil(0.25 * 9)).all()
    assert "head/pruned" not in arrays
    source = read(folder / "workloads" / "mine.yaml").value["source"]
    assert source["made_by"] == "sdalgo build mine.yaml --network mine.py --seed 3"
    assert source["weights"].startswith("as found in mine.safetensors; not re-trained after prun")
    assert source["licence"].startswith("weights: that of mine.safetensors")


def test_a_network_that_a_recipe_names_does_not_run(folder, capsys):
    said = told(capsys, "my/mine.yaml")
    assert "my/mine.yaml:3:10: network: mine.py is Python, which runs: to have that, add" in said
    assert not (folder / "ran").exists()
    assert "is not my/other.py" in told(capsys, "my/mine.yaml", "--network", "my/other.py")
    assert "comes with its network" in told(capsys, "tiny_sd", "--network", "my/mine.py")
    (folder / "my" / "tiny.yaml").write_text("about: a\nnetwork: tiny\n")
    assert "tiny is not a Python file" in told(capsys, "my/tiny.yaml", "--network", "my/mine.py")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("network: tinny\nabout: a\n",
         ["1:10: network: there is no network 'tinny'; did you mean 'tiny'?"]),
        ("network: tiny\nabout: a\nweights: none.pth\nrows_pruned: none.yaml\n",
         ["3:10: weights: there is no file my/none.pth",
          "4:14: rows_pruned: my/none.yaml: there is no such file"]),
        ("network: tiny\nabout: a\nweights: synthetik\n",
         ["3:10: weights: there is no set of weights 'synthetik'; did you mean 'synthetic'?"]),
        ("network: tiny\nabout: a\ntheta: -1\nrank: 0\n",
         ["3:8: theta: -1.0 is not a finite number from 0 up"]),
        ("network: tiny\nabout: a\npreset: bset\n",
         ["3:9: preset: there is no preset 'bset'; did you mean 'best'?"]),
        ("network: tiny\nabout: a\nweights_prune: 0.5\nrows_pruned: 2\n",
         ["3:1: there is no key 'weights_prune'; did you mean 'weights_pruned'?",
          "4:14: rows_pruned: 2 is neither a share from 0 to 1 nor a list of ratios"]),
        ("network: tiny\nabout: a\nweights_pruned: [0.5]\nrank: x\n",
         ["3:17: weights_pruned: [0.5] is neither a share from 0 to 1 nor a list of ratios",
          "4:7: rank: must be an integer, not 'x'"]),
        ("network: onnx\nabout: a\nweights: none\nchannels_kept: 0.5\n",
         ["1:1: channels_kept: an ONNX file does not say which channels may go"]),
        ("network: tiny\nabout: a\ntask: training\ndense: [fc]\n",
         ["1:1: a training has no `dense`"]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_recipe_has_its_place(folder, capsys, text, lines):
    (folder / "my" / "wrong.yaml").write_text(text)
    found = told(capsys, "my/wrong.yaml").splitlines()
    assert len(found) == len(lines)
    for one, line in zip(found, lines, strict=True):
        assert one.removeprefix("sdalgo: ").startswith(f"my/wrong.yaml:{line}"), one


def test_names_that_are_no_layers_have_their_place(folder, capsys):
    recipe = folder / "my" / "t.yaml"
    recipe.write_text("network: tiny\nabout: a\nimages: 1\nrows_pruned: r.yaml\ndense: [fcc]\n")
    (folder / "my" / "r.yaml").write_text("default: 0\nstemm: 0.5\n")
    said = told(capsys, "my/t.yaml")
    assert "my/t.yaml:5:8: dense 'fcc': there is no layer with weights 'fcc'; did you mean" in said
    recipe.write_text("network: tiny\nabout: a\nimages: 1\nrows_pruned: r.yaml\n")
    assert "my/r.yaml:2:1: there is no layer with weights 'stemm'; did you mean 'stem'?" in told(
        capsys, "my/t.yaml"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("INPUT = (3, 16, 16)", "IN = 1"), "my/mine.py: needs `INPUT`"),
        (("INPUT = (3, 16, 16)", "INPUT = (16,)"), "my/mine.py: INPUT = (16,): (C, H, W) or"),
        (("build = Mine", ""), "my/mine.py: needs `build`"),
        (("build = Mine", "build = Min"), "my/mine.py:21: NameError: name 'Min' is not defined"),
        (("build = Mine", "build Mine"), "my/mine.py:21: SyntaxError"),
        ((".relu()", ".relux()"), "Mine: torch.fx cannot trace it: 'Tensor' object has no attri"),
        ((".relu()", ".relu(1 // 0)"), "my/mine.py:18: ZeroDivisionError"),
        (("nn.Conv2d(8, 4, 1)", "nn.Conv2d(8, 4, 0 // 0)"), "my/mine.py:15: ZeroDivisionError"),
        (("nn.Conv2d(8, 4, 1)", "nn.Conv2d(8, 5, 1)"),
         "my/mine.safetensors: not the weights of this Mine: head.bias, head.weight"),
    ],
)  # fmt: skip
def test_a_network_that_fails_is_told_with_its_line(folder, capsys, change, said):
    (folder / "my" / "mine.py").write_text(NETWORK.replace(*change))
    assert said in told(capsys, "my/mine.yaml", "--network", "my/mine.py")


def test_a_file_of_onnx_is_a_network_that_needs_no_running(folder, monkeypatch, capsys):
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper, save

    from sdalgo.importer import workload

    monkeypatch.setattr(workload, "validate", lambda _: None)
    weight = np.random.default_rng(0).normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32)
    x, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 8, 8])
        for n, c in (("x", 3), ("y", 4))
    )
    node = helper.make_node("Conv", ["x", "w"], ["y"], "only", pads=[1, 1, 1, 1])
    graph = helper.make_graph([node], "net", [x], [y], [numpy_helper.from_array(weight, "w")])
    opset = [helper.make_opsetid("", 13)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), "my/net.onnx")
    (folder / "my" / "o.yaml").write_text(
        "about: a\nnetwork: onnx\nweights: net.onnx\nweights_pruned: 0.25\nrows_pruned: 0.5\n"
    )
    assert main(["build", "my/o.yaml", "--seed", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == 1
    arrays = load_file("workloads/o.safetensors")
    assert np.count_nonzero(arrays["only/pruned"]) <= 0.75 * weight.size
    assert (~arrays["only/coef"].any(axis=3)).mean() >= 0.5
    made = read(folder / "workloads" / "o.yaml").value
    assert made["source"]["made_by"] == "sdalgo build o.yaml --seed 7"
    assert made["layers"][0]["seed"] == 7


def test_a_recipe_fitted_to_its_photographs_is_simulated_as_any_other(folder):
    from archsim.cli.main import main as archsim_main

    fitted = "about: fitted\nnetwork: mine.py\nweights: mine.safetensors\npreset: activations\n"
    (folder / "my" / "mine.yaml").write_text(fitted + "bits: 7\nimages: 2\n")
    assert main(["build", "my/mine.yaml", "--network", "my/mine.py", "-q"]) == 0
    arrays = load_file("workloads/mine.safetensors")
    assert arrays["stem/coef"].any()
    source = read(folder / "workloads" / "mine.yaml").value["source"]
    assert source["decomposition"] == "activations, bits 7.0"
    command = ["run", "-w", "workloads/mine.yaml", "-a", "smartdeal", "--no-figures"]
    assert archsim_main(command) == 0


def test_a_recipe_that_is_fitted_drops_no_rows_by_share(folder, capsys):
    (folder / "my" / "mine.yaml").write_text(RECIPE + "preset: activations\n")
    said = told(capsys, "my/mine.yaml", "--network", "my/mine.py")
    assert "rows_pruned: prices decide which rows" in said
