"""A machine with changes, as one word: `smartdeal@pe_slices.sync=lanes,weights=dense`, or the file
of a result that was made on it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.arch.overrides import Override, parsed
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.results.store import read_result

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.results.result import Result

BETWEEN = re.compile(r",(?=[\w.]+=)")  # a comma inside a list of values separates no overrides


@dataclass(frozen=True)
class Variant:
    """A machine's file, what is changed in it, and what it is called. `result` is what it stands
    for, where it came as a file of results."""

    label: str
    path: Path
    overrides: tuple[Override, ...] = ()
    result: Result | None = None

    def arch(self, more: tuple[Override, ...] = ()) -> Arch:
        """The machine with its changes, and `more` of them."""
        from archsim.arch.arch import load_arch

        return load_arch(self.path, (*self.overrides, *more))


def variant_of(text: str, scratch: Path) -> Variant:
    """The variant that `text` names: ``arch``, ``arch@key=value,...`` or a results file.

    The arch that a result holds is written into the folder `scratch`.

    Raises:
        InputError: no such file, machine or key.
    """
    if text.endswith(".json"):
        return _of_result(Path(text), scratch)
    name, at, lines = text.partition("@")
    path = find("archs", name)
    variant = Variant(text, path, tuple(parsed(BETWEEN.split(lines))) if at else ())
    arch = variant.arch()
    return variant if at else Variant(arch.name, path)


def _of_result(file: Path, scratch: Path) -> Variant:
    result = read_result(file)
    path = scratch / f"{len(list(scratch.iterdir()))}" / f"{file.stem}.yaml"
    path.parent.mkdir()
    path.write_text(json.dumps(result.arch_resolved))  # JSON is YAML
    variant = Variant(f"{result.arch} ({file})", path, (), result)
    try:
        arch = variant.arch()
    except InputError as error:
        raise InputError.at(str(file), f"its machine is no longer legal: {error}") from error
    if arch.hash != result.arch_hash:
        raise InputError.at(str(file), "its machine is not what its hash says; run it again")
    return variant


def check_same(variant: Variant, again: Result) -> None:
    """InputError if a results file differs from what its machine gives now."""
    before = variant.result
    if before is None:
        return
    energies = (before.energy_pj, again.energy_pj)
    if before.cycles != again.cycles or abs(energies[0] - energies[1]) > 1e-9 * max(energies):
        raise InputError.at(
            variant.label,
            f"was made from other inputs or by another version: it has {before.cycles:,} cycles, "
            f"and its machine now takes {again.cycles:,}; run it again",
        )
