"""torch modules read by torch.export: their operators, run by onnx.reference, give torch's own
values."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch.nn.functional as F  # noqa: E402, N812
from reference_run import run  # noqa: E402
from torch import nn  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.exported.network import read_module  # noqa: E402

IMAGE, TOKENS = (1, 4, 8, 8), (1, 6, 16)


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def attention(causal=False, groups=4, mask=None):
    def function(x):
        query = x.reshape(1, 6, 4, 4).transpose(1, 2)
        shared = x[..., : 4 * groups].reshape(1, 6, groups, 4).transpose(1, 2)
        return F.scaled_dot_product_attention(
            query, shared, shared * 0.5, attn_mask=mask, is_causal=causal, enable_gqa=groups < 4
        )

    return function


MASK = torch.arange(36).reshape(6, 6) % 5 != 1
FUNCTIONS = {
    "relu": (F.relu, IMAGE), "relu6": (F.relu6, IMAGE), "silu": (F.silu, TOKENS),
    "gelu": (F.gelu, TOKENS), "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), TOKENS),
    "hard-swish": (F.hardswish, IMAGE), "hard-sigmoid": (F.hardsigmoid, IMAGE),
    "leaky": (F.leaky_relu, IMAGE), "elu": (F.elu, IMAGE), "mish": (F.mish, IMAGE),
    "softplus": (F.softplus, IMAGE), "clamp": (lambda x: x.clamp(-0.5, 0.25), IMAGE),
    "at least": (lambda x: x.clamp(min=0.1), IMAGE), "hardtanh": (F.hardtanh, IMAGE),
    "arithmetic": (lambda x: (2 - x) / 3 + x * x - torch.add(x, x, alpha=2), IMAGE),
    "powers": (lambda x: (x.abs() + 1).rsqrt() + x**2 + x.exp() + (x * x).sqrt(), IMAGE),
    "waves": (lambda x: x.sin() + x.cos() + x.tanh() + x.erf() + x.sigmoid(), IMAGE),
    "largest": (lambda x: torch.maximum(x, -x) - torch.minimum(x, x * x), IMAGE),
    "where": (lambda x: torch.where(x > 0, x, 0.5) + x.masked_fill(x < -1, 2.0), IMAGE),
    "not": (lambda x: torch.where(~((x > 0) & (x < 1)), x, -x), IMAGE),
    "softmax": (lambda x: x.softmax(-1) + x.log_softmax(1), TOKENS),
    "means": (lambda x: x.mean(-1, keepdim=True) + x.sum(1, keepdim=True) + x.amax(-1)[..., None],
              TOKENS),
    "variance": (lambda x: x.var(-1) + x.std(-1, unbiased=False), TOKENS),
    "views": (lambda x: x.reshape(2, 3, 16).permute(2, 0, 1).unsqueeze(0).flatten(1), TOKENS),
    "squeeze": (lambda x: x.squeeze() + x.squeeze(0), TOKENS),
    "parts": (lambda x: torch.cat(x.chunk(2, 1)[::-1], 1) + x.split([3, 1], 1)[1], IMAGE),
    "slices": (lambda x: x[:, :2, 1:-1, ::2] + x[:, 2:, :-2, 1::2], IMAGE),
    "select": (lambda x: x[:, 0] + x[:, -1] + torch.stack(x.unbind(1), 2)[:, :, 3], TOKENS),
    "shuffle": (lambda x: x[:, [2, 0, 3, 1]] + x.index_select(1, torch.arange(4) // 2), IMAGE),
    "expand": (lambda x: x[:, :1].expand(-1, 4, -1, -1) + x.repeat(1, 1, 1, 1), IMAGE),
    "gather": (lambda x: x.gather(2, (torch.arange(48).reshape(1, 6, 8) % 7)), TOKENS),
    "sums": (lambda x: x.cumsum(1) + torch.where(x.round() != 1, x, 0.0), TOKENS),
    "tile": (lambda x: x.repeat(2, 1, 1, 2), TOKENS),
    "roll": (lambda x: torch.roll(x, (2, -3), (2, 3)), IMAGE),
    "pixel shuffle": (lambda x: F.pixel_shuffle(x, 2), IMAGE),
    "pixel unshuffle": (lambda x: F.pixel_unshuffle(x, 2), IMAGE),
    "max pool": (lambda x: F.max_pool2d(x, 3, 2, 1), IMAGE),
    "pool up": (lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), IMAGE),
    "mean pool": (lambda x: F.avg_pool2d(x, 2) + F.avg_pool2d(x, 3, 2, 1, False, False), IMAGE),
    "whole": (lambda x: F.adaptive_avg_pool2d(x, 1) + x.mean((2, 3), keepdim=True), IMAGE),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, (4, 2)), IMAGE),
    "pad": (lambda x: F.pad(x, (1, 2, 0, 3)) + F.pad(x, (1, 2, 0, 3), value=0.5), IMAGE),
    "reflect": (lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"), IMAGE),
    "nearest": (lambda x: F.interpolate(x, scale_factor=2), IMAGE),
    "bilinear": (lambda x: F.interpolate(x, (12, 20), mode="bilinear"), IMAGE),
    "corners": (lambda x: F.interpolate(x, (5, 9), mode="bilinear", align_corners=True), IMAGE),
    "product": (lambda x: x @ x.transpose(1, 2), TOKENS),
    "attention": (attention(), TOKENS), "causal": (attention(causal=True), TOKENS),
    "grouped": (attention(groups=2), TOKENS), "masked": (attention(mask=MASK), TOKENS),
    "biased": (attention(mask=MASK.float()), TOKENS),
    "constants": (lambda x: x + torch.arange(16.0).sin() + torch.zeros_like(x), TOKENS),
}  # fmt: skip
MODULES = {
    "linear": (nn.Linear(16, 5), TOKENS), "vector": (nn.Linear(16, 5, bias=False), (1, 16)),
    "conv": (nn.Conv2d(4, 6, 3, 2, 1, groups=2), IMAGE),
    "same": (nn.Conv2d(4, 6, 3, padding="same", dilation=2), IMAGE),
    "conv 1d": (nn.Conv1d(6, 8, 3, padding=1), TOKENS),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1), IMAGE),
    "batch norm": (nn.BatchNorm2d(4), IMAGE), "group norm": (nn.GroupNorm(2, 4), IMAGE),
    "instance norm": (nn.InstanceNorm2d(4, affine=True), IMAGE),
    "layer norm": (nn.LayerNorm(16), TOKENS), "plain norm": (nn.LayerNorm(16, bias=False), TOKENS),
    "rms norm": (nn.RMSNorm(16), TOKENS), "prelu": (nn.PReLU(4), IMAGE),
    "dropout": (nn.Dropout(0.5), TOKENS),
    "encoder": (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu"), TOKENS),
}  # fmt: skip


def values(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check(module, x, tolerance=2e-5):
    module = module.eval()
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    (found,) = run(read_module(module, (torch.from_numpy(x),)), x)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_what_torch_gives(name):
    function, shape = FUNCTIONS[name]
    check(Call(function), values(shape))


@pytest.mark.parametrize("name", MODULES)
def test_modules_give_what_torch_gives(name):
    module, shape = MODULES[name]
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.1, 0.5)
    for key, buffer in module.named_buffers():
        if "running" in key:
            nn.init.uniform_(buffer, 0.5, 1.5)
    check(module, values(shape))


def test_an_operator_that_nothing_stands_for_is_named_with_all_others_at_once():
    module = Call(lambda x: torch.cumprod(x, 1) + x.atan2(x) + x.relu())
    with pytest.raises(InputError) as error:
        read_module(module, (torch.zeros(IMAGE),))
    assert "torch's cumprod" in str(error.value)
    assert "torch's atan2" in str(error.value)


def test_what_torch_cannot_export_is_said_with_its_reason():
    module = Call(lambda x: x.relu() if x.sum() > 0 else x)
    with pytest.raises(InputError, match=r"Call.*torch\.export cannot read it"):
        read_module(module, (torch.zeros(IMAGE),))


class Named(nn.Module):
    """Parts with names, training, inputs by name, a result beside its tensors."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(), nn.Linear(16, 3))

    def forward(self, ids, scale):
        x = self.embed(ids) * scale
        y, _ = self.attention(x, x, x, need_weights=False)
        return {"logits": self.head(y), "kind": "ours", "parts": (x, None)}


def test_operators_are_named_by_their_modules_and_inputs_by_the_call():
    module = Named().train()
    given = {"ids": torch.zeros(1, 5, dtype=torch.int64), "scale": torch.ones(1)}
    network = read_module(module, given, "mine")
    assert module.training
    assert module.head[0].training
    assert network.label == "mine"
    assert [(each.name, each.shape, each.dtype) for each in network.inputs] == [
        ("ids", (1, 5), "int64"), ("scale", (1,), "float32"),
    ]  # fmt: skip
    names = {each.name: each.kind for each in network.operations}
    assert names["embed"] == "Gather"
    assert names["head.1"] == "MatMul"
    assert {names[f"attention.{part}"] for part in ("in_proj", "out_proj")} <= {"MatMul", "Gemm"}
    assert names["attention.softmax"] == "Softmax"
    assert len(network.outputs) == 2
    assert len(names) == len(network.operations)
    read = {name for each in network.operations for name in each.inputs}
    assert set(network.constants) <= read
