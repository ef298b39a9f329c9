"""Channel pruning by the scales of normalisation: a smaller network, for every machine alike.

`sparsity` zeroes vectors of a weight whose shape stays. Here the weakest channels of a whole
network go for good, by one threshold on |scale| (paper III-D): their filters, their normalisation,
and the inputs of the layer that reads them.
"""

import bisect
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsim.formats.errors import InputError
from sdalgo.pretrained import Weights
from sdalgo.sparsity import Mask, channels_by_scale


@dataclass(frozen=True, kw_only=True)
class ChannelGroup:
    """Channels that one layer makes, one norm scales and one layer reads; names of modules."""

    maker: str
    norm: str
    reader: str


def pruned(
    model: nn.Module, groups: list[ChannelGroup], kept: float, weights: Weights, seed: int
) -> Weights:
    """Draw scales, shrink the model in place, and return its weights; their note says so.

    Args:
        kept: share of the weights that may stay, 0..1.

    Raises:
        InputError: the network has no channels that can be pruned, or not so many.
    """
    if not groups:
        raise InputError.at("channels_kept", "this network names no channels to prune")
    draw_scales(model, groups, seed)
    live = live_channels(model, groups, kept)
    remove_channels(model, groups, live)
    count, total = (sum(map(size, live.values())) for size in (np.count_nonzero, len))
    note = (
        f"{weights.note}; scales of normalisation SYNTHETIC too: uniform(0, 1). Channels pruned "
        f"for every machine: {count} of {total} stay, those of the largest scale. ASSUMPTION: "
        f"{kept:.0%} of the weights survive that, as the index sizes in the paper's Table III "
        "imply (docs/reference/sdalgo.md)"
    )
    return replace(weights, state=dict(model.state_dict()), note=note)


def draw_scales(model: nn.Module, groups: list[ChannelGroup], seed: int) -> None:
    """Set the scales of the groups' norms from uniform(0, 1), in place: nothing is trained."""
    generator = np.random.default_rng([seed, 1])  # apart from the stream of the weights
    for group in groups:
        scale = model.get_submodule(group.norm).weight
        assert isinstance(scale, Tensor)
        scale.data = torch.from_numpy(generator.random(len(scale), dtype=np.float32))


def live_channels(model: nn.Module, groups: list[ChannelGroup], kept: float) -> dict[str, Mask]:
    """Return the live channels of each maker: the most that leave at most `kept` of all weights.

    The strongest channel of a group always stays, so that no layer vanishes.

    Args:
        kept: share of the weights of convolutions and linear layers, 0..1.

    Raises:
        InputError: so few weights cannot be reached, or `kept` is no share.
    """
    if not 0 < kept <= 1:
        raise InputError.at("channels_kept", f"{kept} is not above 0 and at most 1")
    scales = [_scale(model, group) for group in groups]
    shapes = {
        name.removesuffix(".weight"): tuple(value.shape)
        for name, value in model.named_parameters()
        if value.ndim >= 2
    }

    def left(dropped: int) -> float:
        return weights_left(shapes, groups, _masks(scales, dropped))

    dropped = bisect.bisect_left(range(sum(map(len, scales))), -kept, key=lambda n: -left(n))
    if left(dropped) > kept:
        raise InputError.at(
            "channels_kept", f"{kept}: {left(dropped):.4f} is the least that can stay"
        )
    masks = _masks(scales, dropped)
    return {group.maker: mask for group, mask in zip(groups, masks, strict=True)}


def weights_left(
    shapes: dict[str, tuple[int, ...]], groups: list[ChannelGroup], masks: list[Mask]
) -> float:
    """Return the share of all weights that are left when each group keeps its live channels."""
    filters = {g.maker: int(m.sum()) for g, m in zip(groups, masks, strict=True)}
    inputs = {g.reader: int(m.sum()) for g, m in zip(groups, masks, strict=True)}
    left = sum(
        filters.get(name, shape[0]) * inputs.get(name, shape[1]) * math.prod(shape[2:])
        for name, shape in shapes.items()
    )
    return left / sum(math.prod(shape) for shape in shapes.values())


def remove_channels(model: nn.Module, groups: list[ChannelGroup], live: dict[str, Mask]) -> None:
    """Cut the dead channels out of makers, norms and readers, in place.

    Raises:
        InputError: a maker or reader works on groups of channels, which cannot be cut apart.
    """
    for group in groups:
        mask = torch.from_numpy(live[group.maker])
        for name in (group.maker, group.reader):
            if getattr(model.get_submodule(name), "groups", 1) > 1:
                raise InputError.at(name, "a grouped convolution: its channels cannot be pruned")
        maker, reader = model.get_submodule(group.maker), model.get_submodule(group.reader)
        _cut(maker, mask, axis=0)
        _cut(model.get_submodule(group.norm), mask, axis=0)
        _cut(reader, mask, axis=1)


def _cut(module: nn.Module, mask: Tensor, axis: int) -> None:
    """Keep the masked entries of every tensor along `axis`, and the counts that modules hold."""
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if value.ndim <= axis or value.shape[axis] != len(mask):
            continue
        part = value.detach().index_select(axis, mask.nonzero().flatten())
        if name in dict(module.named_parameters()):
            setattr(module, name, nn.Parameter(part, requires_grad=False))
        else:
            setattr(module, name, part)
    counts = (("out_channels", "num_features"), ("in_channels", "in_features"))
    for count in counts[axis]:
        if hasattr(module, count):
            setattr(module, count, int(mask.sum()))


def _scale(model: nn.Module, group: ChannelGroup) -> NDArray[np.float32]:
    scale = model.get_submodule(group.norm).weight
    assert isinstance(scale, Tensor)
    return scale.detach().numpy().astype(np.float32)


def _masks(scales: list[NDArray[np.float32]], dropped: int) -> list[Mask]:
    """One threshold over all groups: the `dropped` least |scale| go."""
    every = np.concatenate(scales)
    live = channels_by_scale(every, dropped / len(every))
    masks = np.split(live, np.cumsum([len(scale) for scale in scales])[:-1])
    for scale, mask in zip(scales, masks, strict=True):
        mask[np.argmax(np.abs(scale))] = True
    return masks
