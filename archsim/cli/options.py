"""The options that several commands share, so that one word means one thing everywhere."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archsim.formats import console


def named(kind: str) -> Callable[[str], list[str]]:
    """What completes a word in the shell: the names of `archsim.formats.search` in a folder, and
    those of its inner folders once a word is begun."""

    def found(incomplete: str) -> list[str]:
        from archsim.formats.search import inner_names, names

        known = [*names(kind), *(inner_names(kind) if incomplete else ())]
        return [name for name in known if name.startswith(incomplete)]

    return found


class Convs(StrEnum):
    """Which layers of the paper's networks are simulated."""

    CONV = "conv"
    ALL = "all"


class Width(StrEnum):
    """How many columns of a two-column page a figure takes."""

    ONE = "one"
    TWO = "two"

    @property
    def inches(self) -> float:
        from archsim.analysis.figures import plots

        return {Width.ONE: plots.ONE_COLUMN_INCHES, Width.TWO: plots.TWO_COLUMNS_INCHES}[self]


Workload = Annotated[
    str,
    typer.Option(
        "--workload",
        "-w",
        metavar="NAME",
        show_default=False,
        autocompletion=named("workloads"),
        help="A workload, by name or as a file.",
    ),
]
Workloads = Annotated[
    list[str],
    typer.Option(
        "--workload",
        "-w",
        metavar="NAME",
        show_default=False,
        autocompletion=named("workloads"),
        help="A workload, by name or as a file. Repeatable.",
    ),
]
Machines = Annotated[
    list[str],
    typer.Option(
        "--arch",
        "-a",
        metavar="NAME",
        show_default=False,
        autocompletion=named("archs"),
        help="A machine, by name or as a file. Repeatable; without it every inference machine.",
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        show_default=False,
        help="Change a key of the machines that have it: pe_slices.lines=8. Repeatable.",
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="NAME",
        autocompletion=named("archs/scenarios"),
        help="Make the changes of archs/scenarios/NAME.yaml.",
    ),
]
Machine = Annotated[
    str,
    typer.Argument(
        metavar="ARCH", autocompletion=named("archs"), help="A machine, by name or as a file."
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where results are written.")]
Layers = Annotated[
    str,
    typer.Option(
        "--layers",
        metavar="all|conv|PATTERN",
        help="The whole network, its convolutions, or the layers of these names: 'layer3.*,fc'.",
    ),
]
PaperLayers = Annotated[
    Convs,
    typer.Option(
        "--layers", metavar="conv|all", help="Convolution layers only, or the whole network."
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", show_default=False, help="Another batch size than the workload's."
    ),
]
NormaliseTo = Annotated[
    str,
    typer.Option(
        "--normalise-to",
        metavar="ARCH",
        autocompletion=named("archs"),
        help="The machine that counts as 1.",
    ),
]
Format = Annotated[
    console.Format,
    typer.Option(
        "--format",
        metavar="|".join(console.Format),
        help="How tables are written; other lines are comments where the format has them.",
    ),
]
FigureWidth = Annotated[
    Width,
    typer.Option(
        "--width", metavar="one|two", help="Figures as wide as one column of a page, or as two."
    ),
]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
TraceFile = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        show_default=False,
        help="Write a timeline for Perfetto, packed if FILE ends in .gz.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Neither use nor keep intermediate results (.archsim-cache)."),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        max=1024,
        show_default=False,
        help="Processes; one per core.",
    ),
]
Verbose = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        help="Print more; repeat it for a row per layer.",
    ),
]

DEFAULT_OUT = Path("results")
DEFAULT_REFERENCE = "diannao"
ALL = "all"
TEXT, TWO = console.Format.TEXT, Width.TWO
