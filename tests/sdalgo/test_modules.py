"""sdalgo.convert: modules that rebuild their weights, and the agreement of two networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import sdalgo  # noqa: E402
from sdalgo.agreement import compare  # noqa: E402
from sdalgo.networks import network  # noqa: E402


def test_a_converted_network_computes_with_the_rebuilt_weights():
    torch.manual_seed(0)
    model = network("tiny").build().eval()
    options = sdalgo.Options(theta=0.02)
    converted = sdalgo.convert(model, options)
    image = torch.randn(2, 3, 32, 32)
    by_hand = network("tiny").build().eval()
    state = model.state_dict()
    for name, value in state.items():
        if value.ndim >= 2 and max(value.shape[2:], default=1) <= 3:
            rebuilt = sdalgo.decompose(value.numpy(), options).rebuild()
            state[name] = torch.from_numpy(rebuilt)
    by_hand.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(converted(image), by_hand(image), rtol=1e-4, atol=1e-5)
    assert converted.stem.parametrizations.weight[0].codes.dtype == torch.int8
    assert sum(p.numel() for p in converted.stem.parameters()) == 0
    assert torch.equal(model.stem.weight, network_weight(model))


def network_weight(model):
    return model.state_dict()["stem.weight"]


def test_a_converted_network_survives_its_state_dict():
    torch.manual_seed(1)
    one, two = (sdalgo.convert(network("tiny").build().eval()) for _ in range(2))
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(one(image), two(image))
        two.load_state_dict(one.state_dict())
        assert torch.equal(one(image), two(image))


def test_a_module_without_weights_is_refused():
    with pytest.raises(sdalgo.InputError, match="no layer"):
        sdalgo.convert(torch.nn.ReLU())


def test_the_library_functions_are_not_hidden_by_their_modules():
    import sdalgo.decompose

    assert callable(sdalgo.decompose)
    assert callable(sdalgo.convert)


def test_agreement_by_hand():
    one = np.array([[3.0, 0, 0, 0, 0, 1], [0, 4.0, 0, 0, 0, 0]])
    same = compare(one, one)
    assert (same.cosine, same.top1, same.top5) == (pytest.approx(1.0), 1.0, 1.0)
    turned = compare(one, np.array([[0, 0, 0, 0, 0, 2.0], [0, -4.0, 0, 0, 0, 0]]))
    assert turned.worst == -1.0
    assert turned.cosine == pytest.approx((1 / np.sqrt(10) - 1) / 2)
    assert turned.top1 == 0.0
    assert turned.top5 == pytest.approx((1.0 + 0.8) / 2)
