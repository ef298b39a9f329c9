"""What every output of a run says about the workload that was loaded."""

from collections.abc import Sequence

from archsim.formats.workload_records import Header
from archsim.workload.layer import Layer


def shapes_alone(layers: Sequence[Layer]) -> list[str]:
    """Names of the layers with weights that have no profile."""
    return [layer.name for layer in layers if layer.is_array and layer.profile is None]


def load_notes(header: Header, layers: Sequence[Layer], measured: bool) -> tuple[str, ...]:
    """That tensors are drawn or missing, and what their source is; a file has `measured` ones."""
    notes = []
    if not measured and header.tensors is None:
        bare, whole = len(shapes_alone(layers)), sum(layer.is_array for layer in layers)
        if bare < whole:
            notes.append("tensors: drawn from the profiles in the workload file")
        if bare:
            notes.append(f"tensors: none of {bare} of {whole} layers, which are their shapes alone")
    elif not measured:
        notes.append(
            f"tensors: drawn from profiles, as {header.tensors} is not there; "
            f"it is made by: {header.source.made_by}"
        )
    for what in ("weights", "activations"):
        said = getattr(header.source, what)
        if said:
            notes.append(f"{what}: {said}")
    return tuple(notes)
