"""Memory that is free goes back, and a C library that cannot is no error."""

import ctypes
import types
from pathlib import Path

import numpy as np
import pytest

from sdalgo import freed_memory


def resident():
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_freed_blocks_go_back():
    # Blocks of the heap, with one in use at its end, which keeps what lies before it there.
    blocks = [np.ones(8_000) for _ in range(1_500)]
    last = np.ones(8_000)
    del blocks
    before = resident()
    freed_memory.give_back()
    assert resident() < before - 40_000_000
    assert last.sum() == 8_000


def test_a_library_without_it_is_no_error(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: types.SimpleNamespace())
    freed_memory.give_back()
