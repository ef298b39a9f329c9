"""Training workloads: the tensors of one real SD-T step, layer by layer
(docs/reference/formats.md).

A network is trained for a few steps with float weights, decomposed, and trained for a few more with
the bucket switch, so that codes have moved and counters are part full. Then one step is captured:
input, error and weight gradient of each layer in bfloat16, its rebuilt weight, codes, basis, mask
and counters. The images are crops of photographs, labelled by the photograph.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from archsim.formats.tensor_record import Tensor as Stored
from archsim.formats.tensor_record import from_array
from sdalgo import photos, provenance
from sdalgo.basis import quantise_basis
from sdalgo.build import Built, write_workload
from sdalgo.finite import check_state
from sdalgo.graph import Node, layer_graph
from sdalgo.networks import network
from sdalgo.pretrained import SOURCES
from sdalgo.profile import measure
from sdalgo.ratios import load_ratios
from sdalgo.recipe import Recipe
from sdalgo.torch_files import from_torch
from sdalgo.training.bucket import Rule
from sdalgo.training.convert import Form, basis_of, decomposed_weights, to_decomposed
from sdalgo.training.learners import Descent, Learner, Switching
from sdalgo.training.weight import DecomposedWeight
from sdalgo.workload import LayerEntry, header

Captured = dict[str, Stored]
STORED_BASIS = "float32 in training, stored here in 8 bits with a scale a slice"


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How a captured step comes about.

    Attributes:
        float_steps: with float weights, before the decomposition.
        switch_steps: of SD-T before the step that is captured.
        samples: in a mini-batch of these steps.
        stored: of them whose inputs and errors are written.
        batch: of the workload: the work is that of so many samples.
    """

    float_steps: int = 12
    switch_steps: int = 6
    samples: int = 16
    stored: int = 4
    batch: int = 128  # the authors' runs


@contextmanager
def _watching(model: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """Collect `<layer>/input` and `<layer>/error` of the next forward and backward pass."""
    found: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def forward(_module: nn.Module, inputs: Any, output: Tensor) -> None:
            found[f"{name}/input"] = inputs[0].detach()

            def keep(error: Tensor) -> None:
                found[f"{name}/error"] = error.detach()

            output.register_hook(keep)  # type: ignore[no-untyped-call]

        return forward

    hooks = [model.get_submodule(name).register_forward_hook(watch(name)) for name in names]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def capture(
    model: nn.Module, names: list[str], batch: tuple[Tensor, Tensor], stored: int
) -> Captured:
    """Run one forward and backward pass and return the tensors of these layers.

    Args:
        model: decomposed in part or whole; its gradients are left in place.
        names: of its convolutions and linear layers.
        batch: inputs and labels.
        stored: samples of inputs and errors to keep.
    """
    model.train()
    with _watching(model, names) as seen:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
    held = decomposed_weights(model)
    found: Captured = {}
    for name in names:
        module = model.get_submodule(name)
        tensors = {what: seen[f"{name}/{what}"][:stored] for what in ("input", "error")}
        assert isinstance(module, (nn.Conv2d, nn.Linear))
        tensors["weight"] = module.weight.detach()
        tensors["gradient"] = _weight_gradient(module, seen, name)
        check_state(tensors, f"layer {name}")
        found |= {
            f"{name}/{what}": from_torch(value.to(torch.bfloat16))
            for what, value in tensors.items()
        }
        if name in held:
            arrays = decomposed_arrays(held[name], basis_of(model, name))
            found |= {f"{name}/{what}": from_array(array) for what, array in arrays.items()}
    return found


def _weight_gradient(module: nn.Module, seen: dict[str, Tensor], name: str) -> Tensor:
    """dL/dW from what flowed through the layer; a rebuilt W keeps no gradient of its own."""
    x, error = seen[f"{name}/input"], seen[f"{name}/error"]
    if isinstance(module, nn.Linear):
        return error.reshape(-1, error.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    assert isinstance(module, nn.Conv2d)
    assert not isinstance(module.padding, str)
    found: Tensor = conv2d_weight(  # type: ignore[no-untyped-call]
        x, module.weight.shape, error, module.stride, module.padding, module.dilation,
        module.groups,
    )  # fmt: skip
    return found


def decomposed_arrays(held: DecomposedWeight, basis: Tensor) -> dict[str, np.ndarray[Any, Any]]:
    """Return codes, basis, scale, mask and counters of a layer as a workload file holds them."""
    entries, scale = quantise_basis(basis.detach().numpy().astype(np.float64), 8)
    filled = held.code.ne(0).any(dim=2).any(dim=1).numpy()
    scale = np.where(filled, scale * np.float32(2.0**held.p_min), 0).astype(np.float32)
    shape = (held.layout.filters, held.layout.slices)
    return {
        "coef": held.coefficients().numpy(),
        "basis": entries.reshape(*shape, *entries.shape[1:]),
        "basis_scale": scale.reshape(shape),
        "mask": held.live().numpy().astype(np.int8),
        "counter": held.counts().numpy(),
    }


def build_training(
    recipe: Recipe, folder: Path, seed: int = 0, progress: Progress | None = None
) -> Built:
    """Build a recipe whose task is training; as `sdalgo.build.build`, in one piece.

    Args:
        progress: called with (done, total, what) before each training step.

    Raises:
        InputError: a package is missing, or the folder cannot be written.
    """
    steps = Steps()
    shape = network(recipe.network).INPUT
    if len(shape) != 3:
        raise InputError.at(recipe.network, f"takes {shape}; training workloads are of images")
    torch.manual_seed(seed)
    model: nn.Module = network(recipe.network).build()
    weights = SOURCES[recipe.weights](model, seed)
    model.load_state_dict(weights.state)
    nodes = layer_graph(model, shape)
    model, batch = _trained(model, recipe, seed, progress)
    names = [node.name for node in nodes if node.has_weights]
    tensors = capture(model, names, batch, steps.stored)
    head = _header(recipe, seed, weights.note)
    return write_workload(folder, head, captured_entries(nodes, tensors, seed), tensors)


def _trained(
    model: nn.Module, recipe: Recipe, seed: int, progress: Progress | None
) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Return the network after its steps, and the mini-batch of the step to capture."""
    steps, generator = Steps(), np.random.default_rng([seed, 4])
    total = steps.float_steps + steps.switch_steps + 1
    crops = _crops(network(recipe.network).INPUT)
    learner = Learner(model.train(), Descent())
    for step in range(total - 1):
        if step == steps.float_steps:
            pruned = recipe.rows_pruned
            ratios = None if pruned is None else load_ratios(pruned)
            form = Form(theta=recipe.options().theta, rows_pruned=ratios)
            learner = Switching(to_decomposed(model, form), Descent(), Rule(theta_g=1e-4))
        if progress:
            progress(step, total, "training step")
        x, y = crops(generator, steps.samples)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        learner.update(0.01)
    return model, crops(generator, steps.samples)


def _crops(
    shape: tuple[int, int, int],
) -> Callable[[np.random.Generator, int], tuple[Tensor, Tensor]]:
    """Return what draws (crops, labels): half a photograph a side, which one is the label."""
    channels, height, width = shape
    whole = photos.batch((channels, 2 * height, 2 * width))

    def draw(generator: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        labels = generator.integers(0, len(whole), count)
        tops, lefts = (generator.integers(0, side + 1, count) for side in (height, width))
        parts = [
            whole[label, :, top : top + height, left : left + width]
            for label, top, left in zip(labels, tops, lefts, strict=True)
        ]
        return torch.from_numpy(np.stack(parts)), torch.from_numpy(labels)

    return draw


def captured_entries(nodes: list[Node], tensors: Captured, seed: int = 0) -> list[LayerEntry]:
    """Return the layers of the file, their profile being that of the codes.

    Args:
        seed: of the file's drawing.
    """
    entries = []
    for node in nodes:
        keys = {"name": node.name, "op": node.op, "inputs": list(node.inputs), **node.fields}
        profile: dict[str, object] = {}
        if node.has_weights:
            keys["seed"] = seed
        if f"{node.name}/coef" in tensors:
            arrays = {what: tensors[f"{node.name}/{what}"].array() for what in ("coef", "basis")}
            profile = measure(node.op, arrays)
        entries.append(LayerEntry(keys=keys, profile=profile))
    return entries


def _header(recipe: Recipe, seed: int, weights: str) -> dict[str, Any]:
    steps = Steps()
    return header(
        recipe.name, "training", steps.batch, made_by=provenance.build_command(recipe, seed),
        weights=f"{weights}; then {steps.float_steps} steps of SGD, one pass of SD with "
        f"theta {recipe.options().theta}, and {steps.switch_steps} steps of SD-T",
        activations=f"one training step of {steps.samples} crops of photographs, bfloat16; "
        f"{steps.stored} of them stored",
        basis=STORED_BASIS, licence=photos.LICENCE,
    )  # fmt: skip
