"""What torch.save wrote: a state dict, found wherever a training script put it.

Nothing that a file holds is run: torch's own reader builds tensors and plain containers alone
(``weights_only``), which may still be huge, twisted into themselves or dressed as something else.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from archsim.formats import console, tensor_record, unpacked
from archsim.formats.errors import InputError, Problem
from archsim.formats.regular import open_input
from archsim.formats.source import unknown

Tensors = dict[str, tensor_record.Tensor]

_NESTED = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params",
    "weights", "state_dict_ema", "model_ema", "ema",
)  # fmt: skip
"""Where a training script keeps the weights, the first that is there before the others."""
_PREFIXES = ("module.", "_orig_mod.")  # DataParallel's and torch.compile's
_DEEPEST = 3  # mappings around a state dict
_CALLS = (b"builtin__\nbytearray\n", b"builtins\nbytearray\n")  # as a pickle names it
_BESIDE = {"n_averaged"}  # a count that torch's AveragedModel keeps beside `module.`


def torch_state(path: Path, entry: str | None = None) -> Tensors:
    """Read what torch.save wrote: named tensors, alone or in one entry of a training script's."""
    import torch

    stored = _check_unread(path)
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
    claimed, tensors = 0, {}
    for name, given in found.items():
        place = f"{path}: {name}"
        if problem := _unlike_an_array(given):
            raise InputError.at(place, problem)
        # A file may give a tensor attributes with the names of its methods; its plain form has none
        value = torch.Tensor.as_subclass(given, torch.Tensor)
        claimed += value.numel() * value.element_size()
        unpacked.check(claimed, stored, place)  # an expanded tensor stores one number of many
        tensors[name] = from_torch(value, place)
    return tensors


def _check_unread(path: Path) -> int:
    """Return the bytes of a file once it is known that reading it takes no more than it may.

    torch.save compresses nothing, so an archive that unpacks to much more is somebody's trap, and
    so is a call for a `bytearray` of any length, which torch's reader would make.
    """
    try:
        with open_input(path) as file:
            stored = file.seek(0, 2)
            file.seek(0)
            pickles = _pickles(file, stored, path)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, ValueError, RuntimeError) as error:
        raise InputError.at(path, _refusal(str(error))) from error
    if any(call in pickles for call in _CALLS):
        raise InputError.at(path, _refusal("GLOBAL builtins.bytearray"))
    return stored


def _pickles(file: BinaryIO, stored: int, path: Path) -> bytes:
    """What torch unpickles: a part of a zip archive, or all of an older file."""
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return file.read()
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        unpacked.check(sum(member.file_size for member in members), stored, path)
        wanted = [member for member in members if member.filename.endswith(".pkl")]
        return b"".join(map(archive.read, wanted))


def from_torch(value: Any, place: object = "tensor") -> tensor_record.Tensor:
    """Return a torch tensor in file form; bfloat16 keeps its bits.

    Raises:
        InputError: it is sparse, quantised, without values or of a type that is not read.
    """
    import torch

    if problem := _unlike_an_array(value):
        raise InputError.at(place, problem)
    try:
        value = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        if value.dtype == torch.bfloat16:
            bits = value.view(torch.int16).numpy().tobytes()
            return tensor_record.Tensor(dtype="BF16", shape=tuple(value.shape), data=bits)
        return tensor_record.from_array(value.numpy())
    except (TypeError, ValueError, RuntimeError, InputError) as error:
        what = str(value.dtype).removeprefix("torch.")
        raise InputError.at(place, f"is of type {what}, which is not read here") from error


def _unlike_an_array(value: Any) -> str | None:
    """Return why a tensor is no plain array of numbers, and what to store instead."""
    import torch

    if value.is_meta:
        return "is a meta tensor: it has a shape and no values"
    if value.is_nested:
        return "is a nested tensor; store its parts"
    if value.layout != torch.strided:
        return "is a sparse tensor; store its to_dense()"
    if value.is_quantized:
        return "is a quantised tensor; store its dequantize()"
    return None


def _state(content: Any, path: Path, seen: tuple[int, ...] = ()) -> dict[str, Any] | None:
    """The named tensors in what a file holds: itself, or the first of `_NESTED` that has them.

    Args:
        seen: the mappings around it, which it may hold again.
    """
    if not isinstance(content, Mapping) or id(content) in seen or len(seen) > _DEEPEST:
        return None
    inside = (*seen, id(content))
    if not _holds_tensors(content):
        usual = {key: _state(content[key], path, inside) for key in _NESTED if key in content}
        there = {key: inner for key, inner in usual.items() if inner is not None}
        if there:
            usual_one, *others = there
            if others:
                held = " and ".join(others)
                console.note(f"{path}: {usual_one} is read; it holds {held} too (--entry NAME)")
            return there[usual_one]
        groups = [
            _text(k) for k, v in content.items() if isinstance(v, Mapping) and _holds_tensors(v)
        ]
        if len(groups) > 1:
            listed = ", ".join(groups[:8])
            message = f"holds several state dicts ({listed}); say which one: --entry {groups[0]}"
            raise InputError.at(path, message)
        if not groups:
            return None
        content = next(v for k, v in content.items() if _text(k) == groups[0])
    named = {_text(key): value for key, value in content.items()}
    if len(named) < len(content) or not all(isinstance(key, (str, int)) for key in content):
        raise InputError.at(path, "two names are the same, or one is neither text nor a number")
    return _without_prefixes(named)


def _entry(content: Any, name: str, path: Path) -> Any:
    """What stands under a key, at the first depth where any mapping has it."""
    level = [content] if isinstance(content, Mapping) else []
    keys: list[str] = []
    seen: set[int] = set()  # a mapping may stand in several places, in itself too
    while level:
        inner: list[Mapping[Any, Any]] = []
        for each in level:
            for key, value in each.items():
                if not isinstance(value, Mapping):
                    continue
                if _text(key) == name:
                    return value
                keys.append(_text(key))
                if id(value) not in seen and not _holds_tensors(value):
                    inner.append(value)
                seen.add(id(value))
        level = inner
    raise InputError.at(path, unknown("entry", name, dict.fromkeys(keys)))


def _text(key: Any) -> str:
    """A key as text; those that are neither text nor a number of usual size are told alike."""
    if isinstance(key, str):
        return key
    return str(key) if isinstance(key, int) and abs(key) < 2**63 else _article(key)


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
