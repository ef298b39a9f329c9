"""`archsim validate`: read input files and say everything that is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import options
from archsim.formats import console
from archsim.formats.errors import InputError, Problem


def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Machines, workloads, energy tables, scenarios, switches, ablations or sweeps.",
        ),
    ],
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check input files.

    Says all problems of all files, each with its place and its cure. The status is 0 if every
    file is right and 2 if one is not.

    \b
    Examples:
      archsim validate archs/*.yaml archs/scenarios/*.yaml
      archsim validate my_workload.yaml --json
    """
    from archsim.cli.kinds import check

    checked: dict[str, tuple[str, list[Problem]]] = {}
    for path in files:
        try:
            checked[str(path)] = (check(path), [])
        except InputError as error:
            checked[str(path)] = ("", list(error.problems))
    wrong = [problem for _, problems in checked.values() for problem in problems]
    if json:
        console.say_json(
            [
                {
                    "file": name,
                    "kind": kind,
                    "ok": not problems,
                    "problems": [{"place": one.place, "message": one.message} for one in problems],
                }
                for name, (kind, problems) in checked.items()
            ]
        )
    elif not quiet:
        for name, (kind, problems) in checked.items():
            if not problems:
                console.say(f"{name}: ok ({kind})")
    if wrong:
        console.complain(wrong)
        raise typer.Exit(2)
