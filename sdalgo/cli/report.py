"""`sdalgo report` and `sdalgo sweep`: what a decomposition is like, in tables and plots."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.progress import bar
from sdalgo.cli import options
from sdalgo.cli.decompose import show


def report(  # noqa: PLR0913, PLR0917  (one parameter an option)
    container: Annotated[Path, typer.Argument(help="A .sd file.")],
    plots: Annotated[Path | None, typer.Option(help="Folder for PNG and SVG figures.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The original weights, for the evolution figure.")
    ] = None,
    entry: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of several state dicts in a checkpoint.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the evolution figure.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Show sizes, densities and errors of a container, from its own bits.

    \b
    Examples:
      sdalgo report mobilenet.sd
      sdalgo report mobilenet.sd --plots figures --weights mobilenet.safetensors
    """
    from sdalgo.checkpoints import read_weights
    from sdalgo.container import read_container
    from sdalgo.summary import summarise

    unpacked.allow(max_gb)
    own_files.force(force)
    found = read_container(container)
    summary = summarise(found, container.stat().st_size)
    for line in summary["warnings"]:
        console.note(line)
    summary["options"] = found.options
    written: list[Path] = []
    if plots:
        from sdalgo import plots as draw

        written = [*draw.powers(found, plots), *draw.error_density(summary, plots)]
        if weights:
            written += _evolution(found, read_weights(weights, entry), layer, plots)
    if as_json:
        console.say_json(summary | {"plots": [str(path) for path in written]})
        return
    show(summary, str(container))
    for path in written:
        console.say(str(path))


def _evolution(
    found: Any, tensors: Mapping[str, Any], layer: str | None, folder: Path
) -> list[Path]:
    """Decompose one layer again, as the container's options say, and watch it."""
    from archsim.formats.errors import InputError
    from sdalgo import plots as draw
    from sdalgo.decompose import checked
    from sdalgo.exchange import Round, exchange
    from sdalgo.matrices import to_slices
    from sdalgo.options import options_from

    name = layer or max(found.layers, key=lambda key: found.layers[key].entries)
    if name not in found.layers or name not in tensors:
        raise InputError.at(
            f"layer {name}", f"not in both files; {', '.join(list(found.layers)[:5])}"
        )
    values = tensors[name].array()
    weight = found.lies[name].to_layer(values) if name in found.lies else values
    slices = to_slices(checked(weight, name), found.layers[name].layout)
    options = options_from(found.options, "container")
    rounds: list[Round] = []
    exchange(slices, options, rounds.append)
    return draw.evolution(slices, rounds, folder)


@options.decomposing("theta", "density")
def sweep(  # noqa: PLR0913, PLR0917  (one parameter an option)
    source: Annotated[str, typer.Argument(help="A recipe, or a state dict.")],
    theta: Annotated[list[float] | None, typer.Option(help="Repeat for several.")] = None,
    preset: options.Preset = options.DEFAULT_PRESET,
    asked: Any = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for a figure.")] = None,
    entry: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of several state dicts in a checkpoint.")
    ] = None,
    weights: options.GivenWeights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Decompose a network at several thetas: density, error, size and, for recipes, agreement.

    Agreement compares the outputs with the original network's on photographs, without re-training.

    \b
    Examples:
      sdalgo sweep mobilenet_v2_sd
      sdalgo sweep resnet50_sd --weights resnet50-11ad3fa6.pth
      sdalgo sweep weights.safetensors --theta 0 --theta 0.004 --preset best
    """
    from sdalgo.given_weights import given
    from sdalgo.option_words import read_words
    from sdalgo.options import preset as named
    from sdalgo.sweep import sweep as run

    unpacked.allow(max_gb)
    own_files.force(force)
    swept = source if weights is None else given(source, weights)
    with bar("sweeping", quiet=as_json) as progress:
        rows = run(swept, named(preset, **read_words(asked)), tuple(theta or ()), progress, entry)
    if plots:
        from sdalgo import plots as draw

        draw.theta_curve(rows, plots)
    if as_json:
        console.say_json({"source": source, "preset": preset, "rows": rows})
        return
    heads = ["theta", "density", "error", "bits/nz", "MB row", "MB element"]
    if rows and "agreement" in rows[0]:
        heads += ["cosine", "top-1", "top-5"]
    console.show(console.Table(f"{source}, {preset}", heads, [_sweep_cells(row) for row in rows]))


def _sweep_cells(row: dict[str, Any]) -> list[str]:
    cells = [
        f"{row['theta']:g}", f"{row['density']:.3f}", f"{row['relative_error']:.4f}",
        f"{row['bits_per_nonzero']:.2f}", f"{row['row_bytes'] / 1e6:.3f}",
        f"{row['element_bytes'] / 1e6:.3f}",
    ]  # fmt: skip
    same = row.get("agreement")
    if same:
        cells += [f"{same[key]:.3f}" for key in ("cosine", "top1", "top5")]
    return cells
