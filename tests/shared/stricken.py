"""What befalls worker processes: functions that they are given to do, and a module that makes any
of them die or wait before its first task. Site imports it: it stands first on the path of a child.
"""

import os
import select
import signal
import time
from pathlib import Path

HALF = (1 << 20).to_bytes(4, "big") + bytes(100_000)
"""The first tenth of a message of a mebibyte, and more than a pipe holds."""
SITE = """
import os, signal, sys, time
from multiprocessing.connection import Connection

def dies(pipe):
    mark()
    left = memoryview((1 << 20).to_bytes(4, "big") + bytes(100_000))
    while left:
        left = left[os.write(pipe.fileno(), left):]
    os.kill(os.getpid(), signal.SIGKILL)

def waits(pipe):
    mark()
    time.sleep(600)

def mark():
    open(os.path.join(os.environ["MARKS"], str(os.getpid())), "w").close()

if "--multiprocessing-fork" in sys.orig_argv:
    Connection.recv = {"dies": dies, "waits": waits}[os.environ["FATE"]]
"""


def stricken(folder, monkeypatch, fate):
    """Have every worker that starts from now on die in the middle of an answer, or wait without
    end; the folder in which each leaves a file by its number."""
    site, marks = folder / "site", folder / "marks"
    for made in (site, marks):
        made.mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    for name, value in (("PYTHONPATH", path), ("MARKS", str(marks)), ("FATE", fate)):
        monkeypatch.setenv(name, value)
    return marks


def forked(work):
    """The number of a child that does `work` and ends with its status, and the end of a pipe that
    is all its standard output and error."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for number in (1, 2):
                os.dup2(theirs, number)
            os.close(ours)
            import sys

            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            status = work()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    os.close(theirs)
    return child, ours


def everything_said(pipe, seconds):
    """What comes out of a pipe until the last process that holds it has ended."""
    said, deadline = b"", time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        assert left > 0, f"a process still holds standard output; said so far: {said.decode()}"
        if select.select([pipe], [], [], left)[0]:
            if not (part := os.read(pipe, 1 << 16)):
                os.close(pipe)
                return said.decode()
            said += part


def until(there, seconds=60):
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Odd(Exception):
    """Cannot be made from its text alone, so that it cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def work(task):
    """Yields what a task holds; a word among it is something that happens."""
    for item in task:
        if item == "wait":
            until(Path(task[-1]).exists)
        elif item == "make":
            Path(task[-1]).touch()
        elif item == "half":
            _half()
        elif item == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif item == "exit":
            os._exit(3)
        elif item == "odd":
            raise Odd("this", "that")
        elif item == "disk":
            raise OSError(28, "No space left on device", "a/b")
        elif item == "function":
            yield lambda: None
        elif not isinstance(item, str):
            yield item


def _half():
    """Hand over a part of an answer and be killed."""
    from multiprocessing.connection import Connection

    def send(pipe, message):
        left = memoryview(HALF)
        while left:
            left = left[os.write(pipe.fileno(), left) :]
        os.kill(os.getpid(), signal.SIGKILL)

    Connection.send = send
