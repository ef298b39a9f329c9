"""The `archsim` command: which subcommands there are. Its exit status: archsim.formats.program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from archsim.cli import (
    ablate,
    breakdown,
    compare,
    cosim,
    diff,
    draw,
    explain,
    importing,
    listing,
    new,
    paper,
    plot,
    report_page,
    run,
    schema,
    search,
    sweep,
    validate,
)
from archsim.formats import console
from archsim.formats.program import Program, application, version_option
from archsim.formats.program import run as run_program

app = application("archsim")
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.command("sweep")(sweep.sweep)
app.command("search")(search.search)
app.command("diff")(diff.diff)
app.command("breakdown")(breakdown.breakdown)
app.command("ablate")(ablate.ablate)
app.command("paper")(paper.paper)
app.command("cosim")(cosim.cosim)
app.command("validate")(validate.validate)
app.command("new")(new.new)
app.command("import")(importing.import_topology)
app.add_typer(listing.app, name="list")
app.command("draw")(draw.draw)
app.command("plot")(plot.plot)
app.command("report")(report_page.report)
app.command("schema")(schema.schema)


@app.callback()
def archsim(version: Annotated[bool, version_option("archsim")] = False) -> None:
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
    console.use(console.Format.TEXT)
    told = "archsim validate FILE lists them all"
    return run_program(Program(name="archsim", app=app, all_problems=told), arguments)
