"""`archsim explain`: why two machines differ on a workload."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options
from archsim.cli.figures import Figures, Wanted, drawn_files
from archsim.cli.report import MILLI_PJ, number
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.explain import Contribution, Explanation
    from archsim.analysis.variants import Variant
    from archsim.results.result import Result

SHOWN_SHARE = 0.0005  # of the larger machine; smaller parts are summed in one line
LONGEST_STEM = 50
KINDS = {
    "setting": "settings that differ",
    "switch": "mechanisms, switched off one after the other",
    "account": "what the arrays themselves then differ in",
}


def explain(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            autocompletion=options.named("archs"),
            help="ARCH, ARCH@KEY=VALUE,... or a result.",
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            autocompletion=options.named("archs"),
            help="The same; the difference is B less A.",
        ),
    ],
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload",
            "-w",
            metavar="NAME",
            show_default=False,
            autocompletion=options.named("workloads"),
            help="A workload, by name or as a file; that of A where A is a result.",
        ),
    ] = None,
    layers: options.Layers = options.ALL,
    jobs: options.Jobs = None,
    out: options.Out = options.DEFAULT_OUT,
    no_cache: options.NoCache = False,
    width: options.FigureWidth = options.TWO,
    no_figures: options.NoFigures = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Split the difference of two machines into named parts.

    Of two variants of one machine, keys are changed one at a time. Of two machines, settings are
    made equal and mechanisms are switched off one at a time (archs/switches), and what is left
    comes from the arrays' own accounts. The parts add up to the difference in cycles and in
    energy. Writes a waterfall of both.

    \b
    Examples:
      archsim explain diannao smartdeal --workload resnet50_sd
      archsim explain smartdeal smartdeal@pe_slices.sync=lanes,pe_slices.streams=64 -w resnet50_sd
      archsim explain results/resnet50_sd/scnn.json results/resnet50_sd/smartdeal.json --json
    """
    from archsim.analysis import explain as explaining
    from archsim.analysis.variants import variant_of
    from archsim.cli.runner import WorkloadRunner

    console.use(form)
    own_files.force(force)
    with tempfile.TemporaryDirectory(prefix="archsim-") as folder:
        variants = [variant_of(text, Path(folder)) for text in (a, b)]
        settings = _settings(variants, layers)
        layers = settings.get("layers", layers)
        run = WorkloadRunner(
            _workload(workload, variants),
            jobs,
            layers=layers,
            use_cache=not no_cache,
            quiet=quiet or json,
            batch=settings.get("batch"),
        )
        found = explaining.explain(variants[0], variants[1], run)
    parts = [*(_file_stem(text) for text in (a, b, found.a.workload))]
    parts += [_file_stem(layers)] if layers != options.ALL else []
    stem = out / "_".join(["explain", *parts])
    written = [] if no_figures else _draw(found, stem, width.inches, cached=not no_cache)
    if json:
        console.say_json(as_json(found))
    elif not quiet:
        show(found)
        if written:
            console.say(f"written: {', '.join(str(path) for path in written)}")


def _workload(name: str | None, variants: Sequence[Variant]) -> Path:
    """The file of the workload that was named, or that a result was made on."""
    from archsim.formats.errors import InputError
    from archsim.formats.search import find

    held = [variant.result.workload for variant in variants if variant.result]
    if name is None and not held:
        raise InputError.at("--workload", "name one: A is no result that would say which")
    return find("workloads", name or held[0])


def _settings(variants: Sequence[Variant], layers: str) -> dict[str, Any]:
    """The batch and the layers with which results were made, if any are among the variants.

    Raises:
        InputError: two results differ in them, or the layers that were asked for are others.
    """
    from archsim.formats.errors import InputError

    made = {} if layers == options.ALL else {"layers": (layers, "--layers")}
    for variant in variants:
        settings = variant.result.settings if variant.result else {}
        for key in ("batch", "layers") if variant.result else ():
            value = settings.get(key, {"layers": options.ALL}.get(key))
            before, place = made.setdefault(key, (value, variant.label))
            if before != value:
                message = f"was made with {key} {value or 'of the workload'}, and {place} has "
                raise InputError.at(variant.label, f"{message}{before or 'that of the workload'}")
    return {key: value for key, (value, _) in made.items() if value is not None}


def _file_stem(text: str) -> str:
    """What was named, whole, as part of a file name; a hash stands for what does not fit."""
    name = text.removesuffix(".json")
    stem = "".join(letter if letter.isalnum() or letter in "_-=@." else "-" for letter in name)
    if len(stem) <= LONGEST_STEM:
        return stem
    return f"{stem[:LONGEST_STEM]}-{blake2b(text.encode(), digest_size=4).hexdigest()}"


def show(found: Explanation) -> None:
    """The parts as a table, the largest effects of each kind in their order, and what is left."""
    one, two = found.labels
    console.say(f"{found.a.workload}: from {one} to {two}")
    for note in dict.fromkeys([*found.a.notes, *found.b.notes]):
        console.say(f"  {note}")
    console.say()
    rows = [_total(one, found.a, found)]
    for kind, title in KINDS.items():
        parts = [part for part in found.parts if part.kind == kind]
        if parts:
            rows += [[f"[{title}]", "", "", "", ""], *_lines(parts, found)]
    cycles, energy = found.unexplained
    rows.append(["  unexplained", *_amounts(cycles, energy, found)])
    rows.append(_total(two, found.b, found))
    ends = dict(zip(found.labels, (found.a, found.b), strict=True))
    areas = [
        f"{label} {number(result.area_mm2)} mm2{_without(result)}"
        for label, result in ends.items()
        if result.area_mm2 is not None
    ]
    heads = ["part", "cycles", f"% of {one}", "energy mJ", f"% of {one}"]
    console.show(console.Table("", heads, rows))
    if areas:
        console.say(f"area: {', '.join(areas)}")
    for line in found.left_out:
        console.say(f"not switched: {line}")


def _without(result: Result) -> str:
    return f" (without {', '.join(result.without_area)})" if result.without_area else ""


def _lines(parts: Sequence[Contribution], found: Explanation) -> list[list[str]]:
    """A line for each part that can be seen, and one for the others."""
    cycles = max(found.a.cycles, found.b.cycles) * SHOWN_SHARE
    energy = max(found.a.energy_pj, found.b.energy_pj) * SHOWN_SHARE
    large = [p for p in parts if abs(p.cycles) >= cycles or abs(p.energy_pj) >= energy]
    small = [part for part in parts if part not in large]
    lines = [[f"  {p.title}", *_amounts(p.cycles, p.energy_pj, found)] for p in large]
    if small:
        sums = fsum(part.cycles for part in small), fsum(part.energy_pj for part in small)
        lines.append([f"  {len(small)} parts too small to list", *_amounts(*sums, found)])
    return lines


def _amounts(cycles: float, energy_pj: float, found: Explanation) -> list[str]:
    return [
        _signed(cycles, 0),
        _signed(100 * cycles / found.a.cycles, 1) if found.a.cycles else "",
        _signed(energy_pj / MILLI_PJ, 4),
        _signed(100 * energy_pj / found.a.energy_pj, 1) if found.a.energy_pj else "",
    ]


def _signed(amount: float, digits: int) -> str:
    """The amount with its sign; what rounds to nothing has that of zero."""
    return f"{round(amount, digits) + 0.0:+,.{digits}f}"


def _total(label: str, result: Result, found: Explanation) -> list[str]:
    return [
        label,
        f"{result.cycles:,}",
        f"{100 * result.cycles / found.a.cycles:.1f}" if found.a.cycles else "",
        number(result.millijoules),
        f"{100 * result.energy_pj / found.a.energy_pj:.1f}" if found.a.energy_pj else "",
    ]


def as_json(found: Explanation) -> dict[str, Any]:
    """Everything for programs."""

    def end(label: str, result: Result) -> dict[str, Any]:
        return {
            "label": label,
            "arch_hash": result.arch_hash,
            "cycles": result.cycles,
            "energy_pj": result.energy_pj,
            **({} if result.area_mm2 is None else {"area_mm2": result.area_mm2}),
            **({} if result.leakage_pj is None else {"leakage_pj": result.leakage_pj}),
        }

    cycles, energy = found.unexplained
    return {
        "workload": found.a.workload,
        "mode": found.a.mode,
        "a": end(found.labels[0], found.a),
        "b": end(found.labels[1], found.b),
        "parts": [vars(part) for part in found.parts],
        "unexplained": {"cycles": cycles, "energy_pj": energy},
        "left_out": list(found.left_out),
    }


def _draw(found: Explanation, stem: Path, width_inches: float, *, cached: bool) -> list[Path]:
    from archsim.analysis.figures.waterfall import waterfall

    missing = "no figure: matplotlib is missing; pip install 'archsim[plot]' brings it"
    wanted = Wanted(stem.name, stem.parent, [as_json(found), width_inches], cached)
    return drawn_files(wanted, lambda: Figures(waterfall(found, stem, width_inches)), missing)
