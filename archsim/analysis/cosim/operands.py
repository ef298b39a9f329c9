"""The integers of a layer: inputs as tiles see them, rows as engines take them, and outputs by the
definition of a convolution.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archsim.analysis.cosim.case import Engine
from archsim.formats.rebuilt import EngineOperands, WeightFormat, engine_operands, integer_weights
from archsim.formats.slices import rows_per_slice
from archsim.machines.smartdeal.parts import Parts
from archsim.workload.layer import TRIPLE, Layer
from archsim.workload.tensors import LayerTensors

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Operands:
    """One convolution group: `inputs` (C, H, W) with their padding, or (positions, C); `codes`
    (K, U, r), or `raw` weights (K, U, n) in rows; `weights` (K, U, n) as integers.
    """

    layer: Layer
    inputs: Ints
    codes: Ints
    raw: Ints | None
    engine: EngineOperands | None
    weights: Ints

    @property
    def rows_of_slice(self) -> int:
        """Rows that share a basis."""
        if self.engine is None:
            return int(self.codes.shape[1])
        return rows_per_slice(self.codes.shape[1], self.engine.basis.shape[1])

    def of_engine(self, filter_: int, unit: int) -> Engine:
        """What an engine gets for a row; nothing for a filter that the layer does not have."""
        if filter_ >= len(self.codes):
            return Engine(codes=(), raw=(), basis=None, offset=0)
        if self.engine is None:
            row = tuple(int(weight) for weight in self.weights[filter_, unit])
            return Engine(codes=(), raw=row, basis=None, offset=0)
        own = unit // self.rows_of_slice
        return Engine(
            codes=tuple(int(code) for code in self.codes[filter_, unit]),
            raw=(),
            basis=self.engine.basis[filter_, own].astype(np.int64),
            offset=int(self.engine.offset[filter_, own]),
        )

    @cached_property
    def kernels(self) -> Ints:
        """(K, C, R, S), or (K, C): the weights in their own shape."""
        shape = self.layer.weight_shape()
        flat = self.weights.reshape(len(self.weights), -1)
        wide = int(np.prod(shape[1:]))
        return flat[:, :wide].reshape(len(flat), *shape[1:])

    def output(self, filter_: int, place: tuple[int, int]) -> int:
        """An output by its definition: a filter against the window at (row, column) of the output
        plane, or at (position, 0) of a linear layer; 0 for a filter that there is not.
        """
        if filter_ >= len(self.kernels):
            return 0
        kernel, layer = self.kernels[filter_], self.layer
        if layer.kind == "linear":
            vector = self.inputs.reshape(-1, layer.in_channels)[place[0]]
            return int((kernel.reshape(-1) * vector).sum())
        (down, across), (high, wide) = layer.dilation, layer.kernel
        top, left = place[0] * layer.stride[0], place[1] * layer.stride[1]
        planes = self.inputs[filter_ : filter_ + 1] if layer.kind == "depthwise" else self.inputs
        window = planes[:, top : top + (high - 1) * down + 1 : down, :]
        window = window[:, :, left : left + (wide - 1) * across + 1 : across]
        return int((window * kernel).sum())


def operands_of(layer: Layer, tensors: LayerTensors, machine: Parts, group: int) -> Operands:
    """The integers of one convolution group; a depthwise layer is one group of all channels."""
    groups = 1 if layer.kind == "depthwise" else layer.groups
    own = slice(group * layer.out_channels // groups, (group + 1) * layer.out_channels // groups)
    form = format_of(machine)
    inputs = _inputs(layer, tensors, groups, group)
    coef = tensors.get("coef") if machine.arch.weights == "smartdeal" else None
    if coef is None:
        kind = "pruned" if machine.arch.weights == "pruned" else "weight"
        rows = _raw_rows(layer, tensors.need(kind)[own])
        return Operands(
            layer=layer, inputs=inputs, codes=(rows != 0).astype(np.int64), raw=rows,
            engine=None, weights=rows,
        )  # fmt: skip
    basis, scale = tensors.need("basis")[own], tensors.need("basis_scale")[own]
    if basis.dtype != np.int8:
        raise _float_basis(layer, basis)
    engine = engine_operands(coef[own], basis, scale.reshape(basis.shape[:2]), form)
    codes = coef[own].reshape(basis.shape[0], -1, coef.shape[-1]).astype(np.int64)
    return Operands(
        layer=layer, inputs=inputs, codes=codes, raw=None, engine=engine,
        weights=integer_weights(coef[own], engine, form),
    )  # fmt: skip


def format_of(machine: Parts) -> WeightFormat:
    """The keys of the rebuild engine that decide about weights."""
    engine = machine.engine
    return WeightFormat(
        weight_bits=engine.weight_bits, largest_shift=engine.largest_shift,
        rounding=engine.rounding, saturation=engine.saturation,
    )  # fmt: skip


def _float_basis(layer: Layer, basis: NDArray[np.generic]) -> Exception:
    from archsim.formats.errors import InputError

    return InputError.at(
        f"layer {layer.name!r}", f"its basis is {basis.dtype}; the rebuild engine takes int8"
    )


def _inputs(layer: Layer, tensors: LayerTensors, groups: int, group: int) -> Ints:
    inputs = tensors.need("input").astype(np.int64)
    if layer.kind == "linear":
        return inputs.reshape(-1, layer.in_channels)
    channels = layer.in_channels // groups
    top, left, bottom, right = layer.padding
    margins = ((0, 0), (top, bottom), (left, right))
    return np.pad(inputs[group * channels : (group + 1) * channels], margins)


def _raw_rows(layer: Layer, weight: NDArray[np.int8]) -> Ints:
    """(K, U, n): kernel rows, or triples of channels, the last one filled up with zeros."""
    width = layer.kernel[1] if layer.kernel != (1, 1) else TRIPLE
    flat = weight.reshape(len(weight), -1).astype(np.int64)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % width)))
    return padded.reshape(len(weight), -1, width)
