"""`archsim ablate`: what each mechanism of a machine is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options
from archsim.cli.report import NONE, number, ratio
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.ablation import Ablated
    from archsim.results.result import Result


def ablate(
    arch: options.Machine,
    workload: options.Workloads,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="NAME",
            show_default=False,
            help="Variants to run, by name or as a file; archs/ablations/MACHINE.yaml by default.",
        ),
    ] = None,
    sets: options.Set = [],  # noqa: B006 - typer reads it and hands out a new list
    scenario: options.Scenario = None,
    layers: options.Layers = options.ALL,
    jobs: options.Jobs = None,
    no_cache: options.NoCache = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Change the mechanisms of a machine one at a time.

    Each variant of a data file is the machine with a few keys changed; the table has its cycles,
    energy and DRAM traffic as multiples of the machine as it is.

    \b
    Examples:
      archsim ablate smartdeal --workload resnet50_sd
      archsim ablate smartdeal -w mobilenet_v2_sd --layers conv --set pe_slices.sync=group
      archsim ablate smartdeal -w resnet50_sd --file my_variants.yaml --json
    """
    from archsim.analysis import inputs
    from archsim.analysis.ablation import ablate
    from archsim.analysis.variants import Variant
    from archsim.arch.change_files import ABLATIONS, Ablations, check_keys, load_sets
    from archsim.cli.runner import WorkloadRunner
    from archsim.formats.search import find

    console.use(form)
    choice = inputs.choices([arch], (), scenario, sets)[0]
    machine = Variant(choice.arch.name, choice.arch.path, choice.overrides)
    _, variants = load_sets(find(ABLATIONS, file or choice.arch.machine), Ablations)
    check_keys(variants, [choice.arch])
    found = []
    for network, _ in inputs.networks(workload, layers):
        run = WorkloadRunner(
            network.workload,
            jobs,
            layers=layers,
            use_cache=not no_cache,
            quiet=quiet or json,
        )
        found.append(ablate(machine, variants, run))
    if json:
        console.say_json([as_json(base, rows) for base, rows in found])
    if json or quiet:
        return
    for base, rows in found:
        show(base, rows)


def show(base: Result, rows: Sequence[Ablated]) -> None:
    """The table of one workload."""
    console.say(f"{base.workload} on {base.arch}: {base.cycles:,} cycles, "
                f"{number(base.millijoules)} mJ, {number(base.dram_bytes / 1e6)} MB from and to "
                "DRAM")  # fmt: skip
    for note in base.notes:
        console.say(f"  {note}")
    console.say()
    lines: list[list[str]] = []
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            lines.append([f"[{group}]", *[""] * 5])
        lines.append([f"  {row.name}" + ("" if row.changes else " *"), *_numbers(base, row)])
    console.show(
        console.Table("", ["variant", "cycles", "cycles x", "energy mJ", "energy", "DRAM"], lines)
    )
    console.say(f"* {base.arch} as it is. Multiples of it: above 1 is slower, or takes more.")
    for row in rows:
        if isinstance(row.answer, tuple):
            console.say(f"n/a: {row.name}: {row.answer[0].message}")


def _numbers(base: Result, row: Ablated) -> list[str]:
    if isinstance(row.answer, tuple):
        return ["n/a", *[NONE] * 4]
    found = row.answer
    return [
        f"{found.cycles:,}",
        ratio(found.cycles / base.cycles),
        number(found.millijoules),
        ratio(found.energy_pj / base.energy_pj),
        ratio(found.dram_bytes / base.dram_bytes),
    ]


def as_json(base: Result, rows: Sequence[Ablated]) -> dict[str, Any]:
    """Everything for programs."""

    def record(row: Ablated) -> dict[str, Any]:
        head = {
            "group": row.group,
            "variant": row.name,
            "changes": {each.key: each.value for each in row.changes},
        }
        if isinstance(row.answer, tuple):
            return {**head, "not_available": row.answer[0].message}
        return {**head, **_totals(row.answer)}

    return {
        "workload": base.workload,
        "arch": base.arch,
        "mode": base.mode,
        "notes": list(base.notes),
        "base": _totals(base),
        "variants": [record(row) for row in rows],
    }


def _totals(result: Result) -> dict[str, Any]:
    return {
        "cycles": result.cycles,
        "energy_pj": result.energy_pj,
        "dram_bytes": result.dram_bytes,
    }
