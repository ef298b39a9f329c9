"""sdalgo.convert: every kind of layer as `sdalgo decompose` has it, ties, types and export."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import sdalgo  # noqa: E402
from archsim.formats.tensor_record import from_array  # noqa: E402
from sdalgo.rebuilding import Rebuilt  # noqa: E402
from sdalgo.state import decompose_state, rebuild_state  # noqa: E402

OPTIONS = sdalgo.Options(theta=1e-3)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(20, 12), nn.Linear(12, 20, bias=False)
        self.one, self.two = nn.Linear(12, 12), nn.Linear(12, 12)
        self.head.weight, self.two.weight = self.words.weight, self.one.weight

    def forward(self, tokens):
        return self.head(self.two(self.one(self.words(tokens))))


class Attending(nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True, **sizes)
        self.sizes = sizes

    def forward(self, x):
        keys = x[:, :, : self.sizes.get("kdim", 12)]
        return self.attention(x, keys, keys)[0]


class Recurrent(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def image(*shape):
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))


NETWORKS = {
    "plain": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 4)),
              image(3, 8, 8)),
    "line": (lambda: nn.Sequential(nn.Conv1d(6, 8, 3), nn.Conv1d(8, 4, 1)), image(6, 9)),
    "deconv": (lambda: nn.ConvTranspose2d(6, 4, 3, groups=2), image(6, 5, 5)),
    "deconv line": (lambda: nn.ConvTranspose1d(6, 4, 3), image(6, 5)),
    "packed attention": (Attending, image(5, 12)),
    "attention": (lambda: Attending(kdim=9, vdim=9), image(5, 12)),
    "encoder": (lambda: nn.TransformerEncoderLayer(12, 2, 24, batch_first=True), image(5, 12)),
    "LSTM": (lambda: Recurrent(nn.LSTM(6, 5, 2, bidirectional=True)), image(4, 6)),
    "GRU": (lambda: Recurrent(nn.GRU(6, 5)), image(4, 6)),
    "cell": (lambda: nn.GRUCell(6, 5), image(6)),
    "tied": (Tied, torch.tensor([[1, 4, 7]])),
}  # fmt: skip


def made(kind):
    build, given = NETWORKS[kind]
    torch.manual_seed(0)
    return build().eval(), given


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_converted_network_is_that_of_the_decomposed_state_dict(kind, bits, capsys):
    model, given = made(kind)
    options = sdalgo.Options(theta=1e-3, basis_bits=bits)
    converted = sdalgo.convert(model, options)
    assert "not decomposed" not in capsys.readouterr().err
    state = {name: from_array(value.numpy()) for name, value in model.state_dict().items()}
    found = decompose_state(state, options)
    assert set(found.layers) == {name for name, value in state.items() if len(value.shape) > 1}
    rebuilt = {k: torch.from_numpy(t.array().copy()) for k, t in rebuild_state(found).items()}
    other = copy.deepcopy(model)
    other.load_state_dict(rebuilt)
    with torch.no_grad():
        torch.testing.assert_close(converted(given), other(given), rtol=1e-5, atol=1e-6)
        assert not torch.equal(converted(given), model(given))


def test_tied_weights_stay_tied_and_are_stored_once():
    model, _ = made("tied")
    converted = sdalgo.convert(model)
    held = [m for m in converted.modules() if isinstance(m, Rebuilt)]
    assert len(held) == 2  # modules() yields each once
    assert converted.words.parametrizations.weight[0] is converted.head.parametrizations.weight[0]
    assert torch.equal(converted.one.weight, converted.two.weight)


def test_an_embedding_of_its_own_stays_as_it_is(capsys):
    model = nn.Sequential(nn.Embedding(20, 12), nn.Linear(12, 4))
    converted = sdalgo.convert(model)
    assert torch.equal(converted[0].weight, model[0].weight)
    assert capsys.readouterr().err == ""


def test_what_stays_as_it_is_is_named(capsys):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.ones(4, 4))
            self.scale = nn.Parameter(torch.ones(4, 1, 1))
            self.layer = nn.Conv2d(3, 4, 7)
            self.last = nn.Linear(4, 4)

    sdalgo.convert(Own())
    assert capsys.readouterr().err == "not decomposed: matrix (4x4), layer.weight (4x3x7x7)\n"
    with pytest.raises(sdalgo.InputError, match="no layer"):
        sdalgo.convert(nn.Conv3d(3, 4, 3))


def test_a_ruined_layer_is_a_warning(capsys):
    model = nn.Linear(12, 4)
    nn.init.constant_(model.weight, 1e-4)
    sdalgo.convert(model)
    assert capsys.readouterr().err.startswith("warning: weight lost all its weights")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", ["plain", "LSTM", "packed attention"])
def test_weights_follow_the_type_of_the_network(kind, dtype):
    model, given = made(kind)
    converted = sdalgo.convert(model, OPTIONS)
    exact = {name: value.clone() for name, value in converted.named_buffers()}
    weights = {k: m(torch.empty(0)) for k, m in converted.named_modules() if isinstance(m, Rebuilt)}
    cast = converted.to(dtype)
    assert cast(given.to(dtype)).dtype == dtype
    for name, value in cast.named_buffers():
        assert torch.equal(value, exact[name])  # no scale is cut short
    for name, module in cast.named_modules():
        if isinstance(module, Rebuilt):
            assert torch.equal(module(torch.empty(0, dtype=dtype)), weights[name].to(dtype))
    again = cast.float()
    torch.testing.assert_close(again(given), sdalgo.convert(model, OPTIONS)(given), rtol=1e-2,
                               atol=1e-2)  # fmt: skip
    assert sdalgo.convert(model.to(dtype), OPTIONS)(given.to(dtype)).dtype == dtype


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter without onnxscript
@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("kind", ["plain", "line"])
def test_it_exports_to_onnx_with_its_codes(kind, bits, tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    model, given = made(kind)
    converted = sdalgo.convert(model, sdalgo.Options(theta=1e-3, basis_bits=bits))
    path = tmp_path / "net.onnx"
    torch.onnx.export(converted, (given,), str(path), dynamo=False, input_names=["x"])
    read = onnx.load(path)
    found = ReferenceEvaluator(read).run(None, {"x": given.numpy()})[0]
    np.testing.assert_allclose(found, converted(given).detach().numpy(), rtol=1e-5, atol=1e-6)
    # Its operators rebuild the weights: no weight stands in it as floating-point numbers.
    sizes = {p.numel() for p in model.parameters() if p.ndim > 1}
    held = [onnx.numpy_helper.to_array(tensor) for tensor in read.graph.initializer]
    assert not any(values.dtype.kind == "f" and values.size in sizes for values in held)


def test_torch_export_reads_it():
    model, given = made("plain")
    converted = sdalgo.convert(model, OPTIONS)
    exported = torch.export.export(converted, (given,)).module()
    torch.testing.assert_close(exported(given), converted(given))


def test_the_rebuilt_weight_is_that_of_the_engine():
    rng = np.random.default_rng(4)
    for shape in [(8, 20), (6, 5, 3, 3), (4, 700), (7, 4, 1, 1)]:
        # Over many powers of two, so that entries move in both directions.
        weight = (rng.normal(size=shape) * 2.0 ** rng.uniform(-12, 0, shape)).astype(np.float32)
        found = sdalgo.decompose(weight, sdalgo.Options(theta=0, slice_rows=7))
        rebuilt = Rebuilt(found)(torch.empty(0)).numpy()
        np.testing.assert_array_equal(rebuilt, found.rebuild())
