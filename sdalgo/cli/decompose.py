"""`sdalgo decompose` and `sdalgo decode`: a state dict to a container and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.progress import bar
from sdalgo.cli import options

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
      sdalgo decompose w.safetensors -o w.sd --preset best --bit-price 0.012 --exponents -7:0
    """
    from sdalgo.checkpoints import read_checkpoint
    from sdalgo.container import MARK, write_container
    from sdalgo.left_raw import left_raw
    from sdalgo.loss import missed
    from sdalgo.option_words import read_words
    from sdalgo.options import preset as named
    from sdalgo.state import decompose_state
    from sdalgo.summary import summarise

    unpacked.allow(max_gb)
    own_files.force(force)
    chosen = named(preset, **read_words(asked))
    target = out or weights.with_suffix(".sd")
    found = read_checkpoint(weights, entry)
    tensors = found.tensors
    own_files.claim(target, MARK)
    with bar("decomposing", quiet=quiet or as_json) as progress:
        container = decompose_state(tensors, chosen, index, progress, found.lies)
    nbytes = write_container(target, container)
    squares = {
        name: float((tensors[name].array().astype("float64") ** 2).sum())
        for name in container.layers
    }
    summary = summarise(container, nbytes, squares)
    densities = [(name, layer.density) for name, layer in container.layers.items()]
    summary["warnings"] += missed(densities, chosen.density)
    raw = {name: t.shape for name, t in container.others.items() if t.is_float}
    for line in (*left_raw(raw), *summary["warnings"]):
        console.note(line)
    if as_json:
        console.say_json(summary)
    elif not quiet:
        show(summary, str(target))


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
