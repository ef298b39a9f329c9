"""`archsim new`: a machine of one's own, begun as a copy of another."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.arch.arch import Arch

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
RESERVED = ("shared",)
IMPORTING = '''"""Begun as {machine}; docs/machines/README.md says what a rule returns."""

from archsim.machines.{machine} import {names}

__all__ = [{quoted}]
'''


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the machine and its files: my_machine.")
    ],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="ARCH",
            autocompletion=options.named("archs"),
            help="The machine to copy, by name or as a file.",
        ),
    ] = "systolic",
    rule: Annotated[
        bool, typer.Option("--rule", help="Copy its rule as well, the Python of its array.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Begin a machine of your own.

    Copies an arch file to archs/NAME.yaml, comments and all. With --rule its rule becomes
    archsim/machines/NAME in a checkout, and machines/NAME.py elsewhere. Nothing is overwritten.

    \b
    Examples:
      archsim new my_machine --from smartdeal
      archsim new my_array --from systolic --rule
    """
    from archsim.arch.arch import load_arch
    from archsim.arch.machine_files import OWN
    from archsim.formats.files import write_atomically

    copied = load_arch(source)
    folder = OWN if Path("archsim/machines").resolve() == OWN else Path("machines")
    arch = Path("archs") / f"{name}.yaml"
    files = dict(_rule(copied, name, folder)) if rule else {}
    files[arch] = _renamed(copied.path.read_text(encoding="utf-8"), name, rule=rule)
    _check(name, files, rule=rule)
    for path, text in files.items():
        write_atomically(path, text.encode())
    try:
        load_arch(arch, machines=folder)
    except Exception:
        for path in files:
            path.unlink()
        raise
    written = [str(path.relative_to(Path.cwd()) if path.is_absolute() else path) for path in files]
    then = _next(arch, copied, environment=rule and folder != OWN)
    if json:
        console.say_json({"written": written, "next": then})
    elif not quiet:
        console.say("\n".join([*(f"written: {path}" for path in written), "", "next:"]))
        console.say("\n".join(f"  {line}" for line in then))


def _check(name: str, files: dict[Path, str], *, rule: bool) -> None:
    """InputError if the name is no name, or is taken."""
    from archsim.arch.machine_files import machine_files
    from archsim.formats.errors import InputError
    from archsim.formats.search import names

    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name in RESERVED:
        raise InputError.at(
            repr(name),
            "is no name for a machine: small letters, digits and _, a letter first, 60 at most, "
            "and no word of Python; for example my_machine",
        )
    taken = [*names("archs"), *(machine_files() if rule else ())]
    there = [str(path) for path in files if path.exists()]
    if name in taken or there:
        where = ", ".join(there) or "it comes with archsim"
        raise InputError.at(repr(name), f"is taken ({where}); choose another name")


def _renamed(text: str, name: str, *, rule: bool) -> str:
    """The arch file with another name and, with a rule of its own, another machine."""
    for key in ("name", "machine") if rule else ("name",):
        text = re.sub(rf"(?m)^{key}:[^#\n]*?(?=\s*(#|$))", f"{key}: {name}", text, count=1)
    return text


def _rule(copied: Arch, name: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """The files of a rule that begins as that of `copied`: a copy or, where the rule is a folder
    and may not be copied into another package, a file that imports it.
    """
    from archsim.arch.machine_files import OWN, module_of

    path = copied.machine_path
    if path.is_file():
        yield folder / f"{name}.py", path.read_text(encoding="utf-8")
    elif folder == OWN:
        for file in sorted(path.rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            text = text.replace(f"archsim.machines.{path.stem}", f"archsim.machines.{name}")
            yield OWN / name / file.relative_to(path), text
    else:
        names = sorted({"FLOWS", "tiles", "stored_bytes"} & vars(module_of(path)).keys())
        quoted = ", ".join(f'"{each}"' for each in names)
        text = IMPORTING.format(machine=path.stem, names=", ".join(names), quoted=quoted)
        yield folder / f"{name}.py", text


def _next(arch: Path, copied: Arch, *, environment: bool) -> list[str]:
    """What to do with it, as lines to read or to type."""
    workload = "tiny_sd" if copied.task == "inference" else "resnet18_cifar_sdt"
    variable = "ARCHSIM_MACHINES=machines " if environment else ""
    return [
        f"edit {arch}, and say in a comment where each number is from",
        f"{variable}archsim validate {arch}",
        f"{variable}archsim run -w {workload} -a {copied.path.stem} -a {arch.stem}",
        "docs/machines/README.md says what a rule returns and where prices stand",
    ]
