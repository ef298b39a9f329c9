"""The arrays of a layer, whether they were measured or are drawn: nobody downstream can tell.

In measured mode everything comes from the workload's safetensors file, whose header is checked
against the layers before any array is read. Otherwise arrays are drawn from the layer's `profile`.
What is not asked for is neither read nor drawn.
"""

from math import prod
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError, Problem
from archsim.formats.profile_models import Profile
from archsim.formats.source import unknown
from archsim.formats.tensor_file import TensorFile
from archsim.workload.layer import Layer
from archsim.workload.tensor_check import FORMS, beyond_width, bits_of

Array = NDArray[Any]

SLICE_ROWS = 192
"""Rows of a slice at most where a profile names no slices: 64 * 3, as the authors released it."""


_SECOND = ("matmul", "weight")

MAX_DRAWN = 2**29
"""Values of an array that is drawn at most: five times the largest layer of VGG. Drawing takes up
to four bytes for each, and what is larger would fill a computer before it is of any use."""


KEPT_BYTES = 2**26
"""Of arrays of a workload that a machine has given up and the next one finds all the same: those of
ResNet50 fit, those of thousands of layers need not."""


class Room:
    """Bytes that arrays of a workload may still take once they were given up."""

    def __init__(self, nbytes: int = KEPT_BYTES) -> None:
        self._left = nbytes

    def has(self, nbytes: int) -> bool:
        """Whether there is room for so many; they are taken then."""
        fits = nbytes <= self._left
        self._left -= nbytes * fits
        return fits


class LayerTensors:
    """The arrays of one layer, each read or drawn once: C order, read-only. `room` is for those
    that are given up."""

    def __init__(
        self,
        layer: Layer,
        file: TensorFile | None,
        owner: str,
        batch: int = 1,
        room: Room | None = None,
    ) -> None:
        self.layer = layer
        self.batch = batch
        self._room, self._spared = room, set[str]()
        self._file = file
        self._owner = owner
        self._arrays: dict[str, Array | None] = {}

    def get(self, what: str) -> Array | None:
        """The array, or None if this workload has none of that form.

        Shapes are those of docs/reference/formats.md; bfloat16 comes as float32. `pruned`, where it
        is missing, is `weight` with nothing dropped.

        Raises:
            InputError: the values are damaged, or the profile does not describe the layer.
        """
        if what not in FORMS:
            raise InputError.at(self._owner, unknown("tensor", what, FORMS))
        if what not in self._arrays:
            array = self._measured(what) if self._file else self._drawn(what)
            if array is not None:
                array.setflags(write=False)
            self._arrays[what] = array
        return self._arrays[what]

    def need(self, what: str) -> Array:
        """The array; InputError naming layer, tensor and cure where there is none of that form."""
        array = self.get(what)
        if array is not None:
            return array
        key = f"{self.layer.name}/{what}"
        if self._file:
            raise InputError.at(
                self._file.label, f"the key {key!r} is missing; build the workload with it"
            )
        raise InputError.at(
            self._owner,
            f"layer {self.layer.name!r} has no profile.{what} to draw its {what} from; add it, or "
            "build the tensors; machines of dense weights may run its shape alone",
        )

    @property
    def stored_samples(self) -> int:
        """How many samples the file holds along a first axis; 0 where `input` is of one alone."""
        entry = self._file.entries.get(f"{self.layer.name}/input") if self._file else None
        if entry is None or len(entry.shape) != len(self.layer.input_shape()) + 1:
            return 0
        return entry.shape[0]

    def forget(self, what: str) -> None:
        """Give up an array that this machine does not need again. Where there is room it stays, for
        the next machine or point of a sweep; else it is read or drawn anew if asked for.
        """
        array = self._arrays.get(what)
        if array is None or what in self._spared:
            return
        if self._room is not None and self._room.has(array.nbytes):
            self._spared.add(what)
        else:
            del self._arrays[what]

    def basis_shape(self) -> tuple[int, ...] | None:
        """The shape (K, slices, r, n) of `basis`, whose values are not drawn for it; None where
        there is none."""
        if self._file:
            basis = self.get("basis")
            return None if basis is None else basis.shape
        coef = self.get("coef")
        if coef is None:
            return None
        slices = self._slices(coef.size // coef.shape[0] // coef.shape[-1])
        return len(coef), slices, coef.shape[-1], self.layer.basis_columns

    def source(self, what: str) -> str:
        """Where the array comes from: measured, profile, ``derived: <rule>``, or none."""
        if not self.has(what) and (what != "pruned" or not self.has("weight")):
            return "none"
        if what == "pruned" and not self.has("pruned"):
            return "derived: pruned is weight, nothing dropped"
        return "measured" if self._file else "profile"

    def _slices(self, rows: int) -> int:
        """How many slices the `rows` coefficient rows of a drawn filter are cut into."""
        coef = self.layer.profile.coef if self.layer.profile else None
        slices = None if coef is None else coef.slices
        if slices is None:
            return -(-rows // SLICE_ROWS)
        if slices > rows:
            raise InputError.at(
                self._owner,
                f"layer {self.layer.name!r}, profile.coef.slices: {slices} slices of {rows} rows",
            )
        return slices

    @property
    def _seed(self) -> int:
        """The layer's own seed: layers of equal shape and profile are still drawn apart."""
        return self.layer.seed << 32 | crc32(self.layer.name.encode())

    def has(self, what: str) -> bool:
        """Whether this workload has the array in that form, without reading or drawing it."""
        if self._file:
            return f"{self.layer.name}/{what}" in self._file.entries
        what = "coef" if what in {"basis", "basis_scale"} else what
        return self.layer.profile is not None and self.layer.profile.describes(what)

    def _measured(self, what: str) -> Array | None:
        assert self._file is not None
        if not self.has(what):
            return self.get("weight") if what == "pruned" else None
        key = f"{self.layer.name}/{what}"
        array = self._file.read(key)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError.at(self._file.place(key), "holds NaN or infinity")
        if what == "coef" and (array == -128).any():
            raise InputError.at(self._file.place(key), "holds the code -128; codes are -127 to 127")
        if wrong := beyond_width(self.layer, what, array):
            raise InputError.at(self._file.place(key), wrong)
        return array

    def _drawn(self, what: str) -> Array | None:
        from archsim.workload.profile import basis_scale, draw

        layer = self.layer
        if what in {"basis", "basis_scale"}:
            coef, shape = self.get("coef"), self.basis_shape()
            if coef is None or shape is None:
                return None
            if what == "basis_scale":
                return basis_scale(coef, shape[1])
            return draw(layer.profile or Profile(), "basis", shape, self._seed)
        if not self.has(what):
            return self.get("weight") if what == "pruned" else None
        if layer.op == "matmul" and what not in {"input", "weight"}:
            return None
        shapes = {"input": layer.input_shape, "coef": layer.coef_shape}
        shape = shapes.get(what, layer.weight_shape)()
        if (count := prod(shape)) > MAX_DRAWN:
            raise InputError.at(
                self._owner,
                f"layer {layer.name!r}: its {what} would be drawn, {count:,} values of at most "
                f"{MAX_DRAWN:,}; make the layer smaller, or choose a machine that needs shapes "
                "alone",
            )
        # A filter of weights is a column of one head's second operand.
        laid = (layer.out_channels, shape[-1]) if (layer.op, what) == _SECOND else shape
        try:
            drawn = draw(layer.profile or Profile(), what, laid, self._seed, bits_of(layer, what))
            return (
                _below_diagonal(drawn) if layer.causal and what == "input" else drawn.reshape(shape)
            )
        except InputError as error:
            where = f"layer {layer.name!r}"
            problems = [Problem(self._owner, f"{where}, {each}") for each in error.problems]
            raise InputError(problems) from None


def _below_diagonal(scores: Array) -> Array:
    """Scores (heads, M, K) with zeros where a row looks beyond itself: the last row sees all."""
    rows, seen = scores.shape[1:]
    return np.tril(scores, seen - rows)
