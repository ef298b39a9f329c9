"""A machine with changes, as one word: `smartdeal@pe_slices.sync=lanes,weights=dense`, or the file
of a result that was made on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import Change, split_arch
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.results.result import Result
from archsim.results.store import read_result
from archsim.runs.pool import Answer


@dataclass(frozen=True)
class Variant:
    """A machine's file, what is changed in it, and what it is called. `result` is what it stands
    for, where it came as a file of results."""

    label: str
    path: Path
    changes: tuple[Change, ...] = ()
    result: Result | None = None

    def arch(self) -> Arch:
        """The machine with its changes."""
        return load_arch(self.path, self.changes)

    def with_changes(self, more: tuple[Change, ...]) -> Variant:
        """The same with `more` changes."""
        return replace(self, changes=(*self.changes, *more))


Runner = Callable[[Sequence[Variant]], Sequence["Answer"]]
"""Runs variants on one workload: a result for each, or why it cannot run."""


def variant_of(text: str, scratch: Path) -> Variant:
    """The variant that `text` names: ``arch``, ``arch@key=value,...`` or a results file.

    The arch that a result holds is written into the folder `scratch`.

    Raises:
        InputError: no such file, machine or key.
    """
    if text.endswith(".json"):
        return _of_result(Path(text), scratch)
    name, changes = split_arch(text)
    variant = Variant(text, find("archs", name), changes)
    arch = variant.arch()
    return variant if changes else replace(variant, label=arch.name)


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
