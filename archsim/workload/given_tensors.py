"""The arrays of a part of a layer: one head of a product, one sample of a batch."""

from collections.abc import Mapping

from archsim.workload.layer import Layer
from archsim.workload.tensors import Array, LayerTensors


class GivenTensors(LayerTensors):
    """Arrays that take the place of those of `whole`; every other array is that of `whole`, or is
    none where `alone`."""

    def __init__(
        self, layer: Layer, given: Mapping[str, Array], whole: LayerTensors, *, alone: bool
    ) -> None:
        super().__init__(layer, None, "")
        self._given = dict(given)
        self._whole = whole
        self._alone = alone

    def get(self, what: str) -> Array | None:
        """The array, or None if there is none of that form."""
        if what in self._given:
            return self._given[what]
        if what == "pruned" and what not in self._given and "weight" in self._given:
            return self._given["weight"]
        return None if self._alone else self._whole.get(what)

    def need(self, what: str) -> Array:
        """The array; the error of the whole layer where there is none."""
        array = self.get(what)
        return self._whole.need(what) if array is None else array

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
    layer, stored = tensors.layer, tensors.need("input")
    given: list[dict[str, Array]] = [{"input": sample} for sample in stored]
    if layer.op == "matmul" and (second := tensors.get("weight")) is not None:
        for number, sample in enumerate(given):
            sample["weight"] = second[number]
    return [GivenTensors(layer, sample, tensors, alone=False) for sample in given]
