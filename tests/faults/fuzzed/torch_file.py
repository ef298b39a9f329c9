"""torch.save's files: pickles changed in their archive, whole archives, and tensors of all kinds.

A pickle is also written by hand, as no honest program writes it: containers that hold themselves,
calls of everything that torch's reader lets a file call, with sizes that nobody has.
"""

import io
import warnings
import zipfile
from collections import OrderedDict

import torch
from byte_mutants import bytes_mutant

from sdalgo.torch_files import torch_state

SUFFIX = ".pth"
SIZES = (0, 1, -1, 255, 2**31 - 1)


def seeds():
    weight = torch.arange(12.0).reshape(3, 4)
    state = OrderedDict({"fc.weight": weight, "fc.bias": torch.zeros(3), "t": weight.T})
    twisted = {"model": {}}
    twisted["model"]["model"] = twisted
    contents = [
        state, {"state_dict": state, "epoch": 3}, {"model": {"state_dict": state}}, twisted,
        {"a": weight.half(), "b": weight.bfloat16(), "c": weight.to_sparse()},
        {"a": torch.zeros(1).expand(2**40), "b": weight.to("meta")},
        {"a": torch.nn.Parameter(weight), 3: weight, (1, 2): weight},
        {"a": _quantised(weight), "n": 10**4400},
        {"a": weight.to(torch.complex64).conj(), "b": torch.zeros(3, dtype=torch.bool)},
    ]  # fmt: skip
    return [_saved(c, zipped) for c in contents for zipped in (True, False)]


def mutate(rng, seed):
    if rng.random() < 0.1:
        return _archive({"archive/data.pkl": _by_hand(rng), "archive/version": b"3\n"})
    if rng.random() < 0.3 or not zipfile.is_zipfile(io.BytesIO(seed)):
        return bytes_mutant(rng, seed)
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    name = rng.choice((name, name, rng.choice([*members])))
    members[name] = bytes_mutant(rng, members[name])
    return _archive(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def check(path):
    torch_state(path)


def _quantised(weight):
    with warnings.catch_warnings(action="ignore"):  # torch calls them deprecated; files have them
        return torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8)


def _by_hand(rng):
    """{"a": CALL(SIZE)} in protocol 2, for a call that torch allows."""
    from torch._weights_only_unpickler import _get_allowed_globals

    module, _, name = rng.choice(sorted(_get_allowed_globals())).rpartition(".")
    size = rng.choice(SIZES)
    return (
        b"\x80\x02}X\x01\x00\x00\x00a" + f"c{module}\n{name}\n".encode()
        + b"J" + size.to_bytes(4, "little", signed=True) + rng.choice((b"", b"]", b"J\1\0\0\0"))
        + rng.choice((b"\x85R", b"\x86R", b"\x85\x81")) + b"s."
    )  # fmt: skip


def _saved(content, zipped):
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _archive(members, kind=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()
