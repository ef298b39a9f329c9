"""`sdalgo decompose` and `sdalgo decode`: a state dict to a container and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.errors import InputError
from archsim.formats.progress import bar
from sdalgo.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archsim.formats.progress import Progress
    from archsim.formats.tensor_record import Tensor
    from sdalgo.checkpoints import Checkpoint
    from sdalgo.container import Container
    from sdalgo.options import Options

Weights = Annotated[
    Path, typer.Argument(help="A state dict: safetensors, torch, ONNX or an index of shards.")
]


@options.decomposing()
def decompose(  # noqa: PLR0913, PLR0917  (one parameter an option)
    weights: Weights,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The .sd file to write.")] = None,
    preset: options.Preset = options.DEFAULT_PRESET,
    asked: Any = None,
    entry: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of several state dicts in a checkpoint.")
    ] = None,
    index: Annotated[str, typer.Option(help="Index bit a row or an element.")] = "row",
    calibrate: options.Calibrate = None,
    network: options.Network = None,
    bits: options.Bits = None,
    price: options.Price = None,
    damp: options.Damp = None,
    sequential: options.Sequential = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Decompose every convolution and linear weight of a state dict.

    \b
    Examples:
      sdalgo decompose resnet.safetensors -o resnet.sd
      sdalgo decompose w.safetensors -o w.sd --preset as_paper --theta 0.02 --json
      sdalgo decompose w.safetensors -o w.sd --density 0.5 --basis-bits 16
      sdalgo decompose mbv2.pth -o a.sd --network mobilenet_v2 --calibrate photographs --bits 3.5
      sdalgo decompose w.safetensors -o w.sd --preset best --bit-price 0.012 --exponents -7:0
    """
    from sdalgo.checkpoints import read_checkpoint
    from sdalgo.container import MARK, write_container
    from sdalgo.left_raw import left_raw
    from sdalgo.option_words import read_words
    from sdalgo.options import CALIBRATED
    from sdalgo.options import preset as named

    unpacked.allow(max_gb)
    own_files.force(force)
    calibrated = {"bits": bits, "price": price, "damp": damp, "sequential": sequential or None}
    given = read_words(asked) | calibration_options(calibrate, network, calibrated)
    preset = calibrated_preset(preset, calibrate)
    if preset == CALIBRATED:
        given["index"] = index
    chosen = named(preset, **given)
    target = out or weights.with_suffix(".sd")
    found = read_checkpoint(weights, entry)
    tensors = found.tensors
    own_files.claim(target, MARK)
    with bar("decomposing", quiet=quiet or as_json) as progress:
        container = _container(found, chosen, (index, calibrate, network), progress)
    nbytes = write_container(target, container)
    summary = _summary(container, tensors, nbytes, chosen.density)
    raw = {name: t.shape for name, t in container.others.items() if t.is_float}
    for line in (*left_raw(raw), *summary["warnings"]):
        console.note(line)
    if as_json:
        console.say_json(summary)
    elif not quiet:
        show(summary, str(target))


def calibrated_preset(preset: str, calibrate: Path | None) -> str:
    """`activations` where images are given and nothing else is asked for; they go together."""
    from sdalgo.options import CALIBRATED

    if calibrate is not None and preset == options.DEFAULT_PRESET:
        return CALIBRATED
    if (calibrate is not None) != (preset == CALIBRATED):
        message = "the preset `activations` and --calibrate IMAGES_OR_NPZ go together"
        raise InputError.at("--preset", message)
    return preset


def calibration_options(
    calibrate: Path | None, network: str | None, asked: "Mapping[str, Any]"
) -> dict[str, Any]:
    """The options that only a calibrated decomposition has, as far as they are given.

    Raises:
        InputError: they are given without --calibrate, or it without the network to run; or a
            budget and a price.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if calibrate is None:
        told = ["network", *given] if network else [*given]
        if told:
            raise InputError.at(f"--{told[0]}", "has a meaning with --calibrate only")
        return {}
    if network is None:
        message = "say which network runs on them: --network NAME, of `sdalgo list networks`"
        raise InputError.at("--calibrate", message)
    if "bits" in given and "price" in given:
        raise InputError.at("--price", "and --bits: a budget finds its price by itself; give one")
    return {**given, "bits": None} if "price" in given else given


def _container(
    found: "Checkpoint",
    asked: "Options",
    given: tuple[str, Path | None, str | None],
    progress: "Progress",
) -> "Container":
    """The decomposition as a container; `given` are index, --calibrate and --network."""
    index, calibrate, network = given
    if calibrate is None or network is None:
        from sdalgo.state import decompose_state

        return decompose_state(found.tensors, asked, index, progress, found.lies)
    from sdalgo.activations.state import calibrated_state

    return calibrated_state(found.tensors, asked, (calibrate, network), progress)


def _summary(
    container: "Container", tensors: "Mapping[str, Tensor]", nbytes: int, density: float | None
) -> dict[str, Any]:
    """What is said of a container: its sizes, and what went wrong."""
    from sdalgo.loss import missed
    from sdalgo.summary import summarise

    squares = {
        name: float((tensors[name].array().astype("float64") ** 2).sum())
        for name in container.layers
    }
    summary = summarise(container, nbytes, squares)
    densities = [(name, layer.density) for name, layer in container.layers.items()]
    summary["warnings"] += missed(densities, density)
    return summary


def decode(
    container: Annotated[Path, typer.Argument(help="A .sd file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The safetensors file to write.")],
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Write the rebuilt float32 weights under their names; other tensors come back unchanged.

    \b
    Example:
      sdalgo decode resnet.sd -o dense.safetensors
    """
    from archsim.formats.tensor_file import write_tensors
    from sdalgo.container import read_container
    from sdalgo.state import rebuild_state

    unpacked.allow(max_gb)
    own_files.force(force)
    found = read_container(container)
    own_files.claim(out, b'"made_by":"sdalgo')
    write_tensors(out, rebuild_state(found), {"made_by": "sdalgo decode"})
    console.say(f"{out}: {len(found.layers)} rebuilt, {len(found.others)} unchanged tensors")


def show(summary: dict[str, Any], title: str) -> None:
    """Print a container's layers and totals as a table."""
    heads = ["layer", "slices", "entries", "density", "error", "levels", "bits/nz", "kB"]
    totals = summary["totals"]
    rows = [_cells(row, str(row["levels"])) for row in summary["layers"]]
    console.show(console.Table(title, heads, [*rows, _cells({**totals, "name": "all"}, "")]))
    nbytes = totals["file_bytes"]
    size = f"{nbytes / 1e6:.2f} MB" if nbytes >= 1e5 else f"{nbytes / 1e3:.1f} kB"
    console.say(
        f"{size}, {totals['file_compression']:.2f} times smaller than "
        f"in float32; the decomposed layers: {totals['compression']:.2f} times, "
        f"{totals['bits_per_weight']:.2f} bits per weight, index bit per {totals['form']}"
    )


def _cells(row: dict[str, Any], levels: str) -> list[str]:
    error = row.get("relative_error")
    return [
        row["name"], f"{row['slices']}", f"{row['entries']}",
        f"{row['nonzeros'] / row['entries']:.3f}", "-" if error is None else f"{error:.4f}", levels,
        f"{row['bits_per_nonzero']:.2f}", f"{row['bits'] / 8000:.1f}",
    ]  # fmt: skip
