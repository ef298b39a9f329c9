"""The arrays of a part of a layer: one head of a product, one sample of a batch."""

from collections.abc import Callable, Mapping
from functools import partial

from archsim.workload.layer import Layer
from archsim.workload.tensors import Array, LayerTensors

Given = Mapping[str, Callable[[], Array]]
"""Arrays by their form, each made when it is asked for."""


class GivenTensors(LayerTensors):
    """Arrays that take the place of those of `whole`; every other array is that of `whole`, or is
    none where `alone`."""

    def __init__(self, layer: Layer, given: Given, whole: LayerTensors, *, alone: bool) -> None:
        super().__init__(layer, None, "")
        self._given = dict(given)
        self._whole = whole
        self._alone = alone

    def get(self, what: str) -> Array | None:
        """The array, or None if there is none of that form."""
        if what in self._given:
            return self._given[what]()
        if what == "pruned" and "weight" in self._given:
            return self._given["weight"]()
        return None if self._alone else self._whole.get(what)

    def need(self, what: str) -> Array:
        """The array; the error of the whole layer where there is none."""
        array = self.get(what)
        missing = "weight" if self._alone and what == "pruned" else what
        return self._whole.need(missing) if array is None else array

    def has(self, what: str) -> bool:
        return what in self._given or (not self._alone and self._whole.has(what))

    def source(self, what: str) -> str:
        return self._whole.source(what)

    def basis_shape(self) -> tuple[int, ...] | None:
        return None if self._alone else self._whole.basis_shape()

    def forget(self, what: str) -> None:
        """Nothing: what is given belongs to the whole layer, which other parts still read."""


def samples_of(tensors: LayerTensors) -> list[LayerTensors]:
    """The tensors of each stored sample; those of the layer themselves where it has one."""
    if not tensors.stored_samples:
        return [tensors]
    layer = tensors.layer
    parts = ("input", "weight") if layer.op == "matmul" and tensors.has("weight") else ("input",)
    return [
        GivenTensors(
            layer,
            {what: partial(_sample, tensors, what, k) for what in parts},
            tensors,
            alone=False,
        )
        for k in range(tensors.stored_samples)
    ]


def _sample(tensors: LayerTensors, what: str, number: int) -> Array:
    sample: Array = tensors.need(what)[number]
    return sample
