"""`sdalgo import`: an ONNX file to a workload."""

from pathlib import Path
from typing import Annotated

import typer

from archsim.formats import console
from archsim.formats.progress import bar


def import_model(
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    name: Annotated[str | None, typer.Option(help="Of the workload; else the file's.")] = None,
    theta: Annotated[float, typer.Option(help="Smaller coefficients become 0.")] = 4e-3,
    out: Annotated[Path, typer.Option(help="Folder of the files.")] = Path("workloads"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a workload of an ONNX network: graph, decomposed weights, activations of a photograph.

    \b
    Example:
      sdalgo import resnet.onnx --name my_resnet
    """
    from sdalgo.onnx_import import import_onnx
    from sdalgo.recipe import Recipe

    stem = name or model.stem.replace("-", "_")
    recipe = Recipe(name=stem, about="imported", network="onnx", weights=model.name, theta=theta)
    with bar(f"importing {stem}", quiet=as_json) as progress:
        built = import_onnx(model, recipe, out, progress)
    if as_json:
        console.say_json({
            "yaml": str(built.yaml), "tensors": str(built.tensors), "layers": built.layers,
            "coefficients": built.coefficients, "nonzeros": built.nonzeros,
        })  # fmt: skip
        return
    console.say(f"{built.yaml}: {built.layers} layers")
    console.say(f"{built.tensors}: {built.coefficients} coefficients")
