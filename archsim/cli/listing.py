"""`archsim list`: what there is to name on the command line and in an arch file."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from archsim.cli import options
from archsim.formats import console
from archsim.formats.console import Table
from archsim.formats.errors import InputError, Problem
from archsim.formats.progress import bar

if TYPE_CHECKING:
    from archsim.arch.component import Component

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def listing() -> None:
    """List machines, workloads or components.

    \b
    Examples:
      archsim list archs
      archsim list workloads --json
      archsim list components
    """


@app.command("archs")
def archs(
    form: options.Format = options.TEXT, json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """List the machines of --arch.

    \b
    Examples:
      archsim list archs
      archsim list archs --format markdown
    """
    from archsim.arch.arch import load_arch
    from archsim.formats.search import names

    console.use(form)

    def row(name: str) -> dict[str, Any]:
        arch = load_arch(name)
        return {
            "arch": name,
            "name": arch.name,
            "task": arch.task,
            "weights": arch.weights,
            "machine": arch.machine,
            "clock_mhz": arch.clock_mhz,
            "file": shown(arch.path),
        }

    _show(names("archs"), "arch", row, json=json, quiet=quiet)


@app.command("workloads")
def workloads(
    form: options.Format = options.TEXT, json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """List the workloads of --workload.

    With the mode in which each would run: measured if its tensors are built, else drawn from its
    profile, or its shapes alone where it has none.

    \b
    Example:
      archsim list workloads
    """
    from archsim.formats.search import names
    from archsim.workload.workload import load_workload

    console.use(form)

    def row(name: str) -> dict[str, Any]:
        workload = load_workload(name)
        macs = sum(layer.macs for layer in workload.layers) * workload.batch
        return {
            "workload": name,
            "task": workload.task,
            "mode": workload.mode,
            "layers": len(workload.layers),
            "gmacs": round(macs / 1e9, 6),
            "file": shown(workload.path),
        }

    _show(names("workloads"), "workload", row, json=json, quiet=quiet)


@app.command("components")
def components(
    form: options.Format = options.TEXT, json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """List component classes and their keys.

    \b
    Example:
      archsim list components
    """
    from archsim.arch.machine_files import shipped_classes

    console.use(form)
    described = [_described(name, kind) for name, kind in shipped_classes().items()]
    if json:
        console.say_json(described)
    elif not quiet:
        for one in described:
            console.say(f"{one['class']}\n{textwrap.indent(one['meaning'], '  ')}\n")
            rows = [
                [f"  {key}", field["type"], field["default"]] for key, field in one["keys"].items()
            ]
            console.show(Table("", ["  key", "type", "default"], rows, left=3))


def shown(path: Path | str) -> str:
    """A path as a person in the working directory would type it."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _show(
    names: Iterable[str], key: str, row: Callable[[str], dict[str, Any]], *, json: bool, quiet: bool
) -> None:
    """A table of `row` of each name; the problems of files that do not load come after it."""
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    wanted = list(names)
    with bar("reading", quiet=quiet or json) as progress:
        for number, name in enumerate(wanted):
            progress(number, len(wanted), name)
            try:
                rows.append(row(name))
            except InputError as error:
                problems += error.problems
    if json:
        console.say_json(rows)
    elif not quiet and rows:
        console.show(
            Table(
                "",
                list(rows[0]),
                [[_text(value) for value in one.values()] for one in rows],
                left=len(rows[0]),
            )
        )
    elif not quiet:
        console.say(f"no {key} found")
    if problems:
        raise InputError(problems)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _described(name: str, kind: type[Component]) -> dict[str, Any]:
    """A component class as its pydantic model publishes it."""
    schema = kind.model_json_schema()
    needed = schema.get("required", [])
    keys = {
        key: {
            "type": _type(field, schema),
            "default": "needed" if key in needed else _default(field.get("default")),
        }
        for key, field in schema.get("properties", {}).items()
    }
    return {"class": name, "meaning": inspect.cleandoc(kind.__doc__ or ""), "keys": keys}


def _default(value: object) -> str:
    """A value as YAML writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """A JSON Schema type in a few words: its names or its range."""
    if "$ref" in field:
        return _type(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_type(one, schema) for one in field["anyOf"]))
    if "enum" in field:
        return " | ".join(_default(value) for value in field["enum"])
    if "const" in field:
        return _default(field["const"])
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    name = str(field.get("type", "any"))
    if low is None and high is None:
        return name
    opening, closing = "(" if "exclusiveMinimum" in field else "[", "]"
    return f"{name} {opening}{'' if low is None else low}, {'' if high is None else high}{closing}"
