"""The `sdalgo` command: which subcommands there are. Its exit status: archsim.formats.program."""

from collections.abc import Sequence
from typing import Annotated

from archsim.formats.program import Program, application, run, version_option
from sdalgo.cli import (
    build,
    decompose,
    importing,
    listing,
    paper,
    report,
    rivals,
    train,
    tune,
)

app = application("sdalgo")
app.command("decompose")(decompose.decompose)
app.command("decode")(decompose.decode)
app.command("build")(build.build)
app.command("import")(importing.import_model)
app.command("report")(report.report)
app.command("sweep")(report.sweep)
app.command("paper")(paper.paper)
app.command("list")(listing.listing)
app.command("rivals")(rivals.rivals)
app.command("train")(train.train)
app.command("tune")(tune.tune)


@app.callback()
def sdalgo(version: Annotated[bool, version_option("sdalgo")] = False) -> None:
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
    return run(Program(name="sdalgo", app=app, extra="archsim[sdalgo]"), arguments)
