"""`archsim schema`: the JSON Schema of the input files, for editors and for other programs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from archsim.cli import console


class Format(StrEnum):
    """The files that have a schema."""

    ARCH = "arch"
    WORKLOAD = "workload"


def schema(
    what: Annotated[Format, typer.Argument(metavar="arch|workload", help="Which format.")],
) -> None:
    """Print the JSON Schema of a file format.

    \b
    Examples:
      archsim schema arch > arch.schema.json
      archsim schema workload > workload.schema.json
    """
    if what is Format.ARCH:
        from archsim.arch import arch_schema

        console.say_json(arch_schema())
    else:
        from archsim.workload import workload_schema

        console.say_json(workload_schema())
