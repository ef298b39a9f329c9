"""`sdalgo import`: an ONNX file to a workload."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from archsim.formats import console, own_files, unpacked, workload_names
from archsim.formats.errors import InputError
from archsim.formats.progress import bar
from sdalgo.cli import options


@options.decomposing("vector_width")
def import_model(  # noqa: PLR0913, PLR0917  (one parameter an option)
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    name: Annotated[str | None, typer.Option(help="Of the workload; else the file's.")] = None,
    preset: options.Preset = options.DEFAULT_PRESET,
    asked: Any = None,
    prune: options.Prune = None,
    row_ratio: options.RowRatio = None,
    dense: options.Dense = None,
    size: Annotated[
        str | None, typer.Option(help="Of the input, 224x224 or 3x224x224, where it is left open.")
    ] = None,
    dim: Annotated[
        list[str] | None, typer.Option(help="NAME=N: of another size that is left open.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", help="NAME=NUMBER, or an .npz file of inputs by name."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the files.")] = Path("workloads"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Make a workload of an ONNX network: graph, decomposed weights, activations of one run.

    \b
    Examples:
      sdalgo import resnet.onnx --name my_resnet
      sdalgo import segmenter.onnx --size 512x1024
      sdalgo import resnet.onnx --prune 0.5 --row-ratio 0.3 --dense 'fc*'
      sdalgo import bert.onnx --dim seq=128 --input token_type_ids=0
    """
    from sdalgo.importer.feeds import Wanted
    from sdalgo.importer.given_inputs import given_values
    from sdalgo.onnx_import import import_onnx
    from sdalgo.recipe import Recipe

    unpacked.allow(max_gb)
    own_files.force(force)
    recipe = Recipe(
        name=workload_names.suggested(model.stem) if name is None else workload_names.checked(name),
        about="imported", network="onnx", weights="the file", preset=preset,
        weights_pruned=_shares(prune, "--prune"), rows_pruned=_shares(row_ratio, "--row-ratio"),
        dense=tuple(dense or ()), **asked,
    )  # fmt: skip
    recipe.options()  # what is wrong is told before the network runs
    wanted = Wanted(size=_sizes(size), dims=_dims(dim or []), values=given_values(given or []))
    with bar(f"importing {recipe.name}", quiet=as_json) as progress:
        built = import_onnx(model, recipe, out, progress, wanted)
    if as_json:
        console.say_json({
            "yaml": str(built.yaml), "tensors": str(built.tensors), "layers": built.layers,
            "coefficients": built.coefficients, "nonzeros": built.nonzeros,
        })  # fmt: skip
        return
    console.say(f"{built.yaml}: {built.layers} layers")
    console.say(f"{built.tensors}: {built.coefficients} coefficients")


def _sizes(size: str | None) -> tuple[int, ...] | None:
    if size is None:
        return None
    found = tuple(int(part) for part in size.split("x") if re.fullmatch("[0-9]{1,9}", part))
    if len(found) != len(size.split("x")) or len(found) not in (2, 3) or 0 in found:
        raise InputError.at("--size", f"{size!r} is neither HEIGHTxWIDTH nor CHANNELSxHEIGHTxWIDTH")
    return found


def _dims(words: list[str]) -> dict[str, int]:
    found = {}
    for word in words:
        name, _, number = word.rpartition("=")
        if not name or not re.fullmatch("[1-9][0-9]{0,8}", number):
            raise InputError.at("--dim", f"{word!r:.100} is not NAME=N, N a whole number above 0")
        found[name] = int(number)
    return found


def _shares(word: str | None, option: str) -> str | float | None:
    """A share of 0..1, or a list of ratios that is there."""
    from sdalgo.ratios import checked

    if word is None:
        return None
    try:
        share = float(word)
    except ValueError:
        checked(word, option)
        return word
    if not 0 <= share <= 1:
        raise InputError.at(option, f"{word} is not a share from 0 to 1")
    return share
