"""Processes of our own: what is handed over is kept, whatever becomes of one or of the parent."""

import multiprocessing
import os
import signal
import time

import pytest
from stricken import everything_said, forked, stricken, until, work

from archsim.formats.errors import InputError
from archsim.runs.workers import KILLED, streamed


def all_of(tasks, processes=2):
    """What was handed over, and what then went wrong."""
    found = []
    try:
        found.extend(streamed(work, tasks, processes))
    except Exception as error:
        return found, error
    finally:
        assert not multiprocessing.active_children()
    return found, None


def test_answers_come_as_they_are_finished(tmp_path):
    """The first task waits for the third, which the other process does after the second."""
    made = str(tmp_path / "made")
    found, error = all_of([[1, "wait", 2, made], [3], [4, "make", made]])
    assert error is None
    assert found[-1] == 2
    assert [answer for answer in found if answer > 2] == [3, 4]
    assert sorted(found) == [1, 2, 3, 4]


def test_an_answer_may_be_large():
    found, _ = all_of([[bytes(3 << 20)], [b""]])
    assert sorted(found) == [b"", bytes(3 << 20)]


@pytest.mark.parametrize("end", ["half", "killed"])
def test_one_that_is_killed_ends_the_batch_and_loses_no_other_answer(end, tmp_path):
    made = str(tmp_path / "made")
    found, error = all_of([[1, 2, "wait", end, 9, made], [3, "make", made]])
    assert sorted(found) == [1, 2, 3]
    assert isinstance(error, InputError)
    assert str(error) == f"--jobs: {KILLED}"


def test_one_that_ends_by_itself_says_with_which_status():
    found, error = all_of([[1, "exit"], [2]])
    assert 1 in found
    assert str(error) == ("--jobs: a process could not go on (exit status 3); "
                          "--jobs 1 needs no other")  # fmt: skip


def test_what_a_task_raises_is_raised_here():
    found, error = all_of([[1, "disk"]], 1)
    assert found == [1]
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (28, "a/b")
    assert "in another process" in error.__notes__[0]
    _, error = all_of([["odd"]], 1)
    assert str(error) == "Odd: this and that"
    _, error = all_of([["function"]], 1)
    assert "pickle" in str(error)


def test_leaving_the_loop_ends_all(tmp_path):
    answers = streamed(work, [[1, "wait", str(tmp_path / "never")]] * 2, 2)
    assert next(answers) == 1
    answers.close()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_parent_that_is_killed_takes_its_processes_along(number, tmp_path, monkeypatch):
    """Busy ones too: each would wait for ten minutes."""
    marks = stricken(tmp_path, monkeypatch, "waits")
    child, pipe = forked(lambda: len([*streamed(work, [[1], [2]], 2)]))
    until(lambda: len([*marks.iterdir()]) == 2)
    os.kill(child, number)
    before = time.monotonic()
    everything_said(pipe, 20)
    assert time.monotonic() - before < 20
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -number
