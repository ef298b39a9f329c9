"""State dicts as people have them: recognised by content, wherever they lie in a file.

safetensors, torch.save's zip archives and older pickles, ONNX, and the index files of both in
shards. Nothing that a file holds is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsim.formats import console, sniff, tensor_record
from archsim.formats.errors import InputError, Problem
from archsim.formats.json_file import read_json
from archsim.formats.regular import open_input
from archsim.formats.source import unknown
from archsim.formats.tensor_file import read_tensors

Tensors = dict[str, tensor_record.Tensor]

_NESTED = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params",
    "weights", "state_dict_ema", "model_ema", "ema",
)  # fmt: skip
"""Where a training script keeps the weights, the first that is there before the others."""
_PREFIXES = ("module.", "_orig_mod.")  # DataParallel's and torch.compile's
_BESIDE = {"n_averaged"}  # a count that torch's AveragedModel keeps beside `module.`
_TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".tar")


def read_weights(path: Path, entry: str | None = None) -> Tensors:
    """Read a state dict, whatever its suffix.

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
        return torch_state(path, entry)
    if entry is not None:
        raise InputError.at(path, f"has no entry {entry!r}: only torch checkpoints have entries")
    if start[8:] == b"{":  # a header's length may look like another format's magic number
        return read_tensors(path)
    if kind == "a JSON file":
        return _shards(path)
    if start.startswith(b"\x08") or path.suffix.lower() == ".onnx":
        from sdalgo.onnx_file import initialisers

        return initialisers(path)
    if path.suffix.lower() in _TORCH_SUFFIXES:
        what = f"this is {kind}, " if kind else ""
        raise InputError.at(path, f"{what}not a plain torch state dict; it is not read")
    return read_tensors(path)


def torch_state(path: Path, entry: str | None = None) -> Tensors:
    """Read what torch.save wrote: named tensors, alone or in one entry of a training script's."""
    import torch

    try:
        with open_input(path) as file:  # torch reads a path by its suffix
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not what it says
        raise InputError.at(path, _refusal(str(error))) from None
    if entry is not None:
        content = _entry(content, entry, path)
    found = _state(content, path)
    if found is None:
        raise InputError.at(path, f"holds {_article(content)}, not named tensors")
    wrong = [
        Problem(f"{path}: {name}", f"holds {_article(value)}, not a tensor")
        for name, value in found.items()
        if not isinstance(value, torch.Tensor)
    ]
    if wrong:
        raise InputError(wrong)
    return {name: from_torch(value, f"{path}: {name}") for name, value in found.items()}


def from_torch(value: Any, place: object = "tensor") -> tensor_record.Tensor:
    """Return a torch tensor in file form; bfloat16 keeps its bits.

    Raises:
        InputError: it is sparse, quantised, without values or of a type that is not read.
    """
    import torch

    if value.is_meta:
        raise InputError.at(place, "is a meta tensor: it has a shape and no values")
    if value.layout != torch.strided:
        raise InputError.at(place, "is a sparse tensor; store its to_dense()")
    if value.is_quantized:
        raise InputError.at(place, "is a quantised tensor; store its dequantize()")
    value = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if value.dtype == torch.bfloat16:
        bits = value.view(torch.int16).numpy().tobytes()
        return tensor_record.Tensor(dtype="BF16", shape=tuple(value.shape), data=bits)
    try:
        return tensor_record.from_array(value.numpy())
    except (TypeError, RuntimeError, InputError) as error:
        what = str(value.dtype).removeprefix("torch.")
        raise InputError.at(place, f"is of type {what}, which is not read here") from error


def _state(content: Any, path: Path) -> dict[str, Any] | None:
    """The named tensors in what a file holds: itself, or the first of `_NESTED` that has them."""
    if not isinstance(content, Mapping):
        return None
    if not _holds_tensors(content):
        usual = {key: _state(content[key], path) for key in _NESTED if key in content}
        there = {key: inner for key, inner in usual.items() if inner is not None}
        if there:
            usual_one, *others = there
            if others:
                held = " and ".join(others)
                console.note(f"{path}: {usual_one} is read; it holds {held} too (--entry NAME)")
            return there[usual_one]
        groups = [
            str(k) for k, v in content.items() if isinstance(v, Mapping) and _holds_tensors(v)
        ]
        if len(groups) > 1:
            listed = ", ".join(groups[:8])
            message = f"holds several state dicts ({listed}); say which one: --entry {groups[0]}"
            raise InputError.at(path, message)
        if not groups:
            return None
        content = next(v for k, v in content.items() if str(k) == groups[0])
    named = {str(key): value for key, value in content.items()}
    if len(named) < len(content) or not all(isinstance(key, (str, int)) for key in content):
        raise InputError.at(path, "two names are the same, or one is neither text nor a number")
    return _without_prefixes(named)


def _entry(content: Any, name: str, path: Path) -> Any:
    """What stands under a key, at the first depth where any mapping has it."""
    level = [content] if isinstance(content, Mapping) else []
    keys: list[str] = []
    while level:
        for each in level:
            for key, value in each.items():
                if str(key) == name and isinstance(value, Mapping):
                    return value
        inner = [value for each in level for value in each.values() if isinstance(value, Mapping)]
        keys += [str(k) for each in level for k, v in each.items() if isinstance(v, Mapping)]
        level = [each for each in inner if not _holds_tensors(each)]
    raise InputError.at(path, unknown("entry", name, dict.fromkeys(keys)))


def _holds_tensors(content: Mapping[Any, Any]) -> bool:
    from torch import Tensor

    return any(isinstance(value, Tensor) for value in content.values())


def _without_prefixes(named: dict[str, Any]) -> dict[str, Any]:
    """Names as the network itself has them, not as a wrapper around it calls them."""
    for prefix in _PREFIXES:
        rest = [name for name in named if not name.startswith(prefix)]
        if len(rest) < len(named) and set(rest) <= _BESIDE:
            return _without_prefixes({n.removeprefix(prefix): v for n, v in named.items()})
    return named


def _refusal(reason: str) -> str:
    """What torch could not read, without its advice to load the file unsafely."""
    found = re.search(r"GLOBAL ([\w.]+)|global ([\w.]+)|class '([\w.]+)'", reason)
    if found is None:
        return "not a plain torch state dict: it is damaged, or of a kind that is not read"
    what = next(filter(None, found.groups()))
    if what.startswith("numpy"):
        return f"not a plain torch state dict: it holds numpy values ({what}); store tensors alone"
    return (
        f"not a plain torch state dict: it holds a pickled {what}, which only running code can "
        "read; store `model.state_dict()` instead"
    )


def _article(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


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
