"""`archsim schema`: the JSON Schemas of the input files, for editors and for other programs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from archsim.formats import console


class Format(StrEnum):
    """The files that have a schema."""

    ARCH = "arch"
    WORKLOAD = "workload"
    ENERGY = "energy"
    DRAM = "dram"
    SCENARIO = "scenario"
    SWITCHES = "switches"
    ABLATIONS = "ablations"
    SWEEP = "sweep"
    SEARCH = "search"


def schema(
    what: Annotated[Format, typer.Argument(metavar="|".join(Format), help="Which format.")],
) -> None:
    """Print the JSON Schema of a file format.

    \b
    Examples:
      archsim schema arch > arch.schema.json
      archsim schema workload > workload.schema.json
    """
    console.say_json(_published(what)())


def _published(what: Format) -> Callable[[], dict[str, Any]]:
    """What makes the schema of a format."""
    from archsim.analysis.search.spec import SearchFile
    from archsim.analysis.sweep.spec import SweepFile
    from archsim.arch.arch import arch_schema
    from archsim.arch.change_files import Ablations, Scenario, Switches
    from archsim.arch.memory_presets import preset_schema
    from archsim.results.energy import energy_schema
    from archsim.workload.workload import workload_schema

    return {
        Format.ARCH: arch_schema,
        Format.WORKLOAD: workload_schema,
        Format.ENERGY: energy_schema,
        Format.DRAM: preset_schema,
        Format.SCENARIO: Scenario.model_json_schema,
        Format.SWITCHES: Switches.model_json_schema,
        Format.ABLATIONS: Ablations.model_json_schema,
        Format.SWEEP: SweepFile.model_json_schema,
        Format.SEARCH: SearchFile.model_json_schema,
    }[what]
