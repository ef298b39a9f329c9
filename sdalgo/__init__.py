"""The SmartDeal decomposition W = Ce B: a library and the command `sdalgo`
(docs/reference/sdalgo.md).

    >>> import numpy as np, sdalgo
    >>> weight = np.random.default_rng(0).normal(0, 0.05, (64, 64, 3, 3)).astype("float32")
    >>> found = sdalgo.decompose(weight, sdalgo.preset("as_released_double"))
    >>> found.rebuild().shape
    (64, 64, 3, 3)

What needs torch is loaded when it is first used.
"""

import importlib
from typing import Any

from archsim.formats.errors import InputError
from sdalgo.decompose import decompose, decompose_all
from sdalgo.decomposition import Decomposition
from sdalgo.options import PRESETS, Options, preset

__all__ = [
    "PRESETS", "Decomposition", "InputError", "Options", "convert", "decompose", "decompose_all",
    "import_module", "preset",
]  # fmt: skip

_NEED_TORCH = {"convert": "sdalgo.modules", "import_module": "sdalgo.torch_import"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'sdalgo' has no attribute {name!r}")
    return getattr(importlib.import_module(_NEED_TORCH[name]), name)
