"""A weight as coefficients and bases: what is stored, and what it rebuilds to."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.huffman import mean_length
from archsim.formats.rebuilt import SHIPPED, WeightFormat, engine_operands, integer_weights
from archsim.formats.weight_bits import weight_bits
from sdalgo.matrices import Layout, from_slices, slices_of
from sdalgo.pow2 import Codes, Float32, decode


@dataclass(frozen=True, kw_only=True)
class Decomposition:
    """W = Ce B of one layer, in stored form.

    Attributes:
        layout: how the weight lies in slices.
        coef: int8 codes, (K, C/groups, R, r), or (K, triples, r) for 1x1 and linear layers.
        p_min: exponent that code 1 stands for; 2^p_min is part of `scale` already.
        basis: int8, int16 or float32, (K, slices, r, n).
        scale: float32 (K, slices); 0 for an empty slice.
    """

    layout: Layout
    coef: Codes
    p_min: int
    basis: NDArray[np.generic]
    scale: Float32

    @property
    def basis_bits(self) -> int:
        return int(self.basis.dtype.itemsize) * 8

    @property
    def entries(self) -> int:
        """Coefficients, padding of a last incomplete triple included."""
        return int(self.coef.size)

    @property
    def nonzeros(self) -> int:
        return int(np.count_nonzero(self.coef))

    @property
    def density(self) -> float:
        return self.nonzeros / self.entries

    @property
    def slices(self) -> int:
        return self.layout.filters * self.layout.slices

    @property
    def full_slices(self) -> int:
        """Slices that hold anything."""
        return int(np.count_nonzero(self.scale))

    @property
    def levels(self) -> int:
        """Different exponents among the non-zero coefficients."""
        return len(np.unique(np.abs(self.coef[self.coef != 0].astype(np.int16))))

    @property
    def live_rows(self) -> NDArray[np.bool_]:
        """Which coefficient rows hold a non-zero, in the shape of `coef` less its last axis."""
        return np.asarray(self.coef.any(axis=-1))

    @property
    def powers(self) -> tuple[int, int]:
        """Lowest and highest exponent used; (0, 0) where all is zero."""
        level = np.abs(self.coef[self.coef != 0].astype(np.int16))
        if not level.size:
            return (0, 0)
        return int(level.min()) - 1 + self.p_min, int(level.max()) - 1 + self.p_min

    @property
    def bits_per_nonzero(self) -> float:
        """Mean code length of the non-zeros coded by themselves (appendix B); 0 for none."""
        return mean_length(self.coef[self.coef != 0])

    def integers(
        self, form: WeightFormat = SHIPPED
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (weights in their own shape, unit of each filter): what the rebuild engines make.

        Raises:
            InputError: the basis has not 8 bits.
        """
        if self.basis_bits != 8:
            raise InputError.at("basis", f"{self.basis_bits} bits: a rebuild engine takes 8")
        basis = self.basis.astype(np.int8)
        operands = engine_operands(self.coef, basis, self.scale, form)
        flat = integer_weights(self.coef, operands, form).reshape(self.layout.filters, -1)
        shape = self.layout.shape
        return flat[:, : prod(shape[1:])].reshape(shape), operands.unit

    def rebuild(self, form: WeightFormat = SHIPPED) -> Float32:
        """Return the weight that the accelerator would use, float32, in its own shape: integers
        times their unit, or of a basis of more than 8 bits W = Ce B as it is.
        """
        if self.basis_bits == 8:
            weights, unit = self.integers(form)
            return (weights * unit.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.float32)
        coef = slices_of(decode(self.coef), self.layout).astype(np.float64)
        basis = self.basis.reshape(-1, *self.basis.shape[2:]).astype(np.float64)
        values = coef @ (basis * self.scale.reshape(-1, 1, 1).astype(np.float64))
        return from_slices(values.astype(np.float32), self.layout)

    def squared_error(self, weight: Float32) -> float:
        """Return ||W - Ce B||^2."""
        difference = weight.astype(np.float64) - self.rebuild()
        return float((difference * difference).sum())

    def error(self, weight: Float32) -> float:
        """Return ||W - Ce B|| / ||W|| (Frobenius); 0 for a weight that is all zero."""
        held = weight.astype(np.float64)
        # numpy's own sum: a dot product's last digit depends on how many threads share it.
        energy = float((held * held).sum())
        return float(np.sqrt(self.squared_error(weight) / energy)) if energy else 0.0

    def bits(self, accounting: str = "row") -> int:
        """Return the stored bits of the layer.

        Args:
            accounting: "row" or "element", the two index forms of the container
            (docs/reference/sdalgo.md).
        """
        return weight_bits(self.coef, self.basis.shape, accounting, self.basis_bits).total
