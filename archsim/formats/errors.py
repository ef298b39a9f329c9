"""The three ways archsim says no: bad input, a broken invariant, and a deadlock.

`InputError` is about what a person wrote and ends a command with status 2; `CheckFailed` is about
the simulator itself and ends it with status 1. Neither is ever shown as a traceback.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: where (``file:line:column``, a path, a key) and what to do."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class InputError(Exception):
    """Everything wrong with one input; its text has one line a problem."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def at(cls, place: object, message: str) -> "InputError":
        """One problem at one place."""
        return cls(Problem(str(place), message))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)  # so that a worker process can hand it back whole


class CheckFailed(Exception):
    """An invariant that every run checks does not hold: the simulator is at fault."""


class Deadlock(CheckFailed):
    """Nothing can move any more; the message says who waits for whom."""
