"""The SmartDeal decomposition W = Ce B: a library and the command `sdalgo` (docs/sdalgo.md).

    >>> import numpy as np, sdalgo
    >>> weight = np.random.default_rng(0).normal(0, 0.05, (64, 64, 3, 3)).astype("float32")
    >>> found = sdalgo.decompose(weight, sdalgo.preset("as_released_double"))
    >>> found.rebuild().shape
    (64, 64, 3, 3)

Names are loaded when they are first used, so that the command line starts fast.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Decomposition": "sdalgo.decomposition",
    "InputError": "sdalgo.errors",
    "Options": "sdalgo.options",
    "PRESETS": "sdalgo.options",
    "decompose": "sdalgo.decompose",
    "decompose_all": "sdalgo.decompose",
    "preset": "sdalgo.options",
}

__all__ = [
    "PRESETS",
    "Decomposition",
    "InputError",
    "Options",
    "decompose",
    "decompose_all",
    "preset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sdalgo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # importing sdalgo.decompose would else leave the module under its name
    return value


def __dir__() -> list[str]:
    return __all__
