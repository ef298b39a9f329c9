"""`archsim schema`: the JSON Schemas of the input files, for editors and for other programs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from archsim.cli import console


class Format(StrEnum):
    """The files that have a schema."""

    ARCH = "arch"
    WORKLOAD = "workload"
    ENERGY = "energy"


def schema(
    what: Annotated[Format, typer.Argument(metavar="arch|workload|energy", help="Which format.")],
) -> None:
    """Print the JSON Schema of a file format.

    \b
    Examples:
      archsim schema arch > arch.schema.json
      archsim schema workload > workload.schema.json
    """
    if what is Format.ARCH:
        from archsim.arch import arch_schema as published
    elif what is Format.WORKLOAD:
        from archsim.workload import workload_schema as published
    else:
        from archsim.energy import energy_schema as published
    console.say_json(published())
