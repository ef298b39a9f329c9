"""A point as files: the workload that `sdalgo build` would write, with measured tensors and without
profiles, which only networks without tensors are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsim.formats.tensor_record import from_array
from sdalgo import photos, provenance, sparsity
from sdalgo.build import write_workload
from sdalgo.decompose import is_decomposed
from sdalgo.forward import activations
from sdalgo.quantise import symmetric_scale, to_int8
from sdalgo.samples import about
from sdalgo.tune.subject import Made, Subject
from sdalgo.workload import Arrays, LayerEntry, header


@dataclass(frozen=True)
class PointFiles:
    """What all points of a network share: its layers, and the tensors that no point changes."""

    subject: Subject
    shared: Mapping[str, Arrays]

    def write(self, folder: Path, made: Made, said: str) -> Path:
        """Write a point as NAME.yaml and NAME.safetensors; returns the former.

        Args:
            said: of its decomposition, in the workload's `source`.

        Raises:
            InputError: the folder cannot be written.
        """
        subject = self.subject
        recipe = subject.recipe
        head = header(
            recipe.name, recipe.task, 1, made_by="sdalgo tune",
            weights=provenance.weights(subject.weights.note, recipe), decomposition=said,
            activations=about(recipe), licence=f"{subject.weights.licence}; {photos.LICENCE}",
        )  # fmt: skip
        entries = []
        arrays: Arrays = {}
        for node in subject.nodes:
            keys = {"name": node.name, "op": node.op, "inputs": list(node.inputs), **node.fields}
            if node.has_weights:
                keys["seed"] = 0
            entries.append(LayerEntry(keys=keys, profile={}))
            held = dict(self.shared.get(node.name, {}))
            if (layer := made.get(node.name)) is not None:
                held |= {"coef": layer.coef, "basis": layer.basis, "basis_scale": layer.scale}
            arrays |= {f"{node.name}/{what}": array for what, array in held.items()}
        tensors = {key: from_array(array) for key, array in arrays.items()}
        return write_workload(folder, head, entries, tensors).yaml


def point_files(subject: Subject) -> PointFiles:
    """Return what the points of a network share, from one pass of its recipe's images."""
    inputs = activations(subject.model, subject.samples)
    pruning, options = subject.recipe.pruning(), subject.recipe.options()
    shared: dict[str, Arrays] = {}
    for name, weight in subject.dense.items():
        scale = symmetric_scale(weight)
        held: dict[str, Any] = {
            "input": to_int8(inputs[name][0], symmetric_scale(inputs[name])),
            "weight": to_int8(weight, scale),
        }
        kept = pruning.weights_kept(name)
        if kept < 1 and (pruning.weights is not None or is_decomposed(weight.shape, options)):
            held["pruned"] = to_int8(sparsity.magnitude_pruned(weight, kept), scale)
        shared[name] = held
    return PointFiles(subject, shared)
