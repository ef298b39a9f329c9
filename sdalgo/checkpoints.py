"""State dicts as people have them: recognised by content, wherever they lie in a file.

safetensors, torch.save's zip archives and older pickles, ONNX, and the index files of both in
shards. Nothing that a file holds is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archsim.formats import sniff, tensor_record
from archsim.formats.errors import InputError, Problem
from archsim.formats.json_file import read_json
from archsim.formats.regular import open_input
from archsim.formats.tensor_file import read_tensors
from sdalgo.orientation import Orientation
from sdalgo.torch_files import torch_state

Tensors = dict[str, tensor_record.Tensor]

_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".tar")


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors, and where the file says so, which of them are weights and how they lie."""

    tensors: Tensors
    lies: dict[str, Orientation] | None = None


def read_weights(path: Path, entry: str | None = None) -> Tensors:
    """Read a state dict, whatever its suffix; see `read_checkpoint`."""
    return read_checkpoint(path, entry).tensors


def read_checkpoint(path: Path, entry: str | None = None) -> Checkpoint:
    """Read a state dict, whatever its suffix, and what the file says of it.

    Args:
        entry: the key of the one that is wanted, of several in a checkpoint. Without it the first
            of those that are usual is taken, and a note says so.

    Raises:
        InputError: it cannot be read, is something else, or holds more than tensors.
    """
    try:
        kind = sniff.kind_of(path)
        with open_input(path) as file:
            start = file.read(9)
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror or error}") from error
    if kind == sniff.TORCH and start[8:] != b"{":
        return Checkpoint(torch_state(path, entry))
    if entry is not None:
        raise InputError.at(path, f"has no entry {entry!r}: only torch checkpoints have entries")
    if start[8:] == b"{":  # a header's length may look like another format's magic number
        return Checkpoint(read_tensors(path))
    if kind == "a JSON file":
        return Checkpoint(_shards(path))
    if start.startswith(b"\x08") or path.suffix.lower() == ".onnx":
        from sdalgo.onnx_file import initialisers

        return Checkpoint(*initialisers(path))
    if path.suffix.lower() in _TORCH_SUFFIXES:
        what = f"this is {kind}, " if kind else ""
        raise InputError.at(path, f"{what}not a plain torch state dict; it is not read")
    return Checkpoint(read_tensors(path))


def _shards(path: Path) -> Tensors:
    """Read the files of an index, `weight_map: {tensor: file}`, from its folder."""
    index = read_json(path, open_input, "an index of shards")
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not all(isinstance(v, str) for v in places.values()):
        raise InputError.at(path, "is a JSON file without the `weight_map` of an index of shards")
    files = sorted(set(places.values()))
    wrong = [
        Problem(str(path), f"its shard {name!r} is not beside it")
        for name in files
        if Path(name).name != name or not (path.parent / name).is_file()
    ]
    if wrong:
        raise InputError(wrong)
    shards = {name: read_weights(path.parent / name) for name in files}
    wrong = [
        Problem(str(path), f"says that {key} is in {name}, where it is not")
        for key, name in places.items()
        if key not in shards[name]
    ]
    if wrong:
        raise InputError(wrong)
    return {key: shards[name][key] for key, name in places.items()}
