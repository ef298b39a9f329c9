"""Checkpoints run nothing: neither what a pickle calls, nor what torch itself would let it call."""

import io
import resource
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch._weights_only_unpickler import _get_allowed_globals  # noqa: E402

import sdalgo  # noqa: E402
from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.torch_files import torch_state  # noqa: E402


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def by_hand(path, call, size):
    """{"a": CALL(SIZE)} in protocol 2."""
    module, _, name = call.rpartition(".")
    text = b"\x80\x02}X\x01\x00\x00\x00a" + f"c{module}\n{name}\n".encode() + b"\x8a\x08"
    text += size.to_bytes(8, "little", signed=True) + b"\x85Rs."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", text)
        archive.writestr("archive/version", b"3\n")


@pytest.mark.parametrize("call", [
    (open, "ran", "w"), (eval, "open('ran', 'w')"), (exec, "open('ran', 'w')"),
    (print, "ran"), (io.FileIO, "ran", "w"), (getattr, "a", "upper"),
])  # fmt: skip
@pytest.mark.parametrize("zipped", [True, False])
def test_a_call_in_a_pickle_is_refused_and_not_made(call, zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"w": torch.ones(2), "x": Calls(*call)}
    torch.save(content, "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"w\.pth: not a plain torch state dict"):
        torch_state(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def test_nothing_of_ours_is_added_to_what_torch_allows():
    for allowed in torch.serialization.get_safe_globals():
        assert allowed.__module__.split(".")[0] == "torch"
    for path in Path(sdalgo.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "safe_globals" not in text
        assert text.count("torch.load(") == text.count("weights_only=True"), path


@pytest.mark.parametrize("size", [10**9, 2**40])
def test_what_torch_allows_takes_no_memory(size, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for call in sorted(_get_allowed_globals()):
        by_hand(tmp_path / "w.pth", call, size)
        with pytest.raises(InputError, match=r"w\.pth"):
            torch_state(tmp_path / "w.pth")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300
