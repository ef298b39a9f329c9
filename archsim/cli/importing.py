"""`archsim import`: a topology of SCALE-Sim to a workload."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.formats.topology_csv import Topology
    from archsim.workload.from_topology import Densities

MARK = '"archsim import'


def import_topology(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A topology of SCALE-Sim.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the workload; else the file's.")
    ] = None,
    input_density: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            show_default=False,
            help="Of activations that are not zero: draw them, for machines that need values.",
        ),
    ] = None,
    weight_density: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            show_default=False,
            help="Of weights that are not zero: draw them, for machines that need values.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where the workload is written.")
    ] = Path("workloads"),
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Make a workload of a SCALE-Sim topology.

    Reads convolutions (IFMAP, filter, channels, strides) and products (M, N, K). The workload has
    shapes alone, which machines of dense weights run; with a density its values are drawn, and
    every machine runs it. For a network with its weights: sdalgo import.

    \b
    Examples:
      archsim import alexnet.csv
      archsim import gpt2.csv --name gpt2_products --input-density 0.5 --weight-density 0.4
    """
    from archsim.formats import workload_names
    from archsim.formats.topology_csv import read_topology
    from archsim.workload.from_topology import layers_of, notes_of, workload_text

    own_files.force(force)
    stem = workload_names.suggested(file.stem) if name is None else workload_names.checked(name)
    topology = read_topology(file)
    densities = _densities(input_density, weight_density)
    layers = layers_of(topology, densities)
    head = _head(file, stem, topology, densities)
    path = out / f"{stem}.yaml"
    text = workload_text(head, layers)
    macs = _checked(text, stem, topology, file)
    own_files.write_own(path, text.encode(), MARK.encode())
    notes, run = notes_of(topology), _command(path, densities)
    if json:
        told = {"yaml": str(path), "layers": len(layers), "macs": macs, "notes": notes, "next": run}
        console.say_json(told)
    elif not quiet:
        console.say(f"{path}: {len(layers)} layers, {macs:,} multiplications")
        console.say("\n".join([*(f"  {note}" for note in notes), "", "next:", f"  {run}"]))


def _densities(inputs: float | None, weights: float | None) -> Densities | None:
    from archsim.workload.from_topology import Densities

    if inputs is None and weights is None:
        return None
    return Densities(
        inputs=1.0 if inputs is None else inputs, weights=1.0 if weights is None else weights
    )


def _head(file: Path, name: str, topology: Topology, drawn: Densities | None) -> dict[str, Any]:
    """The keys of the workload file before its layers."""
    from archsim.formats.source import shown
    from archsim.workload.from_topology import batch_of

    csv = file.name.encode(errors="replace").decode()  # a name may hold bytes that are no text
    source = {"made_by": f"archsim import {csv} --name {name}"}
    if drawn is not None:
        source["made_by"] += f" --input-density {drawn.inputs} --weight-density {drawn.weights}"
        source["weights"] = f"SYNTHETIC: {drawn.weights:.4g} of them not zero, uniform values"
        source["activations"] = f"SYNTHETIC: {drawn.inputs:.4g} of them not zero, uniform values"
    source["topology"] = f"shapes of {csv} (SCALE-Sim), every layer fed from outside"
    return {
        "format": "archsim-workload/1", "name": name, "task": "inference",
        "batch": batch_of(topology, shown(file)), "source": source,
    }  # fmt: skip


def _checked(text: str, name: str, topology: Topology, file: Path) -> int:
    """The multiplications of the workload, read before it takes its place.

    Raises:
        InputError: a layer is more than a workload takes, at its line of the topology.
    """
    from archsim.formats.errors import InputError, Problem
    from archsim.formats.source import shown
    from archsim.workload.workload import load_workload

    first = text[: text.index("\nlayers:\n")].count("\n") + 3  # the line of the first layer
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_bytes(text.encode())
        try:
            found = load_workload(path)
        except InputError as error:
            lines = [re.search(r":(\d+):\d+$", one.place) for one in error.problems]
            raise InputError(
                Problem(f"{shown(file)}:{topology.rows[int(at[1]) - first].line}", one.message)
                if at and int(at[1]) >= first
                else Problem(shown(file), one.message)
                for at, one in zip(lines, error.problems, strict=True)
            ) from error
    return found.batch * sum(layer.macs for layer in found.layers)


def _command(path: Path, densities: Densities | None) -> str:
    """What runs the workload: every machine, or those that need no values."""
    word = path.stem if path.parent == Path("workloads") else str(path)
    dense = "" if densities is not None else " -a diannao -a systolic"
    return f"archsim run -w {word}{dense}"
