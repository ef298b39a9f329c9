"""The five building blocks of the ablation, alone and combined, on one weight (Table II).

DE decomposes, Q2 rounds to powers of two, US drops single small numbers, SS whole rows; RT, the
re-training between two passes, is the learner's part. Sizes count an index bit a number wherever
numbers may be zero; see docs/reference/training.md for the paper's own counting.
"""

from dataclasses import dataclass

import numpy as np

from sdalgo import sparsity
from sdalgo.decompose import decompose
from sdalgo.fit import fit_basis, fit_coef
from sdalgo.matrices import from_slices, layout_of, rows_of, to_slices
from sdalgo.options import Options, preset
from sdalgo.pow2 import Float32, round_to_pow2
from sdalgo.training.sizes import Size

NAMES = ("DE", "Q2", "US", "SS", "RT")
_POW2_LEVELS = 16  # without DE: 16 powers and a sign are the five bits of Table II, experiment 6
_ROUNDS = 30


@dataclass(frozen=True, kw_only=True)
class Components:
    """Which blocks are used, and how strongly.

    Attributes:
        used: names of blocks.
        theta: numbers below it become zero where US is used.
        density: share of non-zeros that replaces theta where DE is not used.
    """

    used: frozenset[str]
    theta: float = 8e-3
    density: float | None = None

    def __call__(self, weight: Float32) -> tuple[Float32, Size]:
        """Return the weight as these blocks leave it, and its size."""
        if "DE" not in self.used:
            return self._plain(weight)
        return self._rounded(weight) if "Q2" in self.used else self._unrounded(weight)

    def _plain(self, weight: Float32) -> tuple[Float32, Size]:
        bits = 32
        if "US" in self.used:
            weight = self._without_small(weight)
        if "Q2" in self.used:
            bits, top = 5, 2.0 ** np.floor(np.log2(max(float(np.abs(weight).max()), 2.0**-40)))
            least = np.float32(top * 2.0 ** (1 - _POW2_LEVELS))
            weight = round_to_pow2(np.where(np.abs(weight) < least, 0, weight).astype(np.float32))
        nonzeros = int(np.count_nonzero(weight))
        index = weight.size if self._sparse else 0
        coded = nonzeros if self._sparse else weight.size
        size = Size(bits=index + bits * coded, nonzeros=nonzeros, entries=weight.size)
        return weight, size

    @property
    def _sparse(self) -> bool:
        return bool(self.used & {"US", "SS"})

    def _without_small(self, weight: Float32) -> Float32:
        if self.density is not None:
            return sparsity.magnitude_pruned(weight, self.density)
        return np.where(np.abs(weight) < self.theta, 0, weight).astype(np.float32)

    def _rounded(self, weight: Float32) -> tuple[Float32, Size]:
        """Powers of two in Ce: Huffman and 8-bit B where zeros are dropped, else float B."""
        bits = 8 if self._sparse else 32
        theta = self.theta if "US" in self.used else 0.0
        found = decompose(weight, self._options(theta, bits))
        total = found.bits("element")
        if not self._sparse:  # experiment 3: eight bits per coefficient, no index, no Huffman
            total = 8 * found.entries + 32 * int(found.basis.size)
        size = Size(bits=total, nonzeros=found.nonzeros, entries=found.entries)
        return found.rebuild(), size

    @staticmethod
    def _options(theta: float, bits: int) -> Options:
        return preset("as_released_double", theta=theta, basis_bits=bits, largest_kernel=None)

    def _unrounded(self, weight: Float32) -> tuple[Float32, Size]:
        """Real coefficients: Ce = W and B = I fit exactly; US alternates dropping and fitting."""
        options = self._options(0.0, 32)
        layout = layout_of(weight.shape, options.slice_rows, options.slicing)
        planes = to_slices(weight, layout).transpose(0, 2, 1).astype(np.float64)
        count, width, _ = planes.shape
        basis = np.broadcast_to(np.eye(width), (count, width, width)).copy()
        coef = planes
        for _ in range(_ROUNDS if "US" in self.used else 0):
            coef = np.where(np.abs(coef) < self.theta, 0, coef)
            basis = fit_basis(np.concatenate([coef, planes], axis=1), width)
            kept, coef = coef, fit_coef(planes, basis)
        coef = kept if "US" in self.used else coef
        slices = coef.transpose(0, 2, 1)
        nonzeros = int(np.count_nonzero(slices))
        entries = int(rows_of(slices, layout).size)
        index = entries if self._sparse else 0
        coded = nonzeros if self._sparse else entries
        size = Size(bits=index + 32 * (coded + basis.size), nonzeros=nonzeros, entries=entries)
        return from_slices((slices @ basis).astype(np.float32), layout), size


def density_for(bits: int, entries: int, bits_per_nonzero: int) -> float:
    """Return the density at which pruned weights with an index bit each take `bits` in all."""
    return min(max((bits / entries - 1) / bits_per_nonzero, 0.0), 1.0)
