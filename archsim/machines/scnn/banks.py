"""Which accumulator bank each product of SCNN goes to, counted for every vector operation at once:
an activation matters only through its class, the set of output coordinates its taps reach, so a
small table of (class, weight vector) holds the banks' counts, one byte per bank, eight banks per
word.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from archsim.machines.scnn.tiling import FILTER_KINDS, Tiling, Vectors
from archsim.machines.shared.geometry import Ints
from archsim.workload.convolution import Geometry, Pair

Words = npt.NDArray[np.uint64]
OFF_PLANE = -1


def bank_of(k: Ints, x: Ints, y: Ints, banks: int) -> Ints:
    """Bank of output channel k, row x, column y: low bits of all three, mixed in the high bits.

    `banks` is a power of two up to 64. For 32 it is the hash of DNNsim's SCNN; the sixth bit
    continues its pattern.
    """
    bits = (k, k >> 1, y, x, (k >> 2) ^ (x >> 1) ^ (y >> 1), (k >> 3) ^ (x >> 2) ^ (y >> 2))
    full = np.zeros(np.broadcast_shapes(k.shape, x.shape, y.shape), np.int64)
    for place, bit in enumerate(bits):
        full += (bit & 1) << place
    return full % banks


@dataclass(frozen=True)
class Classes:
    """The rows or the columns of a plane, sorted into classes by what their taps reach.

    `of` gives each coordinate's class; `reach` (classes, taps) the output coordinate modulo 8, or
    OFF_PLANE. A coordinate meets only taps of its own stride phase, so one class serves several
    phases, each with its own taps.
    """

    of: Ints
    reach: Ints


def coordinate_classes(axis: int, geometry: Geometry, tiling: Tiling) -> Classes:
    """Classes along one axis of the plane."""
    stride = geometry.stride[axis]
    at = np.arange(tiling.plane[axis]) + tiling.origin[axis]
    ahead = np.arange(geometry.kernel[axis]) * geometry.dilation[axis]
    of = np.zeros_like(at)
    reach = np.full((len(at), len(ahead)), OFF_PLANE)
    for phase in range(stride):
        mine, taps = np.flatnonzero(at % stride == phase), np.flatnonzero(ahead % stride == phase)
        # Equal phases make this difference a multiple of the stride: the division is exact.
        out = (at[mine, None] - ahead[taps]) // stride
        valid = (out >= 0) & (out < tiling.out_size[axis])
        kinds, of[mine] = _unique_rows(np.where(valid, out % 8, OFF_PLANE))
        reach[: len(kinds), taps] = kinds
    return Classes(of, reach[: of.max() + 1])


def _unique_rows(rows: Ints) -> tuple[Ints, Ints]:
    """Different rows, and which of them each row is."""
    if rows.shape[1] == 0:
        return rows[:1], np.zeros(len(rows), np.int64)
    # Equal rows reach the same banks, so all of them share one class and one line of the table.
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    return kinds, which.reshape(-1)


@dataclass(frozen=True, eq=False)
class _Singles:
    """What single products add: `by_code` (codes of weights, kinds of activations, words) and
    `by_kind` (kinds, codes, words), and the `kind` of each (class of rows, class of columns), flat
    after that of an empty place.
    """

    by_code: Words
    by_kind: Words
    kind: npt.NDArray[np.int32]


@lru_cache(maxsize=16)
def _singles(rows: bytes, columns: bytes, kernel: Pair, banks: int) -> _Singles:
    """Of coordinates that reach `rows` and `columns`, (classes, taps) as bytes; the passes of a
    layer and the layers of a network share few.
    """
    x = np.frombuffer(rows, np.int64).reshape(-1, 1, 1, kernel[0], 1)
    y = np.frombuffer(columns, np.int64).reshape(1, -1, 1, 1, kernel[1])
    k = np.arange(FILTER_KINDS)[:, None, None]
    bank = np.where((x >= 0) & (y >= 0), bank_of(k, x, y, banks), OFF_PLANE)
    bank = bank.reshape(len(x) * y.shape[1], -1)
    # One byte per bank: sums of products stay below 128 (tiling.LARGEST_QUEUE), so that whole
    # words are added at once and no carry crosses into the next bank.
    words = -(-banks // 8)
    single = np.zeros((len(bank) + 1, bank.shape[1] + 1, words * 8), np.uint8)
    place, code = np.nonzero(bank >= 0)
    single[place + 1, code + 1, bank[place, code]] = 1
    # Rows are compared as opaque bytes, many times faster than np.unique along an axis.
    whole = np.dtype((np.void, single[0].nbytes))
    lines = single.reshape(len(single), -1).view(whole).reshape(-1)
    _, first, kind = np.unique(lines, return_index=True, return_inverse=True)
    found: Words = single[first].view(np.uint64)
    by_code = np.ascontiguousarray(found.transpose(1, 0, 2))
    return _Singles(by_code, found, kind.reshape(-1).astype(np.int32))


@lru_cache(maxsize=16)
def bank_table(geometry: Geometry, tiling: Tiling, banks: int) -> "BankTable":
    """The table of a pass."""
    return BankTable(geometry, tiling, banks)


class BankTable:
    """Counts for one pass: `by_code` (codes, classes, words) is what one weight and one activation
    add, `by_class` (classes, codes, words) the same.

    Class 0 and code 0 stand for the empty places of vectors. Activations that add the same with
    every weight share a class. Codes of weights are those of `WeightRuns.vectors`.
    """

    def __init__(self, geometry: Geometry, tiling: Tiling, banks: int) -> None:
        rows = coordinate_classes(0, geometry, tiling)
        columns = coordinate_classes(1, geometry, tiling)
        self.words = -(-banks // 8)
        singles = _singles(rows.reach.tobytes(), columns.reach.tobytes(), geometry.kernel, banks)
        self.by_code, self.by_class = singles.by_code, singles.by_kind
        found = rows.of[:, None] * len(columns.reach) + columns.of
        self._class_of_code = singles.kind[np.append(0, found.reshape(-1) + 1)]

    @property
    def class_of(self) -> npt.NDArray[np.int32]:
        """Class of each pixel of the plane, (pixels,)."""
        classes: npt.NDArray[np.int32] = self._class_of_code[1:]
        return classes

    @property
    def classes(self) -> int:
        """Classes of activations."""
        return int(self.by_code.shape[1])

    @property
    def entry_bytes(self) -> int:
        """Bytes a weight vector takes in a table of all classes."""
        return self.classes * self.words * 8

    def activation_classes(self, vectors: Vectors) -> Ints:
        """Class of every activation code of vectors (vectors, width)."""
        classes: Ints = self._class_of_code.take(vectors.members)
        return classes

    def of_weights(self, codes: Ints) -> Words:
        """What an activation adds with weight vectors: (vectors, classes, words)."""
        total = self.by_code[codes[:, 0]]
        for column in codes.T[1:]:
            total += self.by_code[column]
        return total
