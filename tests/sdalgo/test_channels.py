"""Channels pruned for every machine: what is cut, what is left, and that the output agrees."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo import channels  # noqa: E402
from sdalgo.channels import ChannelGroup  # noqa: E402
from sdalgo.graph import layer_graph  # noqa: E402
from sdalgo.networks import network  # noqa: E402


def drawn(name, seed=0):
    torch.manual_seed(seed)
    model = network(name).build().eval()
    groups = network(name).channel_groups()
    channels.draw_scales(model, groups, seed)
    return model, groups


def weights_of(model):
    return sum(p.numel() for p in model.parameters() if p.ndim >= 2)


@pytest.mark.parametrize(("name", "kept"), [("vgg19", 0.08), ("resnet164", 0.85)])
def test_the_most_channels_stay_that_the_share_allows(name, kept):
    model, groups = drawn(name)
    before = weights_of(model)
    live = channels.live_channels(model, groups, kept)
    scales = {g.maker: model.get_submodule(g.norm).weight.detach().numpy() for g in groups}
    alive = np.concatenate([scales[g.maker][live[g.maker]] for g in groups])
    dead = np.concatenate([scales[g.maker][~live[g.maker]] for g in groups])
    assert dead.max() < alive.min()
    channels.remove_channels(model, groups, live)
    left = weights_of(model) / before  # counted from the tensors, not by the formula
    # One channel more would be at most 2 * 512 * 9 weights of VGG19, 64 * 13 of ResNet164.
    assert kept - 2 * 512 * 9 / before < left <= kept


@pytest.mark.parametrize("name", ["vgg19", "resnet164"])
def test_the_smaller_network_computes_what_zeroed_channels_would(name):
    model, groups = drawn(name)
    live = channels.live_channels(model, groups, 0.5)
    zeroed = copy.deepcopy(model)
    for group in groups:
        norm = zeroed.get_submodule(group.norm)
        mask = torch.from_numpy(live[group.maker])
        with torch.no_grad():  # a channel of scale and shift 0 is 0 behind its norm
            norm.weight.mul_(mask)
            norm.bias.mul_(mask)
    channels.remove_channels(model, groups, live)
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(model(image), zeroed(image), rtol=1e-3, atol=1e-4)
    nodes = {node.name: node.fields for node in layer_graph(model, (3, 32, 32))}
    for group in groups:
        assert nodes[group.maker]["out_channels"] == live[group.maker].sum()
        assert nodes[group.reader]["in_channels"] == live[group.maker].sum()


def test_shares_by_hand():
    # a: 4 x 3 x 3 x 3 = 108 weights, b: 10 x 4 = 40. Two of a's four filters: 54 + 20 of 148.
    groups = [ChannelGroup(maker="a", norm="n", reader="b")]
    shapes = {"a": (4, 3, 3, 3), "b": (10, 4)}
    mask = np.array([True, False, True, False])
    assert channels.weights_left(shapes, groups, [mask]) == pytest.approx(74 / 148)


def test_a_group_never_vanishes_and_bad_shares_are_refused():
    model, groups = drawn("resnet164")
    model.get_submodule(groups[0].norm).weight.data *= 1e-6  # all of it is weaker than the rest
    live = channels.live_channels(model, groups, 0.6)
    assert live[groups[0].maker].sum() == 1
    for share in (0, 1.5, 1e-6):
        with pytest.raises(InputError, match="channels_kept"):
            channels.live_channels(model, groups, share)


def test_scales_are_seeded_and_grouped_convolutions_refused():
    first, groups = drawn("vgg19", 3)
    second, _ = drawn("vgg19", 3)
    other, _ = drawn("vgg19", 4)
    scale = [m.get_submodule(groups[5].norm).weight for m in (first, second, other)]
    assert torch.equal(scale[0], scale[1])
    assert not torch.equal(scale[0], scale[2])
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 4, 3, groups=4)
    )
    group = ChannelGroup(maker="0", norm="1", reader="2")
    live = {"0": np.array([True, False, True, True])}
    with pytest.raises(InputError, match="grouped"):
        channels.remove_channels(model, [group], live)
