"""The `archsim` command: which subcommands there are, and what the exit status is.

0 done, 1 a check of the simulator failed, 2 bad input, bad usage or an interruption. What a user
typed never ends in a traceback; ARCHSIM_DEBUG=1 shows it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from archsim.cli import (
    ablate,
    breakdown,
    compare,
    draw,
    explain,
    listing,
    paper,
    plot,
    run,
    schema,
    validate,
)
from archsim.formats import console
from archsim.formats.errors import CheckFailed, InputError
from archsim.version import VERSION

DONE, CHECK_FAILED, BAD_INPUT = 0, 1, 2
SHOWN_PROBLEMS = 20  # a file of another format is wrong in every line
INTERRUPTED_IN_TYPER = 130  # what typer turns a Ctrl-C into

app = typer.Typer(
    name="archsim",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.command("breakdown")(breakdown.breakdown)
app.command("ablate")(ablate.ablate)
app.command("paper")(paper.paper)
app.command("validate")(validate.validate)
app.add_typer(listing.app, name="list")
app.command("draw")(draw.draw)
app.command("plot")(plot.plot)
app.command("schema")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        console.say(f"archsim {VERSION}")
        raise typer.Exit


@app.callback()
def archsim(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Simulate neural networks on accelerators described in YAML.

    \b
    Examples:
      archsim run --workload resnet50_sd
      archsim run --workload resnet50_sd --arch smartdeal --set pe_slices.lines=8
      archsim validate archs/smartdeal.yaml
      archsim COMMAND --help
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit status. `arguments` defaults to those of the process."""
    try:
        status = _run(arguments)
    except Exception as error:
        if os.environ.get("ARCHSIM_DEBUG"):
            raise
        status = _explain(error)
    except KeyboardInterrupt:
        status = INTERRUPTED_IN_TYPER
    if status == INTERRUPTED_IN_TYPER:
        console.complain(["interrupted"])
        status = BAD_INPUT
    console.flush()
    return status


def _run(arguments: Sequence[str] | None) -> int:
    args = None if arguments is None else list(arguments)
    return app(args, prog_name="archsim", standalone_mode=False) or DONE


def _explain(error: Exception) -> int:
    """Say in a few lines what is wrong; the exit status that goes with it."""
    if isinstance(error, typer.TyperException):
        message = error.format_message()
        if message.startswith("Usage:"):  # nothing was asked for: the help is the answer
            console.note(message)
            return BAD_INPUT
        console.complain([message])
        console.note("Try 'archsim --help' or 'archsim COMMAND --help'.")
        return BAD_INPUT
    if isinstance(error, InputError):
        console.complain(error.problems, SHOWN_PROBLEMS)
        return BAD_INPUT
    if isinstance(error, CheckFailed):
        console.complain([f"a check failed: {error}"])
        return CHECK_FAILED
    if isinstance(error, MemoryError):
        console.complain(["out of memory: the network or a machine is too large for this computer"])
        return BAD_INPUT
    console.complain(
        [
            f"internal error: {type(error).__name__}: {error}",
            "this is a fault of archsim, not of its input; ARCHSIM_DEBUG=1 shows where it happened",
        ]
    )
    sys.stderr.flush()
    return CHECK_FAILED
