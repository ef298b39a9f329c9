"""How a command line can end: its exit status, and lines that begin with the program's name."""

import os
import signal
import time

import pytest
import typer

from archsim.formats import console
from archsim.formats.errors import CheckFailed, InputError, Problem
from archsim.formats.interrupts import finishing, interruptible
from archsim.formats.program import BAD_INPUT, DONE, FAILED, Program, application, run


def program(error: BaseException | None = None, **told: str) -> Program:
    app = application("tool")

    @app.command()
    def work() -> None:
        if error:
            raise error
        console.say("done")

    @app.callback()
    def tool() -> None: ...

    return Program(name="tool", app=app, **told)


FAULT = "this is a fault of tool, not of its input; TOOL_DEBUG=1 shows where it happened"


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (InputError.at("a.yaml:3:1", "is wrong"), BAD_INPUT, ["a.yaml:3:1: is wrong"]),
        (CheckFailed("bytes differ"), FAILED, ["a check failed: bytes differ"]),
        (KeyboardInterrupt(), BAD_INPUT, ["interrupted; what was finished is kept"]),
        (MemoryError(), BAD_INPUT,
         ["out of memory: what was asked for is too large for this computer"]),
        (KeyError("x"), FAILED, ["internal error: KeyError: 'x'", FAULT]),
        (ModuleNotFoundError("", name="x"), FAILED, ["internal error: ModuleNotFoundError: ",
                                                     FAULT]),
    ],
)  # fmt: skip
def test_what_went_wrong(error, status, lines, capsys) -> None:
    assert run(program(error), ["work"]) == status
    said = capsys.readouterr()
    assert [line.rstrip() for line in said.err.splitlines()] == [
        f"tool: {line}".rstrip() for line in lines
    ]
    assert not said.out


def test_a_command_that_is_done_says_nothing_else(capsys) -> None:
    assert run(program(), ["work"]) == DONE
    assert capsys.readouterr() == ("done\n", "")


def test_a_missing_package_is_named_with_its_extra(capsys) -> None:
    error = ModuleNotFoundError("no torch", name="torch")
    assert run(program(error, extra="tool[torch]"), ["work"]) == BAD_INPUT
    said = "tool: torch is not installed: pip install 'tool[torch]'\n"
    assert capsys.readouterr().err == said


def test_many_problems_are_cut(capsys) -> None:
    error = InputError(Problem(f"a:{line}", "is wrong") for line in range(23))
    assert run(program(error, all_problems="tool validate lists them all"), ["work"]) == BAD_INPUT
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "tool: and 3 more; tool validate lists them all"


def test_a_wrong_command_line_is_corrected(capsys) -> None:
    assert run(program(), ["play"]) == BAD_INPUT
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("tool: No such command 'play'")
    assert second == "Try 'tool --help' or 'tool COMMAND --help'."


def test_debugging_shows_where_it_happened(monkeypatch) -> None:
    monkeypatch.setenv("TOOL_DEBUG", "1")
    with pytest.raises(KeyError):
        run(program(KeyError("x")), ["work"])


def test_an_exit_status_of_a_command_is_kept() -> None:
    assert run(program(typer.Exit(1)), ["work"]) == FAILED


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_that_ask_for_the_end_are_one_interruption(name, capsys) -> None:
    """Twice at once, as `timeout` sends them."""
    number = getattr(signal, name)
    app, put_away = application("tool"), []

    @app.command()
    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            os.kill(os.getpid(), number)
            put_away.append(True)

    @app.callback()
    def tool() -> None: ...

    before = signal.getsignal(number)
    assert run(Program(name="tool", app=app), ["work"]) == BAD_INPUT
    assert capsys.readouterr().err == "tool: interrupted; what was finished is kept\n"
    assert put_away
    assert signal.getsignal(number) is before


def test_an_interruption_that_a_library_made_an_error_of_is_one(capsys) -> None:
    """pydantic wraps what ends its building of a model into an error of its own."""
    app = application("tool")

    @app.command()
    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except KeyboardInterrupt as error:
            raise ValueError("a schema is wrong: KeyboardInterrupt") from error

    @app.callback()
    def tool() -> None: ...

    assert run(Program(name="tool", app=app), ["work"]) == BAD_INPUT
    assert capsys.readouterr().err == "tool: interrupted; what was finished is kept\n"
    # What a later command gets wrong is its own fault again.
    assert run(program(ValueError("x")), ["work"]) == FAILED
    assert "internal error: ValueError: x" in capsys.readouterr().err


def test_an_interruption_waits_for_what_is_being_finished() -> None:
    done = []

    def work() -> None:
        with finishing():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append(1)
        done.append(2)

    with interruptible(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
