"""The frame of a command line: what it did or what went wrong, as an exit status and a few lines.

0 done, 1 a fault of the program or a check of it that failed, 2 bad input, bad usage or an
interruption. What a user typed never ends in a traceback; NAME_DEBUG=1 shows it.
"""

import errno
import functools
import os
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import typer

from archsim.formats import console
from archsim.formats.errors import CheckFailed, InputError
from archsim.formats.interrupts import interrupted, interruptible
from archsim.formats.regular import inputs_kept
from archsim.formats.streams import lenient, warnings_as_lines
from archsim.version import VERSION

DONE, FAILED, BAD_INPUT = 0, 1, 2
SHOWN_PROBLEMS = 20  # a file of another format is wrong in every line
_INTERRUPTED_IN_TYPER = 130  # what typer turns a Ctrl-C into


def application(name: str) -> typer.Typer:
    """An application without commands yet; it can complete its words in the shell."""
    return typer.Typer(
        name=name,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def version_option(name: str) -> Any:
    """The option --version of an application."""

    def say(wanted: bool) -> None:
        if wanted:
            console.say(f"{name} {VERSION}")
            raise typer.Exit

    return typer.Option("--version", callback=say, is_eager=True, help="Print the version.")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command by its name.

    `extra` is the part of the installation that a missing package belongs to, and `all_problems`
    says where they are told when there are too many to show; empty where there is no such thing.
    """

    name: str
    app: typer.Typer
    extra: str = ""
    all_problems: str = ""

    @property
    def debug(self) -> str:
        """The environment variable that shows the traceback."""
        return f"{self.name.upper()}_DEBUG"


def run(program: Program, arguments: Sequence[str] | None) -> int:
    """Run one command line; the exit status. None means the arguments of the process."""
    # Figures go to files only, and a name that matplotlib does not know stops its import.
    os.environ["MPLBACKEND"] = "Agg"
    console.speak_as(program.name)
    with lenient() as output, warnings_as_lines(lambda line: console.complain([line])):
        status = _status(program, None if arguments is None else list(arguments))
        output.flush()
        if output.lost:
            console.complain([f"standard output: cannot be written: {output.lost}"])
            status = status or BAD_INPUT
    return status


def _status(program: Program, arguments: list[str] | None) -> int:
    """Run one command line and say what went wrong."""
    try:
        # What a command sets for itself ends with its context.
        with inputs_kept(), interruptible():
            status = copy_context().run(_done, program, arguments)
    except Exception as error:
        if os.environ.get(program.debug):
            raise
        status = _INTERRUPTED_IN_TYPER if interrupted() else _explain(error, program)
    except KeyboardInterrupt:
        status = _INTERRUPTED_IN_TYPER
    if status == _INTERRUPTED_IN_TYPER:
        console.complain(["interrupted; what was finished is kept"])
        status = BAD_INPUT
    return int(status)


def _done(program: Program, args: list[str] | None) -> int:
    return _command(program.app)(args, prog_name=program.name, standalone_mode=False) or DONE


_command = functools.cache(typer.main.get_command)
"""The command of an application: made of all signatures, once for all lines that a process runs."""


def _explain(error: Exception, program: Program) -> int:
    """Say in a few lines what is wrong; the exit status that goes with it."""
    if isinstance(error, typer.TyperException):
        _correct(error.format_message(), program.name)
        return BAD_INPUT
    console.complain(_lines(error, program))
    missing = isinstance(error, ModuleNotFoundError) and program.extra
    return BAD_INPUT if missing or isinstance(error, InputError) or _outside(error) else FAILED


def _outside(error: Exception) -> str:
    """What the computer refused: memory, a write to a full disk, a name that its encoding lacks.
    Empty for an error of another kind."""
    if isinstance(error, MemoryError):
        return "out of memory: what was asked for is too large for this computer"
    if isinstance(error, UnicodeEncodeError):
        lacking = f"this system's encoding, {error.encoding}, lacks a character of it"
        return f"{error.object!a}: {lacking}; LC_ALL=C.UTF-8 sets another"
    if isinstance(error, Warning):
        asked = "PYTHONWARNINGS or -W makes errors of Python's warnings"
        return f"{type(error).__name__}: {' '.join(str(error).split())}; {asked}"
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return "too many open files: `ulimit -n 1024` allows more, --jobs 1 needs fewer"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'input or output'}: {error.strerror}"
    return ""


def _correct(message: str, name: str) -> None:
    """Say how a command line is wrong."""
    if message.startswith("Usage:"):  # nothing was asked for: the help is the answer
        console.note(message)
        return
    console.complain([message])
    console.note(f"Try '{name} --help' or '{name} COMMAND --help'.")


def _lines(error: Exception, program: Program) -> list[object]:
    if isinstance(error, InputError):
        shown, rest = error.problems[:SHOWN_PROBLEMS], error.problems[SHOWN_PROBLEMS:]
        more = "; ".join(filter(None, (f"and {len(rest)} more", program.all_problems)))
        return [*shown, more] if rest else [*shown]
    if isinstance(error, CheckFailed):
        return [f"a check failed: {error}"]
    if isinstance(error, ModuleNotFoundError) and program.extra:
        return [f"{error.name} is not installed: pip install '{program.extra}'"]
    if outside := _outside(error):
        return [outside]
    return [
        f"internal error: {type(error).__name__}: {error}",
        f"this is a fault of {program.name}, not of its input; "
        f"{program.debug}=1 shows where it happened",
    ]
