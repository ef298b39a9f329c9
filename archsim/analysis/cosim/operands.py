"""The integers of a layer: inputs as tiles see them, rows as engines take them, and outputs by the
definition of a convolution.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analysis.cosim.case import Engine
from archsim.formats.errors import InputError
from archsim.formats.rebuilt import EngineOperands, WeightFormat, engine_operands, integer_weights
from archsim.formats.slices import rows_per_slice
from archsim.machines.smartdeal.parts import Parts
from archsim.workload.layer import TRIPLE, Layer
from archsim.workload.tensors import LayerTensors

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Filter:
    """One filter: `weights` (U, n) as integers, in rows and as its `kernel` (C, R, S) or (C,); what
    the engines get besides the codes, none where it is raw.
    """

    weights: Ints
    kernel: Ints
    engine: EngineOperands | None


@dataclass(frozen=True, kw_only=True)
class Operands:
    """One convolution group: `inputs` (C, H, W) with their padding, or (positions, C); `codes`
    (K, U, r), which are the 8-bit weights (K, U, n) of a layer without `basis` (K, slices, r, n)
    and `scale` (K, slices).
    """

    layer: Layer
    form: WeightFormat
    inputs: Ints
    codes: NDArray[np.int8]
    basis: NDArray[np.int8] | None
    scale: NDArray[np.floating[Any]] | None
    made: dict[int, Filter] = field(default_factory=dict)

    @property
    def raw(self) -> bool:
        """Whether the layer keeps its 8-bit weights."""
        return self.basis is None

    @property
    def rows_of_slice(self) -> int:
        """Rows that share a basis."""
        units = int(self.codes.shape[1])
        return units if self.basis is None else rows_per_slice(units, self.basis.shape[1])

    def filter(self, number: int) -> Filter:
        """A filter's integers, made when they are first asked for: a layer may have many."""
        if number not in self.made:
            self.made[number] = self._filter(slice(number, number + 1))
        return self.made[number]

    def _filter(self, own: slice) -> Filter:
        if self.basis is None or self.scale is None:
            engine, weights = None, self.codes[own].astype(np.int64)
        else:
            codes = self.codes[own]
            engine = engine_operands(codes, self.basis[own], self.scale[own], self.form)
            weights = integer_weights(codes, engine, self.form)
        shape = self.layer.weight_shape()[1:]
        kernel = weights[0].reshape(-1)[: prod(shape)].reshape(shape)
        return Filter(weights[0], kernel, engine)

    def of_engine(self, filter_: int, unit: int) -> Engine:
        """What an engine gets for a row; nothing for a filter that the layer does not have."""
        if filter_ >= len(self.codes):
            return Engine(codes=(), raw=(), basis=None, offset=0)
        found = self.filter(filter_)
        if found.engine is None:
            row = tuple(int(weight) for weight in found.weights[unit])
            return Engine(codes=(), raw=row, basis=None, offset=0)
        own = unit // self.rows_of_slice
        return Engine(
            codes=tuple(int(code) for code in self.codes[filter_, unit]),
            raw=(),
            basis=found.engine.basis[0, own].astype(np.int64),
            offset=int(found.engine.offset[0, own]),
        )

    def output(self, filter_: int, place: tuple[int, int]) -> int:
        """An output by its definition: a filter against the window at (row, column) of the output
        plane, or at (position, 0) of a linear layer; 0 for a filter that there is not.
        """
        if filter_ >= len(self.codes):
            return 0
        kernel, layer = self.filter(filter_).kernel, self.layer
        if layer.kind == "linear":
            return int((kernel.reshape(-1) * self.inputs[place[0]]).sum())
        (down, across), (high, wide) = layer.dilation, layer.kernel
        top, left = place[0] * layer.stride[0], place[1] * layer.stride[1]
        planes = self.inputs[filter_ : filter_ + 1] if layer.kind == "depthwise" else self.inputs
        window = planes[:, top : top + (high - 1) * down + 1 : down, :]
        window = window[:, :, left : left + (wide - 1) * across + 1 : across]
        return int((window * kernel).sum())


def operands_of(layer: Layer, tensors: LayerTensors, machine: Parts, group: int) -> Operands:
    """The integers of one convolution group; a depthwise layer is one group of all channels.

    Raises:
        InputError: the basis is not int8.
    """
    groups = 1 if layer.kind == "depthwise" else layer.groups
    filters = layer.out_channels // groups
    own = slice(group * filters, (group + 1) * filters)
    inputs, form = _inputs(layer, tensors, groups, group), format_of(machine)
    coef = tensors.get("coef") if machine.arch.weights == "smartdeal" else None
    if coef is None:
        kind = "pruned" if machine.arch.weights == "pruned" else "weight"
        rows = _raw_rows(layer, tensors.need(kind)[own])
        return Operands(layer=layer, form=form, inputs=inputs, codes=rows, basis=None, scale=None)
    basis, scale = tensors.need("basis")[own], tensors.need("basis_scale")[own]
    if basis.dtype != np.int8:
        told = f"its basis is {basis.dtype}; the rebuild engine takes int8"
        raise InputError.at(f"layer {layer.name!r}", told)
    codes = coef[own].reshape(filters, -1, coef.shape[-1])
    return Operands(
        layer=layer, form=form, inputs=inputs, codes=codes, basis=basis,
        scale=scale.reshape(basis.shape[:2]),
    )  # fmt: skip


def format_of(machine: Parts) -> WeightFormat:
    """The keys of the rebuild engine that decide about weights."""
    engine = machine.engine
    return WeightFormat(
        weight_bits=engine.weight_bits, largest_shift=engine.largest_shift,
        rounding=engine.rounding, saturation=engine.saturation,
    )  # fmt: skip


def _inputs(layer: Layer, tensors: LayerTensors, groups: int, group: int) -> Ints:
    inputs = tensors.need("input").astype(np.int64)
    if layer.kind == "linear":
        return inputs.reshape(-1, layer.in_channels)
    channels = layer.in_channels // groups
    top, left, bottom, right = layer.padding
    margins = ((0, 0), (top, bottom), (left, right))
    return np.pad(inputs[group * channels : (group + 1) * channels], margins)


def _raw_rows(layer: Layer, weight: NDArray[np.int8]) -> NDArray[np.int8]:
    """(K, U, n): kernel rows, or triples of channels, the last one filled up with zeros."""
    width = layer.kernel[1] if layer.kernel != (1, 1) else TRIPLE
    flat = weight.reshape(len(weight), -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % width)))
    return padded.reshape(len(weight), -1, width)
