"""torch modules to workloads without ONNX: the graphs that an ONNX file of the module gives."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

import sdalgo  # noqa: E402
from archsim.formats.errors import InputError  # noqa: E402
from archsim.workload.workload import load_workload  # noqa: E402
from sdalgo.exported.network import read_module  # noqa: E402
from sdalgo.torch_import import run_module  # noqa: E402


class Attention(nn.Module):
    """A block of a transformer: packed weights, residual edges, two linear layers."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.up, self.down = nn.Linear(32, 64), nn.Linear(64, 32)

    def forward(self, x):
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.down(F.gelu(self.up(x)))


class Convolutions(nn.Module):
    """What a small network of convolutions is made of."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6()
        )
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Hardswish())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.depth(x)
        y = x + y * self.gate(y)
        y = torch.cat([F.max_pool2d(y, 2), F.avg_pool2d(x, 2)], 1)
        return self.head(F.adaptive_avg_pool2d(F.silu(y), 1).flatten(1))


class Decoder(nn.Module):
    """A transposed convolution beside a map that is cropped, and a resize."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3)
        self.up = nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)
        self.join = nn.Conv2d(12, 6, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.down(x))
        y = self.up(F.max_pool2d(x, 2))
        y = torch.cat([x[:, :, 1:-1, 1:-1], y[:, :, 1:-1, 1:-1]], 1)
        return F.interpolate(self.join(y), scale_factor=2, mode="nearest")


MODULES = {
    "attention": (Attention, (1, 6, 32)), "convolutions": (Convolutions, (1, 3, 16, 16)),
    "decoder": (Decoder, (1, 3, 18, 18)),
}  # fmt: skip


def made(kind):
    torch.manual_seed(0)
    return kind().eval()


def graph(layers):
    """Layers without names: what each is, and which it reads by its number."""
    number = {layer.name: index for index, layer in enumerate(layers)}
    return [(each.op, tuple(number[name] for name in each.inputs), each.fields) for each in layers]


@pytest.mark.parametrize("name", MODULES)
def test_the_layers_are_those_of_the_same_module_as_an_onnx_file(name, tmp_path):
    pytest.importorskip("onnx")
    from sdalgo.importer.run import NetworkRun
    from sdalgo.onnx_network import read_network

    kind, shape = MODULES[name]
    module, x = made(kind), torch.randn(shape)
    path = tmp_path / "module.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), str(path), dynamo=False, opset_version=17)
    theirs = NetworkRun(read_network(path))
    (wanted,) = theirs.run({theirs.network.inputs[0].name: x})
    ours = run_module(read_module(module, (x,)), (x,))
    assert graph(ours.layers) == graph(theirs.layers)
    pairs = zip(ours.layers, theirs.layers, strict=True)
    for mine, other in pairs:
        if mine.has_weights:
            # A scale of scores stands on one operand here, and by its root on both there.
            for one, two in ((ours.weights, theirs.weights), (ours.inputs, theirs.inputs)):
                a, b = (each / np.abs(each).max() for each in (one[mine.name], two[other.name]))
                assert np.allclose(a, b, atol=1e-5)
    with torch.inference_mode():
        assert torch.allclose(module(x), wanted, atol=1e-5)


def test_a_module_becomes_a_workload_that_archsim_reads(tmp_path):
    torch.manual_seed(0)
    built = sdalgo.import_module(
        made(Attention), torch.randn(1, 6, 32), name="block", folder=tmp_path, theta=1e-3
    )
    workload = load_workload(str(built.yaml))
    arrays = {layer.name: layer for layer in workload.layers if layer.is_array}
    assert list(arrays) == [
        "attention.in_proj", "attention.matmul", "attention.matmul_2", "attention.out_proj", "up",
        "down",
    ]  # fmt: skip
    per_token = 4 * 32 * 32 + 2 * 32 * 64
    assert sum(layer.macs for layer in arrays.values()) == 6 * per_token + 2 * 6 * 6 * 32
    made_by = "sdalgo.import_module(Attention, name='block', theta=0.001)"
    assert workload.source["made_by"] == made_by
    assert "theta 0.001" in workload.source["decomposition"]
    assert workload.mode == "measured"


def test_the_same_module_gives_the_same_bytes(tmp_path):
    x = torch.ones(1, 3, 16, 16)
    for folder in ("one", "two"):
        sdalgo.import_module(made(Convolutions), x, name="net", folder=tmp_path / folder)
    for suffix in ("yaml", "safetensors"):
        one, two = (tmp_path / folder / f"net.{suffix}" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_an_option_that_does_not_exist_names_those_that_do():
    with pytest.raises(InputError, match="theta"):
        sdalgo.import_module(nn.Linear(2, 2), torch.ones(1, 2), name="net", thet=1)


class Step(nn.Module):
    """A decode step of attention: keys and values of earlier tokens given, or held."""

    def __init__(self, held):
        super().__init__()
        self.project = nn.Linear(16, 48)
        for name in ("keys", "values"):
            value = torch.randn(1, 2, 7, 8) if held else None
            self.register_buffer(name, value)

    def forward(self, x, past_keys=None, past_values=None):
        parts = self.project(x).reshape(1, 1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        keys = torch.cat([self.keys if past_keys is None else past_keys, key], 2)
        values = torch.cat([self.values if past_values is None else past_values, value], 2)
        return F.scaled_dot_product_attention(query, keys, values)


@pytest.mark.parametrize("held", [True, False])
def test_earlier_keys_and_values_are_a_cache(held):
    torch.manual_seed(0)
    x, past = torch.randn(1, 1, 16), torch.randn(2, 1, 2, 7, 8)
    inputs = (x,) if held else (x, past[0], past[1])
    run = run_module(read_module(Step(held), inputs), inputs)
    caches = [layer for layer in run.layers if layer.op == "cache"]
    assert [layer.fields for layer in caches] == [{"length": 7}] * 2
    products = [layer for layer in run.layers if layer.op == "matmul"]
    assert [layer.inputs[1] for layer in products] == [cache.name for cache in caches]
    assert products[0].fields == {"heads": 2, "rows": 1, "inner": 8, "columns": 8}


def test_a_class_token_is_joined_and_is_no_cache():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.next = nn.Linear(8, 8), nn.Linear(8, 8)
            self.token = nn.Parameter(torch.randn(1, 1, 8))

        def forward(self, x):
            return self.next(torch.cat([self.token, self.first(x)], 1))

    x = torch.randn(1, 5, 8)
    run = run_module(read_module(Tokens(), (x,)), (x,))
    assert [layer.op for layer in run.layers] == ["linear", "embedding", "concat", "linear"]
    assert run.layers[2].fields == {"axis": "columns"}


@pytest.mark.parametrize("causal", [False, True])
def test_heads_that_share_keys_are_fewer_second_operands(causal):
    class Grouped(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.shared = nn.Linear(16, 32), nn.Linear(16, 16)

        def forward(self, x):
            query = self.query(x).reshape(1, 5, 4, 8).transpose(1, 2)
            key, value = self.shared(x).reshape(1, 5, 2, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
            key = torch.cat([key, key], 3)
            value = torch.cat([value, value], 3)
            return F.scaled_dot_product_attention(
                query, key, value, is_causal=causal, enable_gqa=True
            )

    torch.manual_seed(0)
    x = torch.randn(1, 5, 16)
    run = run_module(read_module(Grouped().eval(), (x,)), (x,))
    products = [layer.fields for layer in run.layers if layer.op == "matmul"]
    shape = {"heads": 4, "kv_heads": 2, "rows": 5}
    assert products[0] == shape | {"inner": 8, "columns": 5}
    assert products[1] == shape | {"inner": 5, "columns": 8} | ({"causal": True} if causal else {})


TRANSFORMERS = {
    "BertModel": {"num_attention_heads": 4, "intermediate_size": 64, "num_hidden_layers": 2},
    "GPT2LMHeadModel": {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 0,
                        "eos_token_id": 0},
    "LlamaForCausalLM": {"num_attention_heads": 4, "num_key_value_heads": 2,
                         "intermediate_size": 64, "num_hidden_layers": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_models_of_transformers_work_where_they_are(name):
    try:
        library = pytest.importorskip("transformers")
        kind = getattr(library, name)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"transformers cannot be used: {error!s:.80}")
    sizes = TRANSFORMERS[name] | {"vocab_size": 100}
    if name != "GPT2LMHeadModel":
        sizes["hidden_size"] = 32
    torch.manual_seed(0)
    inputs = {"input_ids": torch.arange(12)[None]}
    run = run_module(read_module(kind(kind.config_class(**sizes)), inputs), inputs)
    ops = [layer.op for layer in run.layers]
    assert ops.count("matmul") == 4
    assert ops.count("softmax") == 2
    assert "embedding" in ops


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224"])
def test_models_of_timm_work_where_it_is(name):
    try:
        timm = pytest.importorskip("timm")
    except RuntimeError as error:
        pytest.skip(f"timm cannot be used: {error!s:.80}")
    torch.manual_seed(0)
    x = torch.randn(1, 3, 224, 224)
    model = timm.create_model(name)
    run = run_module(read_module(model, (x,)), (x,))
    arrays = [layer for layer in run.layers if layer.op in ("conv", "linear")]
    assert len(arrays) == sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in model.modules())


def test_what_options_ask_for_is_done_and_said(tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 8))
    built = sdalgo.import_module(
        module, torch.randn(1, 48), name="net", folder=tmp_path, weights_pruned=0.5,
        rows_pruned=0.25, dense=("2",),
    )  # fmt: skip
    workload = load_workload(str(built.yaml))
    first, last = workload.layers
    assert first.profile.pruned.live == pytest.approx(0.5, abs=0.01)
    assert first.profile.coef.rows.live == pytest.approx(0.75, abs=0.01)
    assert last.profile.coef.rows.live > 0.99
    assert "weights_pruned=0.5" in workload.source["made_by"]
    assert "not re-trained after pruning" in workload.source["weights"]


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"theta": "small"}, "option theta"),
        ({"weights_pruned": 1.5}, "option weights_pruned"),
        ({"dense": ("head",)}, "dense 'head'"),
        ({"name": "../net"}, "'../net'"),
    ],
)
def test_an_option_that_is_wrong_is_named(options, place, tmp_path):
    with pytest.raises(InputError, match=place):
        sdalgo.import_module(
            nn.Linear(12, 12), torch.ones(1, 12), folder=tmp_path, **{"name": "net"} | options
        )
    assert not list(tmp_path.glob("**/*.yaml"))
