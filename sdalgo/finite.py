"""NaN and infinity, refused where they stand: int8 would make zeros of them without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


def check_finite(values: NDArray[np.generic], place: object, what: str = "values") -> None:
    """Raise an InputError naming `place` where a value is NaN or infinite."""
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise InputError.at(place, f"{bad} of {values.size} {what} are NaN or infinite")


def check_state(state: Mapping[str, Tensor], place: object) -> None:
    """Raise an InputError naming the first tensor of a state dict with NaN or infinity in it."""
    for name, value in state.items():
        bad = int((~value.isfinite()).sum()) if value.is_floating_point() else 0
        if bad:
            raise InputError.at(
                f"{place}: {name}", f"{bad} of {value.numel()} values are NaN or infinite"
            )


def first_layer(model: nn.Module, x: Tensor) -> str:
    """Name the first layer, in the order of running, that gives NaN or infinity; "" for none."""
    import torch

    found: list[str] = []

    def watch(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor) and not output.isfinite().all():
                found.append(name)

        return hook

    leaves = [(n, m) for n, m in model.named_modules() if not any(m.children())]
    hooks = [m.register_forward_hook(watch(name)) for name, m in leaves]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else ""
