"""Processes of our own: they take tasks and hand over answers one by one.

Each has a pipe that no other process holds, and no lock or queue is shared: half an answer of one
that was killed ends its own pipe, which the parent sees at once. A process that has lost its parent
ends itself, whatever ended the parent.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, TypeVar

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.interrupts import ENDING
from archsim.formats.lifeline import end_after
from archsim.formats.streams import warnings_as_lines

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Answer = TypeVar("Answer")
KILLED = "a process was killed, by hand or for want of memory; fewer processes need less of it"
PATIENCE_SECONDS = 2.0
"""How long a process may take to end when there is nothing left to do."""
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Linear algebra brings its own threads; processes already share out the cores."""


def streamed(
    work: Callable[[Task], Iterable[Answer]], tasks: Sequence[Task], processes: int
) -> Iterator[Answer]:
    """The answers that `work` gives to all tasks, as they come.

    Tasks begin in their order. `work` is a function of a module, and tasks and answers can be
    pickled. Whatever ends the loop ends all processes; what they had handed over before one of them
    failed comes first.

    Raises:
        InputError: a process was killed, or could not begin.
        Exception: what `work` raised.
    """
    with crew(processes) as ours:
        yield from ours.streamed(work, tasks)


@contextmanager
def crew(processes: int) -> Iterator[Crew]:
    """Up to so many processes, each started when there is a task for it; none is left behind."""
    ours = Crew(processes)
    try:
        yield ours
    finally:
        ours.end()


@dataclass(frozen=True)
class _Answered:
    value: Any


@dataclass(frozen=True)
class _Done:
    """Nothing more comes of the task."""


@dataclass(frozen=True)
class _Failed:
    """What went wrong: a pickled exception, and its name and text where it cannot be unpickled."""

    pickled: bytes
    text: str

    @classmethod
    def of(cls, error: Exception) -> _Failed:
        error.add_note(f"in another process:\n{traceback.format_exc()}")
        text = f"{type(error).__name__}: {error}"
        try:
            return cls(pickle.dumps(error), text)
        except Exception:
            return cls(b"", text)

    def error(self) -> Exception:
        """The exception, or another that says the same."""
        with suppress(Exception):  # its class may exist in that process alone
            error = pickle.loads(self.pickled)
            if isinstance(error, Exception):
                return error
        return RuntimeError(self.text)


@dataclass
class Crew:
    """Processes that stay for further tasks, by their pipes; `at_work` are those that have one."""

    most: int
    waiting: deque[tuple[Any, Any]] = field(default_factory=deque)
    processes: dict[Connection, BaseProcess] = field(default_factory=dict)
    at_work: set[Connection] = field(default_factory=set)

    def streamed(
        self, work: Callable[[Task], Iterable[Answer]], tasks: Iterable[Task]
    ) -> Iterator[Answer]:
        """As the function of that name, by these processes. A loop that is left early ends them."""
        self.waiting.extend((work, task) for task in tasks)
        finished = False
        try:
            for pipe in self.processes:
                with suppress(OSError):  # it has died; its pipe says so when it is read
                    self._next(pipe)
            while self.waiting and len(self.processes) < self.most:
                self._hire()
            yield from self._answers()
            finished = True
        finally:
            if not finished:
                self.end()

    def _hire(self) -> None:
        """Start another process, on the next task."""
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        process = context.Process(target=_work_on, args=(theirs,), daemon=True)
        try:
            with _one_thread_each(), _signals_later():
                process.start()
                self.processes[pipe] = process
        finally:
            theirs.close()  # the end of the process must be the end of the pipe
        # Tasks travel by this pipe: `start` would wait without end for one that dies too early.
        with suppress(OSError):  # it has died; its pipe says so when it is read
            self._next(pipe)

    def _answers(self) -> Iterator[Any]:
        """Everything that is handed over, until the tasks are done."""
        while self.at_work:
            # Also of those without a task: what kills one of them may be after the others next.
            for pipe in wait([*self.processes]):
                message = self._received(pipe) if self.at_work else None
                if isinstance(message, _Answered):
                    yield message.value
                elif isinstance(message, Exception):
                    yield from self._handed_over()
                    raise message

    def end(self) -> None:
        """Leave no process behind."""
        for pipe, process in self.processes.items():
            if self.at_work:
                process.kill()
            pipe.close()
        for process in self.processes.values():
            process.join(PATIENCE_SECONDS)
            if process.exitcode is None:
                process.kill()
                process.join()
        self.processes.clear()

    def _received(self, pipe: Any) -> _Answered | Exception | None:
        """What a process says; the next task for one that is done."""
        try:
            message = pipe.recv()
            if isinstance(message, _Done):
                self._next(pipe)
        except (EOFError, OSError):
            return _death(self.processes[pipe])
        if isinstance(message, _Failed):
            return message.error()
        return message if isinstance(message, _Answered) else None

    def _next(self, pipe: Connection) -> None:
        self.at_work.discard(pipe)
        if self.waiting:
            self.at_work.add(pipe)
            pipe.send(self.waiting.popleft())

    def _handed_over(self) -> Iterator[Any]:
        """Answers that lie in the pipes."""
        for pipe in self.processes:
            with suppress(EOFError, OSError):
                while pipe.poll():
                    message = pipe.recv()
                    if isinstance(message, _Answered):
                        yield message.value


def _death(process: BaseProcess) -> InputError:
    """Why a process has gone."""
    process.join(PATIENCE_SECONDS)
    status = process.exitcode
    if status is not None and status > 0:
        message = f"a process could not go on (exit status {status}); --jobs 1 needs no other"
        return InputError.at("--jobs", message)
    return InputError.at("--jobs", KILLED)


def _work_on(pipe: Connection) -> None:
    """The life of a process: tasks, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; it is the parent's to handle
    _take_signals()
    end_after(_parent_is_gone)
    with suppress(EOFError), warnings_as_lines(lambda line: console.complain([line])):
        while True:
            work, task = pipe.recv()
            last: _Done | _Failed = _Done()
            try:
                for answer in work(task):
                    _hand_over(pipe, _Answered(answer))
            except Exception as error:
                last = _Failed.of(error)
            _hand_over(pipe, last)


def _hand_over(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except OSError:  # nobody listens any more
        os._exit(1)


def _parent_is_gone() -> None:
    """Wait for the parent's end, which also closes the pipe that it began this process by."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold back what interrupts: a new process has no handlers yet, and would end in a traceback.

    It inherits what is held back, until `_take_signals`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start lets signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _take_signals() -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
