"""`sdalgo tune`: the decompositions that are small, agree, and cost a machine little."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.formats import console, own_files
from archsim.formats.errors import InputError
from archsim.formats.progress import bar
from archsim.formats.record import MAX_SEED
from sdalgo.cli import options

if TYPE_CHECKING:
    from sdalgo.tune.tune import Tuned

Words = list[str] | None


def _pairs(metavar: str, text: str, *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, show_default=False, help=text)


def tune(  # noqa: PLR0913, PLR0917  (one parameter an option)
    spec: Annotated[
        Path | None,
        typer.Argument(metavar="SPEC", show_default=False, help="A search as a YAML file."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            metavar="NAME",
            show_default=False,
            help="A name of `sdalgo list recipes`, or a file: my_recipe.yaml.",
        ),
    ] = None,
    vary: Annotated[
        Words, _pairs("[GROUP.]KEY=V,V", "Values of an option, of a group or of all.", "--vary")
    ] = None,
    fixed: Annotated[Words, _pairs("[GROUP.]KEY=V", "One that does not vary.", "--set")] = None,
    group: Annotated[
        Words, _pairs("NAME=PATTERN", "Layers of a group; else they go by their kinds.", "--group")
    ] = None,
    objective: Annotated[
        Words, _pairs("METRIC", "size, agreement, cosine, energy_pj or cycles.", "--objective")
    ] = None,
    at_most: Annotated[
        Words, _pairs("METRIC=N|own", "A limit; own: of the recipe's own.", "--at-most")
    ] = None,
    at_least: Annotated[Words, _pairs("METRIC=N|own", "Likewise.", "--at-least")] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            "-a",
            metavar="NAME",
            show_default=False,
            help="A machine of archsim, or its file, for energy and cycles.",
        ),
    ] = None,
    sampler: Annotated[
        str | None, _pairs("NAME", "tpe (without it), nsga2, random or grid.", "--sampler")
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(
            "--evaluations",
            "-n",
            metavar="N",
            min=1,
            max=100_000,
            show_default=False,
            help="Points beside the recipe's own; 60 without it.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MAX_SEED, show_default=False, help="Of the sampler.")
    ] = None,
    calibration: Annotated[
        str | None, _pairs("IMAGES_OR_NPZ", "Images to fit and choose by.", "--calibration")
    ] = None,
    evaluation: Annotated[
        str | None, _pairs("IMAGES_OR_NPZ", "Others, to judge the front by.", "--evaluation")
    ] = None,
    network: options.OwnNetwork = None,
    out: Annotated[Path, typer.Option(help="Folder of the search.")] = Path("tune"),
    write: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="POINT",
            show_default=False,
            help="Write a point as a workload, into FOLDER/point_N.",
        ),
    ] = None,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    force: own_files.Force = False,
) -> None:
    """Search presets and options, group of layers by group, for a Pareto front.

    Each point is decomposed, asked for its agreement with the original network, and simulated by
    `archsim run`. Points are chosen by some photographs, and the front is judged by others. Each is
    kept in FOLDER/points.json as soon as it is finished, so the same command goes on where another
    was ended. Writes points.csv and a figure. Needs the extra: pip install 'archsim[sweep]'.

    \b
    Examples:
      sdalgo tune -r mobilenet_v2_sd --objective size --objective agreement --objective energy_pj
          --arch smartdeal --evaluations 60 --out mbv2
      sdalgo tune -r mobilenet_v2_sd --vary preset=as_released_double,activations
          --vary theta=0.002,0.004,0.008 --vary depthwise.price=1e-8,4e-8 --at-most size=own
      sdalgo tune my_search.yaml --sampler grid --json
    """
    from sdalgo.tune.spec import load_plan
    from sdalgo.tune.tune import TABLE, finished, prepared

    own_files.force(force)
    words = {
        "recipe": recipe, "vary": _lists(vary, "vary"), "set": _each(fixed, "set"),
        "groups": {k: [str(v) for v in vs] for k, vs in _lists(group, "group").items()},
        "objectives": _metrics(objective), "at_most": _each(at_most, "at-most"),
        "at_least": _each(at_least, "at-least"), "arch": arch, "sampler": _sampler(sampler),
        "evaluations": evaluations, "seed": seed, "calibration": calibration,
        "evaluation": evaluation,
    }  # fmt: skip
    plan = load_plan(spec, words, network)
    with bar("points", quiet=quiet or as_json, rate=True) as tick:
        search = prepared(plan, out)
        found = finished(search, tick)
    files = [] if no_figures else _drawn(found, out)
    files += [] if write is None else [search.write(write)]
    if as_json:
        console.say_json({**found.as_json(), "files": [str(path) for path in files]})
    elif not quiet:
        show(found)
        console.say(f"written: {', '.join(str(path) for path in [out / TABLE, *files])}")


def show(found: "Tuned") -> None:
    """Print the front and the recipe's own decomposition."""
    names = [*dict.fromkeys(("size", "cosine", "agreement", *found.objectives))]
    units = {"size": ("MB", 1e6, 3), "energy_pj": ("mJ", 1e9, 4), "cycles": ("cycles", 1, 0)}
    heads = ["point", *(units[n][0] if n in units else n for n in names)]
    heads += ["unseen: cosine", "agreement"]
    rows = []
    for row in found.rows:
        if row.on_front or not row.number:
            cells = [f"{row.number}" if row.number else "own"]
            for name in names:
                _, unit, digits = units.get(name, ("", 1, 3))
                cells.append(f"{row.metrics[name] / unit:,.{digits}f}")
            cells += [f"{row.judged[n]:.3f}" for n in ("cosine", "agreement")]
            rows.append(cells)
    console.show(console.Table(f"{found.recipe}: the front, and the recipe's own", heads, rows))
    count = len(found.better)
    are = "point beats" if count == 1 else "points beat"
    what = ", ".join(found.objectives)
    console.say(f"{count} {are} the recipe's own in {what}, on unseen images")


def _drawn(found: "Tuned", out: Path) -> list[Path]:
    from sdalgo.tune.figure import draw

    return draw(found, out)


def _split(word: str, option: str) -> tuple[str, str]:
    key, sign, value = word.partition("=")
    if not sign or not key or not value:
        raise InputError.at(f"--{option} {word}", "is not KEY=VALUE")
    return key.strip(), value


def _each(words: Words, option: str) -> dict[str, Any]:
    return {key: _scalar(value) for key, value in (_split(one, option) for one in words or ())}


def _lists(words: Words, option: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in words or ():
        key, value = _split(one, option)
        found.setdefault(key, []).extend(_scalar(each) for each in value.split(","))
    return found


def _scalar(word: str) -> bool | int | float | str:
    """A value as YAML would have it."""
    text = word.strip()
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _metrics(words: Words) -> Words:
    from archsim.formats.source import unknown
    from sdalgo.tune.spec import METRICS

    for word in words or ():
        if word not in METRICS:
            raise InputError.at("--objective", unknown("metric", word, METRICS))
    return words


def _sampler(word: str | None) -> str | None:
    from archsim.formats.source import unknown
    from sdalgo.tune.spec import SAMPLERS

    if word is not None and word not in SAMPLERS:
        raise InputError.at("--sampler", unknown("sampler", word, SAMPLERS))
    return word
