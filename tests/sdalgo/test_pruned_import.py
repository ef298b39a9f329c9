"""`sdalgo import --prune --row-ratio --dense`: what goes is counted from the arrays that are
written; what was not asked for is written as before."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from archsim.formats.source import read  # noqa: E402
from sdalgo import provenance, sparsity  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402
from sdalgo.importer import workload  # noqa: E402
from sdalgo.pruning import Pruning  # noqa: E402
from sdalgo.recipe import Recipe  # noqa: E402

LAYERS = {"stem": (64, 3, 7, 7), "body": (64, 64, 3, 3), "head": (10, 64)}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A 7x7 stem, which the decomposition leaves raw, a 3x3 convolution and a classifier."""
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in LAYERS.items()}
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "stem"], ["a"], "stem", strides=[4, 4]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "body"], ["c"], "body"),
        node("GlobalAveragePool", ["c"], ["d"]),
        node("Flatten", ["d"], ["e"]),
        node("Gemm", ["e", "head"], ["y"], "head", transB=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], held)
    opset = [helper.make_opsetid("", 13)]
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path, weights


@pytest.fixture(autouse=True)
def _no_second_process(monkeypatch):
    monkeypatch.setattr(workload, "validate", lambda _: None)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(network, folder, *options):
    assert main(["import", str(network[0]), "--out", str(folder), "--json", *options]) == 0
    return load_file(folder / "net.safetensors"), read(folder / "net.yaml").value["source"]


def test_every_layer_loses_its_share_the_first_and_the_last_included(network, tmp_path):
    arrays, source = imported(network, tmp_path, "--prune", "0.5", "--row-ratio", "0.25")
    for name, weight in network[1].items():
        pruned, whole = arrays[f"{name}/pruned"], arrays[f"{name}/weight"]
        # Of the ones that are left, all but those that rounding to int8 took.
        size, left = weight.size, np.count_nonzero(pruned)
        assert size / 2 - np.count_nonzero(whole == 0) <= left <= size / 2
        assert (pruned[pruned != 0] == whole[pruned != 0]).all()
        smallest = np.abs(weight)[pruned != 0].min()
        assert np.count_nonzero(np.abs(weight) > smallest) < size / 2
    assert "stem/coef" not in arrays  # 7x7 stays raw, and its rows with it
    for name, rows in {"body": 64 * 3, "head": 22}.items():
        dead = ~arrays[f"{name}/coef"].reshape(len(arrays[f"{name}/coef"]), rows, -1).any(axis=2)
        assert (dead.sum(axis=1) >= np.ceil(0.25 * rows)).all()
        masks = sparsity.row_mask_by_ratio(network[1][name], 0.25)
        assert dead[~masks].all()
    assert source["made_by"] == "sdalgo import net.onnx --name net --prune 0.5 --row-ratio 0.25"
    assert source["weights"] == (
        "as found in net.onnx; not re-trained after pruning: `coef` without the weakest 25 % of "
        "each layer's rows, by groups of 32 filters; `pruned` without the smallest 50 % of each "
        "layer's weights"
    )


def test_a_layer_kept_dense_is_as_in_an_import_that_prunes_nothing(network, tmp_path):
    plain, source = imported(network, tmp_path / "plain")
    options = ["--prune", "0.9", "--row-ratio", "0.9", "--dense", "he*", "--dense", "stem"]
    arrays, told = imported(network, tmp_path / "dense", *options)
    assert {key for key in arrays if key.endswith("/pruned")} == {"body/pruned"}
    assert set(plain) == set(arrays) - {"body/pruned"}
    changed = {key for key in plain if not np.array_equal(plain[key], arrays[key])}
    assert changed == {"body/coef", "body/basis", "body/basis_scale"}
    assert source["weights"] == "as found in net.onnx"
    assert source["made_by"] == "sdalgo import net.onnx --name net"
    assert told["weights"].endswith("weights, he*, stem left whole")
    assert told["made_by"].endswith(" --prune 0.9 --row-ratio 0.9 --dense 'he*' --dense 'stem'")


def test_lists_by_layer_take_the_place_of_one_share(network, here):
    (here / "shares.yaml").write_text("default: 0.5\nhead: 0\n")
    arrays, source = imported(network, here, "--prune", "shares.yaml", "--row-ratio", "tiny")
    assert {key for key in arrays if key.endswith("/pruned")} == {"stem/pruned", "body/pruned"}
    dead = ~arrays["body/coef"].any(axis=3)
    assert dead.mean() == pytest.approx(0.3, abs=0.01)  # `default` of the shipped list
    assert "smallest (shares: shares.yaml) of each" in source["weights"]
    assert "weakest (shares: tiny) of each" in source["weights"]


def test_options_of_the_decomposition_reach_it(network, tmp_path):
    arrays, source = imported(network, tmp_path, "--rank", "2", "--levels", "3", "--theta", "0.02")
    assert arrays["body/coef"].shape[-1] == arrays["head/coef"].shape[-1] == 2
    codes = np.abs(arrays["body/coef"]).reshape(64, -1).astype(int)  # a slice each
    assert (codes.max(axis=1) - np.where(codes, codes, 127).min(axis=1) == 2).all()
    assert source["decomposition"] == "as_released_double, theta 0.02, rank 2, levels 3"
    arrays, source = imported(network, tmp_path, "--density", "0.4", "--basis-bits", "8")
    density = np.count_nonzero(arrays["body/coef"]) / arrays["body/coef"].size
    assert density == pytest.approx(0.4, abs=0.001)
    assert source["decomposition"] == "as_released_double, density 0.4"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prune", "1.5"], "--prune: 1.5 is not a share from 0 to 1"),
        (["--row-ratio", "nan"], "--row-ratio: nan is not a share from 0 to 1"),
        (["--prune", "alexne"], "--prune: alexne: there is no list of ratios 'alexne'; did"),
        (["--prune", "none.yaml"], "--prune: none.yaml: there is no such file"),
        (["--prune", "wrong.yaml"], "wrong.yaml:1:7: body: must be at most 1, not 2"),
        (["--prune", "other.yaml"],
         "other.yaml:2:1: there is no layer with weights 'bodi'; did you mean 'body'? legal"),
        (["--dense", "heat"], "--dense 'heat': there is no layer with weights 'heat'; did"),
        (["--rank", "300"], "option rank: 300 is not 1 to 255"),
        (["--preset", "bst"], "did you mean 'best'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_written(network, options, said, here, capsys):
    (here / "wrong.yaml").write_text("body: 2\n")
    (here / "other.yaml").write_text("body: 0.5\nbodi: 0.5\n")
    assert main(["import", str(network[0]), "--out", "out", *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(here.glob("out/*"))


def test_patterns_and_lists_say_what_a_layer_loses():
    pruning = Pruning(
        rows={"a1": 0.5, "default": 0.25}, weights={"default": 0.75}, dense=("b*", "c?")
    )
    assert [pruning.rows_dropped(x) for x in ("a1", "a2", "b", "c1", "c12")] == [
        0.5, 0.25, 0.0, 0.0, 0.25,
    ]  # fmt: skip
    assert [pruning.weights_kept(x) for x in ("a1", "b", "c12")] == [0.25, 1.0, 0.25]
    pruning.check(["a1", "bx", "c2"])
    with pytest.raises(InputError, match=r"--dense 'c\?': there is no layer with weights 'c\?'"):
        pruning.check(["a1", "b"])


def test_what_was_not_asked_for_is_not_told():
    recipe = Recipe(name="n", about="", network="onnx", weights="w")
    assert provenance.import_options(recipe) == ""
    assert provenance.weights("note", recipe) == "note"
    assert provenance.decomposition(recipe) == "as_released_double, theta 0.004"
    told = provenance.weights("note", recipe.model_copy(update={"pruned_density": 0.6}))
    assert told.endswith(
        "`pruned` without the smallest 40 % of the weights of each decomposed layer"
    )
