"""Rules that ask for no tensor: layers of one shape have one tile table, made once."""

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps

from archsim.arch.arch import Arch
from archsim.machines.shared.tiles import Tiles
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

Rule = Callable[[Layer, LayerTensors, Arch], Sequence[Tiles]]
TABLES = 64
"""Tables kept at most."""


def shape_alone(rule: Callable[[Layer, Arch], Sequence[Tiles]]) -> Rule:
    """The rule of a machine from one that sees no tensor. What it is given has no name either."""
    kept = lru_cache(maxsize=TABLES)(rule)

    @wraps(rule)
    def tiles(layer: Layer, _tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
        return kept(layer.shape, arch)

    return tiles
