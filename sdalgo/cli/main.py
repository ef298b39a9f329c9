"""The `sdalgo` command and its exit status: 0 done, 1 a fault of sdalgo, 2 bad input or usage."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from archsim.formats.errors import InputError
from sdalgo.cli import build, console, decompose, importing, listing, paper, report, train

DONE, FAILED, BAD_INPUT = 0, 1, 2
_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="sdalgo",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("decompose")(decompose.decompose)
app.command("decode")(decompose.decode)
app.command("build")(build.build)
app.command("import")(importing.import_model)
app.command("report")(report.report)
app.command("sweep")(report.sweep)
app.command("paper")(paper.paper)
app.command("list")(listing.listing)
app.command("train")(train.train)


@app.callback()
def sdalgo() -> None:
    """Decompose trained weights into powers of two and small bases (SmartDeal).

    \b
    Examples:
      sdalgo decompose weights.safetensors -o weights.sd
      sdalgo report weights.sd
      sdalgo build mobilenet_v2_sd
      sdalgo COMMAND --help
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; None means the process's arguments."""
    args = None if arguments is None else list(arguments)
    try:
        status = app(args, prog_name="sdalgo", standalone_mode=False) or DONE
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except Exception as error:
        if os.environ.get("SDALGO_DEBUG"):
            raise
        status = _explain(error)
    if status == _INTERRUPTED:
        console.note("sdalgo: interrupted; what was finished is kept")
        return BAD_INPUT
    return int(status)


def _explain(error: Exception) -> int:
    if isinstance(error, typer.TyperException):
        console.note(f"sdalgo: {error.format_message()}")
        console.note("Try 'sdalgo --help' or 'sdalgo COMMAND --help'.")
        return BAD_INPUT
    if isinstance(error, InputError):
        console.note(f"sdalgo: {error}")
        return BAD_INPUT
    if isinstance(error, ModuleNotFoundError):
        console.note(f"sdalgo: {error.name} is not installed: pip install 'archsim[sdalgo]'")
        return BAD_INPUT
    if isinstance(error, MemoryError):
        console.note("sdalgo: out of memory: the tensors are too large for this computer")
        return BAD_INPUT
    console.note(f"sdalgo: internal error: {type(error).__name__}: {error}")
    console.note("this is a fault of sdalgo, not of its input; SDALGO_DEBUG=1 shows where")
    return FAILED
