"""Channels that go: which can, what is left, and the choices of slimming and ThiNet."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from sdalgo.networks import network
from sdalgo.rivals.trained.channels import chains, keep
from sdalgo.rivals.trained.slimming import Slimming, smallest
from sdalgo.rivals.trained.thinet import ThiNet, greedy, shares, weighed


def built(name):
    """A network whose norms are as if it were trained."""
    torch.manual_seed(0)
    model = network(name).build().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean):
                value.data.normal_()
            module.running_var.uniform_(0.5, 2)
    return model


def images(name, count=2):
    return torch.randn(count, *network(name).INPUT, generator=torch.Generator().manual_seed(1))


def test_channels_that_can_go():
    found = [(chain.layers, chain.norms, chain.taker) for chain in chains(built("small_cnn"))]
    assert found == [
        (("stem.0", "depthwise.0"), ("stem.1", "depthwise.1"), "pointwise.0"),
        (("pointwise.0",), ("pointwise.1",), "wide.0"),
        (("wide.0",), ("wide.1",), "fc"),
    ]
    inside = [chain.layers[0] for chain in chains(built("resnet20_cifar"))]
    assert inside == [f"layer{i}.{j}.conv1" for i in (1, 2, 3) for j in range(3)]


@pytest.mark.parametrize("name", ["small_cnn", "resnet20_cifar"])
def test_a_cut_network_is_the_one_that_ignores_these_channels(name):
    model = built(name)
    ignoring = copy.deepcopy(model)
    x = images(name)
    for chain in chains(model):
        kept = torch.arange(1, chain.width(model), 3)
        gone = [i for i in range(chain.width(model)) if i not in kept.tolist()]
        ignoring.get_parameter(f"{chain.taker}.weight").data[:, gone] = 0
        keep(model, chain, kept)
    with torch.no_grad():
        torch.testing.assert_close(model(x), ignoring(x), rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in model.parameters()) < sum(
        p.numel() for p in ignoring.parameters()
    )
    model.train()(x).sum().backward()  # what is left learns


def test_a_cut_network_is_that_of_torch_pruning():
    library = pytest.importorskip("torch_pruning", reason="pip install torch-pruning")
    ours, theirs = built("small_cnn"), built("small_cnn")
    x = images("small_cnn")
    for chain in chains(ours):
        width = chain.width(ours)
        graph = library.DependencyGraph().build_dependency(theirs, example_inputs=x)
        gone = list(range(0, width, 3))
        layer = theirs.get_submodule(chain.layers[0])
        graph.get_pruning_group(layer, library.prune_conv_out_channels, idxs=gone).prune()
        keep(ours, chain, torch.tensor([i for i in range(width) if i not in gone]))
    state = theirs.state_dict()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in state.items()
    }
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


def test_slimming_cuts_the_smallest_scales_of_all_layers_together():
    generator = torch.Generator().manual_seed(3)
    scales = [torch.randn(n, generator=generator) * size for n, size in ((8, 1), (12, 2), (20, 3))]
    for share in (0.0, 0.2, 0.5, 0.7):
        found = smallest(scales, share)
        everything = sorted(
            (abs(float(value)), layer, place)
            for layer, scale in enumerate(scales)
            for place, value in enumerate(scale)
        )
        safe = set()
        for layer, scale in enumerate(scales):
            own = sorted((one for one in everything if one[1] == layer), reverse=True)
            safe |= set(own[: len(scale) // 4])
        free = [one for one in everything if one not in safe]
        gone = set(free[: int(share * 40)])
        for layer, kept in enumerate(found):
            wanted = [one[2] for one in everything if one[1] == layer and one not in gone]
            assert kept.tolist() == sorted(wanted)


def test_slimming_pulls_scales_to_zero_until_it_cuts():
    model, method = built("small_cnn"), Slimming(0.5, pull=0.25)
    method.begin(model)
    model.train()(images("small_cnn")).sum().backward()
    before = model.wide[1].weight.grad.clone()
    stem = model.stem[1].weight.grad.clone()
    method.before_step(model)
    signs = model.wide[1].weight.detach().sign()
    torch.testing.assert_close(model.wide[1].weight.grad - before, 0.25 * signs)
    assert torch.equal(model.stem[1].weight.grad, stem)  # the depthwise scale counts for it
    method.after_epoch(model)
    widths = [len(model.get_parameter(f"{chain.layers[0]}.weight")) for chain in method.chains]
    assert sum(widths) == 56
    method.after_epoch(model)
    assert widths == [len(model.get_parameter(f"{c.layers[0]}.weight")) for c in method.chains]


def greedy_by_hand(parts, gone):
    out = set()
    for _ in range(gone):
        costs = {
            c: (parts[:, sorted(out | {c})].sum(axis=1) ** 2).sum()
            for c in range(parts.shape[1])
            if c not in out
        }
        out.add(min(costs, key=costs.get))
    return [c for c in range(parts.shape[1]) if c not in out]


def test_thinet_takes_the_cheapest_channel_each_time():
    for seed in range(5):
        parts = np.random.default_rng(seed).normal(0.3, 1, (40, 7))
        for gone in (0, 1, 3, 6):
            kept = greedy(parts, gone)
            assert kept.tolist() == greedy_by_hand(parts, gone)
            cost = (np.delete(parts, kept, axis=1).sum(axis=1) ** 2).sum()
            best = min(
                (parts[:, list(some)].sum(axis=1) ** 2).sum()
                for some in itertools.combinations(range(7), gone)
            )
            assert cost >= best - 1e-9


def test_thinet_weighs_what_stays_by_least_squares():
    parts = np.random.default_rng(0).normal(0.3, 1, (60, 6))
    kept = np.array([0, 2, 5])
    factors = weighed(parts, kept)
    rest = parts.sum(axis=1) - parts[:, kept] @ factors
    np.testing.assert_allclose(parts[:, kept].T @ rest, 0, atol=1e-9)


@pytest.mark.parametrize("taker", ["pointwise.0", "wide.0", "fc"])
def test_the_parts_of_all_channels_are_the_outputs_of_the_next_layer(taker):
    model = built("small_cnn")
    x = images("small_cnn", 3)
    parts = shares(model, taker, x, np.random.default_rng(5))
    seen = []
    layer = model.get_submodule(taker)
    layer.register_forward_hook(lambda _module, _given, made: seen.append(made))
    with torch.no_grad():
        model(x)
        model.requires_grad_(False)
    made = seen[0] if layer.bias is None else seen[0] - layer.bias
    flat = made.reshape(3, made.shape[1], -1)
    generator = np.random.default_rng(5)
    draws = min(10, flat.shape[2])
    places = generator.integers(0, flat.shape[2], (3, draws))
    filters = generator.integers(0, flat.shape[1], (3, draws))
    wanted = flat.numpy()[np.arange(3)[:, None], filters, places].reshape(-1)
    np.testing.assert_allclose(parts.sum(axis=1), wanted, rtol=1e-4, atol=1e-4)


def test_thinet_takes_channels_that_say_nothing():
    model = built("small_cnn")
    model.wide[1].weight.data[::2] = 0
    model.wide[1].bias.data[::2] = -1  # after ReLU these channels are zero
    x = images("small_cnn", 24)
    chain = chains(model)[-1]
    kept = greedy(shares(model, chain.taker, x, np.random.default_rng(0)), 32)
    with torch.no_grad():
        before = model(x)
        keep(model, chain, torch.from_numpy(kept))
        torch.testing.assert_close(model(x), before)


def test_thinet_cuts_every_layer_and_weighs_what_stays():
    model = built("small_cnn")
    before = model.fc.weight.detach().clone()
    method = ThiNet(0.5)
    method.look(model, images("small_cnn", 24))
    assert [chain.width(model) for chain in method.chains] == [8, 16, 32]
    after = model.fc.weight.detach()
    factors = (after[:, :, None] / before[:, None, :]).std(dim=0)  # none where a column is scaled
    assert (factors.min(dim=1).values < 1e-4).all()
    assert not any((after[:, k : k + 1] == before).all(dim=0).any() for k in range(32))
