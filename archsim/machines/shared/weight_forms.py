"""Which form of the weights a machine consumed, said where it is not the one asked for."""

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError
from archsim.workload.workload import Workload

NAMED = 4
"""Layers that a note names before it only counts."""


def check_task(arch: Arch, workload: Workload) -> None:
    """InputError unless the machine is for what the workload does."""
    if arch.task != workload.task:
        raise InputError.at(
            workload.path,
            f"is a workload for {workload.task}; {arch.name} is a machine for {arch.task}",
        )


def weight_notes(arch: Arch, workload: Workload) -> tuple[str, ...]:
    """What a result says of layers whose weights were derived or not in the machine's form."""
    layers = [layer for layer in workload.layers if layer.is_array and layer.op != "matmul"]
    if arch.weights == "smartdeal":
        raw = [x.name for x in layers if not workload.tensors(x).has("coef")]
        rule = f"without coefficients, on the raw path with {arch.weight_bits}-bit weights"
    elif arch.weights == "pruned":
        raw = [x.name for x in layers if workload.tensors(x).source("pruned").startswith("derived")]
        rule = "without a pruned form, run with their weights and nothing dropped"
    else:
        return ()
    if not raw:
        return ()
    shown = ", ".join(raw[:NAMED]) + (", ..." if len(raw) > NAMED else "")
    return (f"{arch.name}: {len(raw)} of {len(layers)} layers {rule}: {shown}",)


def product_notes(arch: Arch, workload: Workload) -> tuple[str, ...]:
    """What a result says of products of two activations."""
    count = sum(layer.op == "matmul" for layer in workload.layers)
    if not count:
        return ()
    form = {"dense": "dense", "pruned": "less its zeros", "smartdeal": "on the raw path"}
    what = "1 product" if count == 1 else f"{count} products"
    return (
        f"{arch.name}: {what} of two activations, head after head; the second operand is "
        f"stationary, {form[arch.weights]}",
    )
