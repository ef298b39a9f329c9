"""Products of a network as they happen: each call of a convolution or linear layer with its weight.

Calls are seen where torch makes them, not at modules, so what a module does to its inputs before
(padding of its own, say) is part of what is seen.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Call:
    """One convolution or linear layer at work.

    Attributes:
        inputs: (images, C, H, W), or (..., C) of a linear layer.
        kernel, stride, padding, dilation: rows and columns; those of a linear layer are None.
    """

    inputs: Tensor
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def columns(self, chosen: Tensor | None = None) -> Tensor:
        """Return im2col columns, (groups, D, images * positions).

        Args:
            chosen: positions of a plane that are taken; None: all.
        """
        if self.kernel is None:
            return self.inputs.reshape(-1, self.inputs.shape[-1]).T[None]
        if chosen is not None:
            planes = self._some(chosen)
        elif self.kernel == (1, 1) and self.padding == (0, 0):
            down, right = self.stride
            planes = self.inputs[:, :, ::down, ::right].flatten(2)
        else:
            planes = F.unfold(self.inputs, self.kernel, self.dilation, self.padding, self.stride)
        images, _, count = planes.shape
        parts = planes.reshape(images, self.groups, -1, count)
        return parts.permute(1, 2, 0, 3).reshape(self.groups, parts.shape[2], images * count)

    def _some(self, chosen: Tensor) -> Tensor:
        """What F.unfold gives at some positions, (images, C * R * S, positions)."""
        assert self.kernel is not None
        (down, right), (top, left) = self.stride, self.padding
        planes = F.pad(self.inputs, (left, left, top, top)) if top or left else self.inputs
        across = self._extents[1]
        rows, columns = torch.arange(self.kernel[0]), torch.arange(self.kernel[1])
        at_row = chosen // across * down + (rows * self.dilation[0])[:, None, None]
        at_column = chosen % across * right + (columns * self.dilation[1])[:, None]
        places = at_row * planes.shape[3] + at_column  # (R, S, positions)
        found = planes.flatten(2).index_select(2, places.flatten())
        return found.reshape(len(planes), -1, len(chosen))

    def part(self, start: int, end: int) -> "Call":
        """Return the call for images start .. end - 1 of the batch."""
        return replace(self, inputs=self.inputs[start:end])

    def product(self, weight: Tensor) -> Tensor:
        """Return what the layer would give with another weight and no bias."""
        if self.kernel is None:
            return F.linear(self.inputs, weight)
        return F.conv2d(
            self.inputs, weight, None, self.stride, self.padding, self.dilation, self.groups
        )

    @property
    def positions(self) -> int:
        """Columns of an image of a convolution."""
        down, across = self._extents
        return down * across

    @property
    def _extents(self) -> tuple[int, int]:
        """Rows and columns of a plane of outputs."""
        assert self.kernel is not None
        found = []
        for place in (0, 1):
            reach = self.dilation[place] * (self.kernel[place] - 1)
            extent = self.inputs.shape[2 + place] + 2 * self.padding[place] - reach - 1
            found.append(extent // self.stride[place] + 1)
        return found[0], found[1]


See = Callable[[str, Call, Tensor], Tensor | None]
"""Name of the weight, call, output; what it returns, if anything, takes the output's place."""


@contextmanager
def watched(model: nn.Module, see: See) -> Iterator[None]:
    """Tell `see` the name of the weight, the call and its output, of each product that uses a
    parameter of `model`."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    with _Watch(names, see):
        yield


class _Watch(TorchFunctionMode):
    def __init__(self, names: dict[int, str], see: See) -> None:
        super().__init__()
        self.names, self.see = names, see

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        if func in (torch.conv2d, F.linear):
            given = _arguments(args, kwargs)
            name = self.names.get(id(given["weight"]))
            if name is not None:
                other = self.see(name, _call(func, given), made)
                return made if other is None else other
        return made


_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")


def _arguments(args: Any, kwargs: Any) -> dict[str, Any]:
    return {**dict(zip(_CONV, args, strict=False)), **kwargs}


def _call(func: Any, given: dict[str, Any]) -> Call:
    inputs = given["input"].detach()
    if func is F.linear:
        return Call(inputs)
    kernel = tuple(given["weight"].shape[2:])
    stride, dilation = _two(given.get("stride", 1)), _two(given.get("dilation", 1))
    padding = given.get("padding", 0)
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        top, left = (whole // 2 for whole in reach)
        inputs = F.pad(inputs, (left, reach[1] - left, top, reach[0] - top))
    padding = (0, 0) if isinstance(padding, str) else _two(padding)
    return Call(inputs, kernel, stride, padding, dilation, int(given.get("groups", 1)))


def _two(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def drawn_positions(call: Call, most: int, generator: np.random.Generator) -> Tensor | None:
    """Return `most` positions of a plane, or None where there are no more than that."""
    if call.kernel is None or call.positions <= most:
        return None
    chosen = np.sort(generator.choice(call.positions, most, replace=False))
    return torch.from_numpy(chosen)
