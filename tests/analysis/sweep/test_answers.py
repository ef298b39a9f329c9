"""The file of answers survives whatever ends the process, and says so where it was damaged."""

import os
import resource
import signal
import sqlite3

import pandas as pd
import pytest
from crash_points import killed_after

from archsim.analysis.sweep import answers as answering
from archsim.analysis.sweep.answers import NAME, opened
from archsim.formats.errors import InputError

CASE = ("tiny_sd", "smartdeal", "dram.bytes_per_cycle=8")


def answer(at):
    return {"name": "SmartDeal", "notes": ["x" * 500], "totals": {"cycles": at, "energy_pj": 0.1}}


def keep(folder, *, numbers):
    with opened(folder) as found:
        for at in numbers:
            found.keep(f"hash{at}", CASE, answer(at))


def known(folder):
    with opened(folder) as found:
        return found.known()


def test_what_is_kept_is_there(tmp_path):
    keep(tmp_path, numbers=range(3))
    assert known(tmp_path) == {f"hash{at}": answer(at) for at in range(3)}


def test_pandas_reads_it_in_one_line(tmp_path):
    keep(tmp_path, numbers=[5])
    frame = pd.read_sql("SELECT * FROM points", sqlite3.connect(tmp_path / NAME))
    (row,) = frame.to_dict("records")
    assert (row["workload"], row["arch"], row["settings"]) == CASE
    assert (row["cycles"], row["energy_pj"], row["inputs_hash"]) == (5, 0.1, "hash5")


@pytest.mark.parametrize("step", range(1, 90, 8))
def test_a_process_that_is_killed_within_a_statement_leaves_whole_rows(tmp_path, step):
    """The child kills itself after so many steps of SQLite's machine in the writing of a row."""
    keep(tmp_path, numbers=[0])
    child = os.fork()
    if child == 0:
        with opened(tmp_path) as found:
            left = step

            def count():
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return 0

            found._connection.set_progress_handler(count, 1)
            for at in range(1, 9):
                found.keep(f"hash{at}", CASE, answer(at))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    left = known(tmp_path)
    assert left["hash0"] == answer(0)
    assert left == {f"hash{at}": answer(at) for at in range(len(left))}
    keep(tmp_path, numbers=range(9))
    assert len(known(tmp_path)) == 9


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_process_that_is_killed_as_it_begins_leaves_a_folder_to_begin_in(tmp_path, count):
    killed_after(count, lambda: keep(tmp_path / "new" / "folder", numbers=[1]))
    keep(tmp_path / "new" / "folder", numbers=[2])
    assert "hash2" in known(tmp_path / "new" / "folder")


def test_a_full_disk_costs_no_row_that_was_kept(tmp_path):
    keep(tmp_path, numbers=range(4))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            full = (tmp_path / NAME).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (full, full))
            try:
                keep(tmp_path, numbers=range(4, 200))
            except InputError as error:
                status = 0 if "cannot be read or written" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    left = known(tmp_path)
    assert len(left) >= 4
    assert left == {f"hash{at}": answer(at) for at in range(len(left))}


def test_a_row_that_was_edited_is_left_out_and_said(tmp_path, capsys):
    keep(tmp_path, numbers=range(3))
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(
            "UPDATE answers SET answer = replace(answer, '\"cycles\":1', '\"cycles\":7')"
        )
    assert known(tmp_path) == {"hash0": answer(0), "hash2": answer(2)}
    assert "1 damaged rows are left out" in capsys.readouterr().err


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(InputError, match="another program"):
        keep(tmp_path, numbers=[1])
    assert (tmp_path / NAME).read_bytes() == before
    (tmp_path / NAME).write_text("my notes")
    with pytest.raises(InputError, match="did not write it"):
        keep(tmp_path, numbers=[1])
    assert (tmp_path / NAME).read_text() == "my notes"


@pytest.mark.parametrize("cut", [17, 100, 1000, 5000, 9000])
def test_a_file_that_was_cut_is_told_and_not_begun_anew(tmp_path, cut):
    keep(tmp_path, numbers=range(20))
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:cut])
    with pytest.raises(InputError, match="delete it"):
        keep(tmp_path, numbers=[99])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told(tmp_path, in_time, make):
    make(tmp_path / NAME)
    with pytest.raises(InputError, match="is no file"):
        keep(tmp_path, numbers=[1])


def test_another_layout_is_told(tmp_path, monkeypatch):
    keep(tmp_path, numbers=[1])
    monkeypatch.setattr(answering, "LAYOUT", 2)
    with pytest.raises(InputError, match="another version of archsim"):
        keep(tmp_path, numbers=[2])
