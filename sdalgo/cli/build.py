"""`sdalgo build`: a workload from a recipe."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.errors import InputError
from archsim.formats.progress import bar
from archsim.formats.record import MAX_SEED
from sdalgo.cli import options

if TYPE_CHECKING:
    from sdalgo.recipe import Recipe


def build(  # noqa: PLR0913, PLR0917  (one parameter an option)
    recipe: Annotated[
        str, typer.Argument(help="A name of `sdalgo list recipes`, or a file: my_recipe.yaml.")
    ],
    network: options.OwnNetwork = None,
    weights: options.GivenWeights = None,
    draw: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            show_default=False,
            help="With --weights: drawn at random, whatever FILE has of it. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of synthetic weights and of drawing.")
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the files.")] = Path("workloads"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Build a workload: YAML with measured profiles, and its tensors beside it.

    A build that was stopped goes on where it was.

    \b
    Examples:
      sdalgo build mobilenet_v2_sd
      sdalgo build resnet50_sd --seed 1 --out elsewhere
      sdalgo build resnet50_sd --weights resnet50-11ad3fa6.pth
      sdalgo build resnet50_sd --weights of_ten_classes.pth --draw fc
      sdalgo build my_recipe.yaml --network my_net.py
    """
    from sdalgo.build import build as make
    from sdalgo.samples import reads_by_export

    unpacked.allow(max_gb)
    own_files.force(force)
    found = _weighted(_found(recipe, network), weights, draw or [])
    if found.task == "training":
        from sdalgo.training.capture import build_training as make
    elif found.network == "onnx":
        from sdalgo.onnx_import import build_onnx as make
    elif reads_by_export(found):
        from sdalgo.torch_import import build_exported as make
    with _blamed(network), bar(f"building {found.name}", quiet=quiet or as_json) as progress:
        built = make(found, out, seed, progress)
    share = built.nonzeros / built.coefficients if built.coefficients else 0.0
    if as_json:
        console.say_json({
            "yaml": str(built.yaml), "tensors": str(built.tensors), "layers": built.layers,
            "reused": built.reused, "coefficients": built.coefficients, "nonzeros": built.nonzeros,
        })  # fmt: skip
        return
    console.say(f"{built.yaml}: {built.layers} layers, {built.reused} taken from an earlier run")
    console.say(f"{built.tensors}: {built.coefficients} coefficients, {share:.1%} not zero")


def _found(recipe: str, network: Path | None) -> "Recipe":
    """The recipe, and its network run where that is a file of the user's own."""
    from sdalgo.own_recipe import load_own
    from sdalgo.ratios import is_path
    from sdalgo.recipe import load_recipe

    if is_path(recipe):
        found = load_own(Path(recipe), network)
        if network is not None:
            from sdalgo import own_network

            own_network.run(network)
        return found
    if network is not None:
        message = f"{recipe} comes with its network; a recipe of your own is a file: my_recipe.yaml"
        raise InputError.at("--network", message)
    return load_recipe(recipe)


def _weighted(found: "Recipe", weights: Path | None, drawn: list[str]) -> "Recipe":
    """The recipe with the weights that were given, if any were."""
    from sdalgo.given_weights import with_weights

    if weights is not None:
        return with_weights(found, weights, drawn)
    if drawn:
        message = "has a meaning with --weights FILE only: without it a recipe says what is drawn"
        raise InputError.at("--draw", message)
    return found


def _blamed(network: Path | None) -> AbstractContextManager[None]:
    if network is None:
        return nullcontext()
    from sdalgo.own_network import blamed

    return blamed(network)
