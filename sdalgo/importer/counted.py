"""A network's values, counted before they are made: a small file may ask for any size.

Expand, Tile, Pad, Resize and a concatenation of a value with itself, thirty times, take gigabytes
from a few numbers. Each operator of torch is therefore run on shapes alone first, which costs no
memory (https://docs.pytorch.org/docs/stable/meta.html).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from archsim.formats.unpacked import check_run


class CountedValues(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses an operator whose result, with what is kept already, is more than a run may take.

    Attributes:
        kept: bytes of the values that later operators may still read.
    """

    def __init__(self, place: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept = 0
        self._place = place

    def keep(self, value: Tensor) -> None:
        """Count a value that stays."""
        self.kept += _nbytes(value)

    def release(self, value: Tensor) -> None:
        """Count a value no longer, that nothing will read."""
        self.kept -= _nbytes(value)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator, on shapes first; InputError where its result is too large."""
        kwargs = dict(kwargs or {})
        made = _shapes(func, args, kwargs)
        check_run(self.kept + sum(map(_nbytes, made)), self._place)
        return func(*args, **kwargs)


def _shapes(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The results of an operator without their values; none where shapes alone do not tell."""
    shapes, named = tree_map(_bare, args), tree_map(_bare, kwargs)
    if any(argument.name == "device" for argument in func._schema.arguments):
        named["device"] = torch.device("meta")
    try:
        found, _ = tree_flatten(func(*shapes, **named))
    except (RuntimeError, TypeError, ValueError, IndexError, ArithmeticError):
        return []  # it reads values, or is wrong, which the operator itself will say
    return [each for each in found if isinstance(each, Tensor)]


def _bare(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def _nbytes(value: Tensor) -> int:
    return value.numel() * value.element_size()
