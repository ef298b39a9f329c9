"""What every output of a run says about the workload that was loaded."""

from collections.abc import Iterable, Sequence

from archsim.formats.workload_records import Header
from archsim.workload.layer import Layer

TRAINED, SYNTHETIC = "trained", "synthetic"
_WEIGHTS = "weights: "


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


def weight_origin(said: object) -> str:
    """What a workload's source says first of its weights: ``trained``, ``synthetic``, or neither.

    Of a trained network of which a part is drawn it says that further on.
    """
    start = str(said or "").casefold()
    return next((word for word in (TRAINED, SYNTHETIC) if start.startswith(word)), "")


def origin_in(notes: Iterable[str]) -> str:
    """The same of the notes of a run; nothing where none is about weights."""
    said = (note.removeprefix(_WEIGHTS) for note in notes if note.startswith(_WEIGHTS))
    return weight_origin(next(said, ""))
