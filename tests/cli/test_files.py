"""Whatever happens half way, a reader sees the old file or the new one."""

import os
import stat
import subprocess
import sys

import pytest

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically

# The kernel cuts the write at 4 kB, as a full disk would.
CUT_SHORT = """
import pathlib, resource, signal, sys
from archsim.formats.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
write_atomically(pathlib.Path(sys.argv[1]), b"n" * 100_000)
"""


def test_folders_are_made_and_content_replaced(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.json"]


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "b.json"
    write_atomically(path, b"old")
    done = subprocess.run(
        [sys.executable, "-c", CUT_SHORT, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1].endswith("b.json: cannot be written: File too large")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["b.json"]


def test_an_error_after_opening_leaves_the_old_file(tmp_path):
    path = tmp_path / "b.json"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text, which a binary file refuses after it was opened")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["b.json"]


def test_a_folder_in_place_of_the_file_is_a_clear_error_and_leaves_nothing(tmp_path):
    (tmp_path / "b.json").mkdir()
    with pytest.raises(InputError, match=r"b\.json: cannot be written: Is a directory"):
        write_atomically(tmp_path / "b.json", b"new")
    assert os.listdir(tmp_path) == ["b.json"]


def test_a_file_in_place_of_the_folder_is_a_clear_error(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: (Not a directory|File exists)"):
        write_atomically(tmp_path / "results" / "x" / "b.json", b"new")


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1
