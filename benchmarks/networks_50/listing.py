"""The list of networks, `networks.yaml`, as records."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

LIST = Path(__file__).with_name("networks.yaml")
AXES = {"batch": 0, "tokens": 1, "frames": 1, "height": 2, "width": 3, "past": 4}
"""The axis of an input that a size of this name is; `past` is one of the input `past` alone."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input of a network, and which values it is run with.

    Attributes:
        below: whole numbers from 0 to below this; None: not whole.
        value: what every element is; None: drawn.
        ones_until: elements of the last axis that are 1, the others are 0; None: no mask.
    """

    shape: tuple[int, ...]
    below: int | None = None
    value: float | None = None
    ones_until: int | None = None

    def drawn(self, rng: np.random.Generator) -> NDArray[Any]:
        """Values: int64 where they are whole, else float32 of deviation 1."""
        if self.value is not None:
            return np.full(self.shape, self.value, np.float32)
        if self.ones_until is not None:
            ones = np.arange(self.shape[-1]) < self.ones_until
            return np.broadcast_to(ones, self.shape).astype(np.int64)
        if self.below is not None:
            return rng.integers(0, self.below, self.shape)
        return rng.normal(0, 1, self.shape).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Network:
    """An entry of the list.

    Attributes:
        exporter: torchscript, dynamo or hand; empty for a file of a package.
        made_by: modules of which one has a function of the network's name.
        package: as pip is asked for it; empty for made ones.
        path, sha256: of the file inside the package.
        open: names of sizes that the file leaves open.
    """

    name: str
    group: str
    inputs: dict[str, Input]
    exporter: str = ""
    opset: int = 0
    made_by: tuple[str, ...] = ()
    package: str = ""
    path: str = ""
    sha256: str = ""
    licence: str = ""
    open: tuple[str, ...] = field(default=())

    @property
    def seed(self) -> int:
        """Of its weights and inputs, from its name."""
        return zlib.crc32(self.name.encode())

    def values(self) -> dict[str, NDArray[Any]]:
        """What it is run with, the same each time."""
        rng = np.random.default_rng(self.seed)
        return {name: given.drawn(rng) for name, given in self.inputs.items()}

    def open_axes(self, name: str) -> dict[int, str]:
        """The axes of a made network's input that stay open, with their names."""
        sizes = [size for size in self.open if size != "past" or name == "past"]
        return {AXES[size]: size for size in sizes if not (name == "past" and size == "batch")}


def networks(path: Path = LIST) -> list[Network]:
    """All networks, in the order of the list."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        _network(name, group.get("made_by", ""), dict(entry))
        for name, group in groups.items()
        for entry in group["networks"]
    ]


def _network(group: str, made_by: str, entry: dict[str, Any]) -> Network:
    inputs = {
        name: Input(**({**given, "shape": tuple(given["shape"])}))
        if isinstance(given, dict) else Input(shape=tuple(given))
        for name, given in entry.pop("inputs").items()
    }  # fmt: skip
    names = tuple(entry.pop("open", ()))
    modules = tuple(part.strip() for part in made_by.split(",") if part)
    return Network(group=group, made_by=modules, inputs=inputs, open=names, **entry)
