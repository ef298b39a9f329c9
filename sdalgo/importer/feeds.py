"""What a network is run on: a photograph, tokens, masks, states or noise, by what each input is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError, Problem
from archsim.formats.unpacked import check_run
from sdalgo import photos
from sdalgo.importer.operations import Network, NetworkInput

SEED = 0
Shape = tuple[int, ...]
_STATES = ("state", "hidden", "memory", "h0", "c0")
_STATE = ("h", "c")
_ALL_SIZES = 3  # of --size: channels, height, width


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a network's inputs.

    Attributes:
        size: (H, W) or (C, H, W) of an image whose size the network leaves open.
        dims: sizes of other open dimensions, by name, or by `input.axis` where they have none.
        values: inputs by name, whole or one number for all of it.
        pixels: mean and deviation of a photograph; None for Caffe's, blue first.
    """

    size: Shape | None = None
    dims: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    pixels: photos.Pixels | None = photos.IMAGENET


@dataclass(frozen=True, kw_only=True)
class Feeds:
    """Inputs of a run.

    Attributes:
        given: those that are masks, positions or identifiers.
        said: what each is, for the workload's `source`.
    """

    tensors: dict[str, Tensor]
    given: frozenset[str]
    said: str


def feeds_of(network: Network, wanted: Wanted) -> Feeds:
    """Return what a network is run on, the same each time.

    Raises:
        InputError: a size stays open, or what is asked for does not fit the network.
    """
    shapes = shapes_of(network, wanted)
    tensors, said, photo = {}, [], False
    for each in network.inputs:
        shape = shapes[each.name]
        check_run(8 * prod(shape), f"{network.label}: input {each.name} {shape}")
        tensor, what = _fed(network, each, shape, wanted)
        tensors[each.name] = tensor
        photo = photo or "photograph" in what
        said.append(what if len(network.inputs) == 1 else f"{each.name}: {what}")
    given = frozenset(each.name for each in network.inputs if is_given(each))
    return Feeds(tensors=tensors, given=given, said="; ".join(said))


def is_given(each: NetworkInput) -> bool:
    """Whether an input is a mask, positions or identifiers, and not what an array reads."""
    if each.dtype == "bool" or "mask" in each.name.lower():
        return True
    return each.dtype in ("int16", "int32", "int64") and len(each.shape) <= 2


def is_image(each: NetworkInput) -> bool:
    """Whether an input may be a photograph: four axes, floats or bytes."""
    return len(each.shape) == 4 and each.dtype in ("float32", "uint8") and not is_given(each)


def _check_names(network: Network, wanted: Wanted) -> None:
    names = {each.name for each in network.inputs}
    for name in wanted.values:
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            raise InputError.at(network.label, f"there is no input {name!r:.100}; it has {known}")
    open_dims = {
        key
        for each in network.inputs
        for axis, size in enumerate(each.shape)
        if isinstance(size, str)
        for key in (size, f"{each.name}.{axis}")
    } - {"?"}
    for name in wanted.dims:
        if name not in open_dims:
            known = ", ".join(sorted(open_dims)) or "none"
            raise InputError.at(
                f"--dim {name}", f"{network.label} leaves no such size open; open are {known}"
            )


def shapes_of(network: Network, wanted: Wanted) -> dict[str, Shape]:
    """Return the shape of every input, one sample of what is an image.

    Raises:
        InputError: sizes that stay open, all at once, or a `size` that fits no image.
    """
    _check_names(network, wanted)
    found: dict[str, Shape] = {}
    problems: list[Problem] = []
    images = [each for each in network.inputs if is_image(each)]
    if wanted.size is not None and not images:
        raise InputError.at(network.label, "--size: none of its inputs is an image")
    for each in network.inputs:
        value = wanted.values.get(each.name)
        if value is not None and value.ndim:
            found[each.name] = _checked(network, each, tuple(value.shape))
            continue
        sized = wanted.size if each in images else None
        sizes = [_size(each, axis, wanted.dims) for axis in range(len(each.shape))]
        if sizes and sizes[0] == 0:
            sizes[0] = 1 if len(sizes) > 1 or each.shape[0] == "batch" else 0
        if each in images:
            sizes = [1, *_filled(network, each, sizes[1:], sized)]
        elif 0 in sizes:
            problems.append(_open(network, each, sizes))
        found[each.name] = tuple(sizes)
    if problems:
        raise InputError(problems)
    return found


def _size(each: NetworkInput, axis: int, dims: Mapping[str, int]) -> int:
    """A size, 0 where it stays open."""
    size = each.shape[axis]
    if isinstance(size, int):
        return size
    return dims.get(f"{each.name}.{axis}", dims.get(size, 0) if size != "?" else 0)


def _open(network: Network, each: NetworkInput, sizes: list[int]) -> Problem:
    words = ", ".join(map(str, each.shape))
    axis = sizes.index(0)
    name = each.shape[axis]
    name = f"{each.name}.{axis}" if name == "?" else name
    said = f"input {each.name} has no fixed size ({words}); give one: --dim {name}=128"
    return Problem(network.label, said)


def _checked(network: Network, each: NetworkInput, shape: Shape) -> Shape:
    same = len(shape) == len(each.shape) and all(
        size == wanted or isinstance(wanted, str)
        for size, wanted in zip(shape, each.shape, strict=True)
    )
    if not same:
        words = ", ".join(map(str, each.shape))
        raise InputError.at(f"--input {each.name}", f"is {shape}, and {network.label} takes "
                                                    f"({words})")  # fmt: skip
    return shape


def channels_first(sizes: Shape) -> Shape:
    """(C, H, W) of an image's sizes, also where the network has channels last."""
    if len(sizes) == 3 and sizes[2] in (1, 3) and sizes[0] not in (1, 3):
        return (sizes[2], sizes[0], sizes[1])
    return sizes


def _filled(
    network: Network, each: NetworkInput, sizes: list[int], size: Shape | None
) -> tuple[int, ...]:
    """An image's sizes without its batch, open ones as they are asked for."""
    names = [str(name) for name in each.shape[1:]]
    known = tuple(sizes)
    if size is None:
        if 0 in known:
            raise InputError.at(
                network.label, f"input {each.name} has no fixed size ({', '.join(names)}); "
                "give one: --size 224x224"
            )  # fmt: skip
        return known
    last = channels_first(known) != known
    wanted: Shape = size if len(size) == _ALL_SIZES else (known[2 if last else 0], *size)
    wanted = (*wanted[1:], wanted[0]) if last else wanted
    clash = any(one not in (0, two) for one, two in zip(known, wanted, strict=True))
    if clash or 0 in wanted:
        words = ", ".join(str(n or name) for n, name in zip(known, names, strict=True))
        raise InputError.at(
            network.label, f"input {each.name} is [N, {words}], "
            f"which --size {'x'.join(map(str, size))} does not fit"
        )  # fmt: skip
    return wanted


def _fed(network: Network, each: NetworkInput, shape: Shape, wanted: Wanted) -> tuple[Tensor, str]:
    """One input, and what it is."""
    dtype = getattr(torch, each.dtype)
    value = wanted.values.get(each.name)
    if value is not None:
        whole = np.broadcast_to(value, shape).copy()
        try:
            return torch.from_numpy(whole).to(dtype), "as given"
        except TypeError as error:
            raise InputError.at(f"--input {each.name}", str(error)) from error
    if is_image(each):
        return _photograph(each, shape, wanted.pixels)
    name = each.name.lower()
    if "mask" in name or each.dtype == "bool":
        return torch.ones(shape, dtype=dtype), "ones"
    if not dtype.is_floating_point:
        return _whole(network, each, shape, dtype)
    if name in _STATE or any(word in name for word in _STATES):
        return torch.zeros(shape), "zeros"
    return _noise(shape), f"normal noise, seed {SEED}"


def _noise(shape: Shape) -> Tensor:
    drawn = np.random.default_rng(SEED).standard_normal(shape)
    return torch.from_numpy(np.asarray(drawn, np.float32))


def _photograph(
    each: NetworkInput, shape: Shape, pixels: photos.Pixels | None
) -> tuple[Tensor, str]:
    sizes = channels_first(shape[1:])
    if sizes[0] not in (1, 3):
        return _noise(shape), f"normal noise, seed {SEED}"
    name = photos.NAMES[0]
    known = photos.CAFFE if pixels is None else pixels
    image = photos.batch((sizes[0], sizes[1], sizes[2]), 1, known)[0]
    how = "with ImageNet's mean and deviation"
    if pixels is None:
        image, how = image[::-1], "as Caffe prepares it (0..255 less the mean, blue first)"
    if each.dtype == "uint8":
        mean, deviation = (np.array(part, np.float32).reshape(-1, 1, 1) for part in known)
        image = np.clip(np.rint((image * deviation + mean) * 255), 0, 255).astype(np.uint8)
        how = "in bytes"
    if sizes != shape[1:]:
        image = image.transpose(1, 2, 0)
    return (
        torch.from_numpy(np.ascontiguousarray(image))[None],
        f"one run on the photograph {name} {how}",
    )


def _whole(
    network: Network, each: NetworkInput, shape: Shape, dtype: torch.dtype
) -> tuple[Tensor, str]:
    """Whole numbers: positions count, types are 0, tokens are drawn from their table's rows."""
    name, rows = each.name.lower(), vocabulary(network, each.name)
    if "position" in name:
        steps = torch.arange(shape[-1] if shape else 1)
        return steps.clamp(max=(rows or len(steps)) - 1).expand(shape).to(dtype), "0, 1, 2, ..."
    if rows and "type" not in name and "segment" not in name:
        drawn = np.random.default_rng(SEED).integers(0, rows, shape)
        return torch.from_numpy(np.asarray(drawn)).to(dtype), f"of {rows} at random, seed {SEED}"
    if len(shape) > 2:
        drawn = np.random.default_rng(SEED).integers(0, 128, shape)
        return torch.from_numpy(drawn).to(dtype), f"0..127 at random, seed {SEED}"
    return torch.zeros(shape, dtype=dtype), "zeros"


def vocabulary(network: Network, name: str) -> int:
    """Rows of the table that is read at an input's whole numbers; 0 where none is."""
    names = {name}
    for operation in network.operations:
        if operation.kind in _SAME and operation.inputs[:1] and operation.inputs[0] in names:
            names |= set(operation.outputs)
        if operation.kind == "Gather" and len(operation.inputs) == 2:
            table = network.constants.get(operation.inputs[0])
            if operation.inputs[1] in names and table is not None and table.ndim:
                return int(table.shape[operation.attrs.get("axis", 0)])
    return 0


_SAME = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Clip"}
