"""Networks against published parameter and multiply counts, and their layer graphs."""

import math
from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.graph import layer_graph  # noqa: E402
from sdalgo.networks import names, network  # noqa: E402

# torchvision's model table (parameters; GFLOPs are multiply-adds there), and for CIFAR networks
# the paper: Table III's megabytes of float32, Table II's 1110.8 MFLOPs at two to a multiply-add.
TORCHVISION = {
    "resnet50": (25_557_032, 4.09),
    "mobilenet_v2": (3_504_872, 0.30),
    "efficientnet_b0": (5_288_548, 0.39),
    "vgg11": (132_863_336, 7.61),
}


def on_meta(name):
    with torch.device("meta"):
        return network(name).build()


def macs(nodes):
    """Count multiplications with the formula of a convolution, apart from torch."""
    total = 0
    for node in nodes:
        f = node.fields
        if node.op == "linear":
            total += f["in_channels"] * f["out_channels"] * f.get("positions", 1)
        elif node.op == "conv":
            top, left, *rest = f["padding"]
            bottom, right = rest or (top, left)
            keys = ("in_size", "dilation", "kernel", "stride")
            out = [
                (size + pad - dilation * (kernel - 1) - 1) // stride + 1
                for pad, size, dilation, kernel, stride in zip(
                    (top + bottom, left + right), *(f[key] for key in keys), strict=True
                )
            ]
            per_output = f["in_channels"] // f["groups"] * math.prod(f["kernel"])
            total += f["out_channels"] * per_output * math.prod(out)
    return total


# Those that torch.export reads are in test_networks_of_today.py.
TRACED = [name for name in names() if not hasattr(network(name), "FRONT")]


@pytest.mark.parametrize("name", TRACED)
def test_counts_are_the_published_ones(name):
    module, model = network(name), on_meta(name)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == module.PARAMETERS
    nodes = layer_graph(model, module.INPUT)
    assert macs(nodes) == module.MACS
    if name in TORCHVISION:
        published, gmacs = TORCHVISION[name]
        assert parameters == published
        assert pytest.approx(gmacs, abs=0.005) == module.MACS / 1e9


@pytest.mark.parametrize(
    ("name", "megabytes", "unit"),
    [
        ("resnet18_cifar", 42.59, 2**20),  # Table II, convolution and linear weights
        ("mobilenet_v2_cifar", 8.63, 2**20),  # Table V, likewise
        ("resnet50", 102.40, 10**6),  # Table III: 25.6 M parameters
        ("vgg19", 80.13, 10**6),
        ("resnet164", 6.75, 10**6),
        ("mlp2", 1.07, 10**6),
    ],
)
def test_sizes_are_those_of_the_paper(name, megabytes, unit):
    model = on_meta(name)
    weights = sum(p.numel() for p in model.parameters() if p.ndim >= 2)
    everything = sum(p.numel() for p in model.parameters())
    close = {weights * 4 / unit, everything * 4 / unit}
    assert min(abs(size - megabytes) / megabytes for size in close) < 0.011


def test_resnet18_flops_are_those_of_table2():
    nodes = layer_graph(on_meta("resnet18_cifar"), (3, 32, 32))
    conv = 2 * macs([node for node in nodes if node.op == "conv"])
    assert conv / 1e6 == pytest.approx(1110.8, abs=0.05)


def test_torch_counts_the_same_multiplications():
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("tiny", "resnet18_cifar", "mobilenet_v2_cifar"):
        module = network(name)
        with FlopCounterMode(display=False) as counter:
            on_meta(name).eval()(torch.empty(1, *module.INPUT, device="meta"))
        assert counter.get_total_flops() == 2 * module.MACS


@pytest.mark.parametrize("name", ["resnet50", "vgg11", "mobilenet_v2", "efficientnet_b0"])
def test_state_dicts_are_torchvisions(name):
    try:
        from torchvision import models
    except (ImportError, RuntimeError):
        pytest.skip("torchvision is not installed, or is built for another torch")
    with torch.device("meta"):
        theirs = getattr(models, name)()
    ours = {key: value.shape for key, value in on_meta(name).state_dict().items()}
    assert ours == {key: value.shape for key, value in theirs.state_dict().items()}


def test_torchvision_keys_by_name():
    keys = on_meta("resnet50").state_dict()
    assert keys["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert keys["layer4.2.bn3.running_var"].shape == (2048,)
    keys = on_meta("efficientnet_b0").state_dict()
    assert keys["features.2.0.block.2.fc1.weight"].shape == (4, 96, 1, 1)
    assert keys["classifier.1.bias"].shape == (1000,)


def test_convolutions_of_caffes_networks_are_those_that_scnn_counts():
    """SCNN (ISCA'17), Table 1: 5 layers and 0.69 billion multiplications of AlexNet; 54 and 1.1 of
    GoogLeNet, of whose convolutions it takes those of the inception modules."""
    for name, part, count, billions in (
        ("alexnet", "conv", 5, 0.69),
        ("googlenet", "inc", 54, 1.1),
    ):
        nodes = layer_graph(on_meta(name), network(name).INPUT)
        mine = [node for node in nodes if node.op == "conv" and node.name.startswith(part)]
        assert len(mine) == count
        assert macs(mine) / 1e9 == pytest.approx(billions, rel=0.04)


def test_a_module_of_googlenet_joins_four_branches():
    nodes = {node.name: node for node in layer_graph(on_meta("googlenet"), (3, 224, 224))}
    joined = nodes["inception_4a.concat"]
    assert joined.inputs == tuple(
        f"inception_4a.{branch}" for branch in ("conv_1x1", "conv_3x3", "conv_5x5", "pool_proj")
    )
    assert nodes["inception_4b.reduce_5x5"].inputs == ("inception_4a.concat",)
    assert nodes["pool3"].inputs == ("inception_3b.concat",)
    assert nodes["conv2_reduce"].inputs == ("pool1",)  # the normalisation between disappears


@pytest.mark.parametrize("kind", [torch.nn.MaxPool2d, torch.nn.AvgPool2d])
def test_pools_that_round_up_have_the_size_that_torch_gives_them(kind):
    for size, kernel, stride in product((3, 5, 6, 8), (2, 3), (1, 2, 3, 4)):
        for padding in range(kernel // 2 + 1):
            pool = kind(kernel, stride, padding=padding, ceil_mode=True)
            plane = (size, size + 1)
            (node,) = layer_graph(torch.nn.Sequential(pool), (1, *plane))
            pads = node.fields["padding"]
            top, left, bottom, right = pads if len(pads) == 4 else pads * 2
            padded = (plane[0] + top + bottom, plane[1] + left + right)
            floored = tuple((side - kernel) // stride + 1 for side in padded)
            assert floored == tuple(pool(torch.zeros(1, 1, *plane)).shape[2:])
            assert (top, left) == (padding, padding)


def test_tiny_graph_by_hand():
    nodes = {node.name: node for node in layer_graph(on_meta("tiny"), (3, 32, 32))}
    assert list(nodes) == [
        "stem", "maxpool", "expand", "depthwise", "pool", "squeeze", "excite", "mul", "project",
        "add", "wide", "resize", "grouped", "concat", "head", "pool2", "fc",
    ]  # fmt: skip
    assert nodes["mul"].inputs == ("depthwise", "excite")
    assert nodes["add"].inputs == ("maxpool", "project")
    assert nodes["concat"].inputs == ("resize", "grouped")
    assert nodes["fc"].inputs == ("pool2",)
    assert nodes["squeeze"].fields["in_size"] == [1, 1]
    assert nodes["grouped"].fields | {"seed": 0} == {
        "in_channels": 16, "out_channels": 24, "in_size": [8, 8], "kernel": [3, 3],
        "stride": [1, 1], "padding": [2, 2], "dilation": [2, 2], "groups": 2, "seed": 0,
    }  # fmt: skip


def test_an_lstm_is_two_linear_layers_over_its_steps():
    nodes = layer_graph(on_meta("char_lstm"), network("char_lstm").INPUT)
    assert [node.name for node in nodes] == ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "decoder"]
    assert [node.fields["positions"] for node in nodes] == [100, 100, 100]
    assert nodes[1].fields["in_channels"] == 1000


class Branches(torch.nn.Module):
    def forward(self, x):
        return x + 1 if x.sum() > 0 else x


class Sorts(torch.nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 1)


@pytest.mark.parametrize("module", [Branches(), Sorts(), torch.nn.Conv3d(1, 1, 1)])
def test_what_is_no_workload_layer_is_refused(module):
    with pytest.raises(InputError):
        layer_graph(module, (1, 4, 4) if not isinstance(module, torch.nn.Conv3d) else (1, 2, 2, 2))


def test_unknown_network_names_the_known():
    with pytest.raises(InputError, match="resnet50"):
        network("resnet5")


def test_lstm_state_is_the_output_one_step_before():
    from sdalgo.characters import one_hot
    from sdalgo.forward import activations
    from sdalgo.networks.char_lstm import CharLSTM

    torch.manual_seed(0)
    found = activations(CharLSTM(8), one_hot(6, 50, 2))
    before, after = found["lstm.weight_hh_l0"], found["decoder"]
    assert not before[:, 0].any()
    np.testing.assert_array_equal(before[:, 1:], after[:, :-1])
