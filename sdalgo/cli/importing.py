"""`sdalgo import`: an ONNX file to a workload."""

import re
from pathlib import Path
from typing import Annotated

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.errors import InputError
from archsim.formats.progress import bar

_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # no file's name on Windows


def import_model(  # noqa: PLR0913, PLR0917  (one parameter an option)
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    name: Annotated[str | None, typer.Option(help="Of the workload; else the file's.")] = None,
    theta: Annotated[float, typer.Option(help="Smaller coefficients become 0.")] = 4e-3,
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
      sdalgo import bert.onnx --dim seq=128 --input token_type_ids=0
    """
    from sdalgo.importer.feeds import Wanted
    from sdalgo.importer.given_inputs import given_values
    from sdalgo.onnx_import import import_onnx
    from sdalgo.recipe import Recipe

    unpacked.allow(max_gb)
    own_files.force(force)
    stem = _file_name(model.stem) if name is None else _checked(name)
    recipe = Recipe(name=stem, about="imported", network="onnx", weights="the file", theta=theta)
    with bar(f"importing {stem}", quiet=as_json) as progress:
        wanted = Wanted(size=_sizes(size), dims=_dims(dim or []), values=given_values(given or []))
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


def _file_name(stem: str) -> str:
    """The name of a workload that a file's own name suggests."""
    plain = re.sub(r"[^A-Za-z0-9_. +-]", "_", stem.replace("-", "_"))[:90].rstrip(" .")
    legal = re.match("[A-Za-z0-9]", plain) and not _DEVICE.match(plain)
    return plain if legal else f"net_{plain}"


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_. +-]{0,99}", name) or name[-1] in " .":
        raise InputError.at(
            "--name", f"{name!r:.120}: a letter or digit is needed, then at most 99 letters, "
            "digits, spaces and . _ + -, neither a space nor a dot last"
        )  # fmt: skip
    if _DEVICE.match(name):
        raise InputError.at("--name", f"{name!r}: on some systems this is a device; name another")
    return name
