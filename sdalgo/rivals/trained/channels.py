"""Which channels a network can do without, and taking them out of it.

A channel can go where its way from the convolution that makes it to the one layer that takes it is
its own: through normalisation, ReLU, pools and depthwise convolutions. What is added to something
else, as at the ends of a residual block, stays.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

_THROUGH = (nn.ReLU, nn.ReLU6, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AvgPool2d)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The way of a layer's channels.

    Attributes:
        layers: the convolution that makes them, and depthwise ones after it.
        norms: of these, in their order.
        taker: the layer that they end in.
    """

    layers: tuple[str, ...]
    norms: tuple[str, ...]
    taker: str

    def width(self, model: nn.Module) -> int:
        """Return how many channels there are."""
        return len(model.get_parameter(f"{self.layers[0]}.weight"))


def chains(model: nn.Module) -> list[Chain]:
    """Return the ways of all channels that can go, in the network's order."""
    graph = fx.symbolic_trace(model).graph
    modules = dict(model.named_modules())
    found = []
    for node in graph.nodes:
        made = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(made, nn.Conv2d) and made.groups == 1:
            chain = _chain(node, modules, made.out_channels)
            if chain is not None and chain.norms:
                found.append(chain)
    return found


def _chain(node: fx.Node, modules: dict[str, nn.Module], width: int) -> Chain | None:
    layers, norms = [str(node.target)], []
    while len(node.users) == 1:
        node = next(iter(node.users))
        name = str(node.target)
        module = modules.get(name) if node.op == "call_module" else None
        if isinstance(module, nn.BatchNorm2d):
            norms.append(name)
        elif isinstance(module, nn.Conv2d) and module.groups == module.out_channels == width:
            layers.append(name)
        elif _takes(module, width):
            return Chain(layers=tuple(layers), norms=tuple(norms), taker=name)
        elif not (isinstance(module, _THROUGH) or node.target is torch.flatten):
            return None
    return None


def _takes(module: nn.Module | None, width: int) -> bool:
    """Whether a layer sums over these channels, one weight (or kernel) for each."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.in_channels == width
    return isinstance(module, nn.Linear) and module.in_features == width


@torch.no_grad()
def keep(model: nn.Module, chain: Chain, kept: Tensor) -> None:
    """Take all channels but those of these numbers out of a network, in place."""
    for name in chain.layers:
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        _cut(layer, ("weight", "bias"), kept)
        layer.out_channels = len(kept)
        if layer.groups > 1:
            layer.groups = layer.in_channels = len(kept)
    for name in chain.norms:
        norm = model.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        _cut(norm, ("weight", "bias", "running_mean", "running_var"), kept)
        norm.num_features = len(kept)
    taker = model.get_submodule(chain.taker)
    taker.weight = nn.Parameter(taker.get_parameter("weight")[:, kept].clone())
    if isinstance(taker, nn.Linear):
        taker.in_features = len(kept)
    elif isinstance(taker, nn.Conv2d):
        taker.in_channels = len(kept)


def _cut(module: nn.Module, names: tuple[str, ...], kept: Tensor) -> None:
    for name in names:
        value = getattr(module, name)
        if isinstance(value, nn.Parameter):
            setattr(module, name, nn.Parameter(value[kept].clone()))
        elif value is not None:
            setattr(module, name, value[kept].clone())
