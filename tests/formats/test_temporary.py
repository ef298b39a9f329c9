"""Files that are being written: no two processes meet, and what nobody will finish goes away."""

import os
import subprocess
import sys
import time

from archsim.formats.files import write_atomically
from archsim.formats.temporary import STALE_SECONDS, sweep, temporary_beside


def test_a_thousand_names_are_a_thousand_and_hold_more_than_the_process(tmp_path):
    path = tmp_path / "result.json"
    names = {temporary_beside(path).name for _ in range(1000)}
    assert len(names) == 1000
    # What two containers share: the process id, and the host name where someone sets it.
    assert len({name.rpartition("-")[2] for name in names}) == 1000
    assert {temporary_beside(path).parent for _ in range(2)} == {tmp_path}


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path):
    path = tmp_path / ("x" * 250 + ".json")
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_only_our_own_files_that_are_older_than_a_day_are_removed(tmp_path):
    now = time.time()
    old, young = temporary_beside(tmp_path / "a"), temporary_beside(tmp_path / "a")
    theirs = tmp_path / ".notes.tmp"
    for path, age in ((old, 1), (young, -1), (theirs, 1000)):
        path.write_bytes(b"half")
        os.utime(path, (now, now - STALE_SECONDS - age))
    link = temporary_beside(tmp_path / "a")
    link.symlink_to(theirs)
    sweep(tmp_path, now)
    assert {path.name for path in tmp_path.iterdir()} == {young.name, theirs.name, link.name}


def test_a_process_that_writes_into_a_folder_removes_stale_files(tmp_path):
    stale = temporary_beside(tmp_path / "a")
    stale.write_bytes(b"half")
    os.utime(stale, (0, 0))
    code = "import sys, pathlib; from archsim.formats.files import write_atomically as w; "
    code += "w(pathlib.Path(sys.argv[1]) / 'new', b'whole')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_processes_that_share_a_folder_and_a_file_never_meet(tmp_path):
    code = (
        "import sys, pathlib; from archsim.formats.files import write_atomically as w\n"
        "for _ in range(60): w(pathlib.Path(sys.argv[1]), sys.argv[2].encode() * 50_000)"
    )
    path = tmp_path / "result"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), letter]) for letter in "ab"]
    assert [each.wait() for each in running] == [0, 0]
    assert path.read_bytes() in {b"a" * 50_000, b"b" * 50_000}
    assert [each.name for each in tmp_path.iterdir()] == ["result"]
