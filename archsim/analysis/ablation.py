"""Mechanisms of a machine changed one at a time, from a file: `archs/ablations/<machine>.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from archsim.analysis.switches import Switch, keys_of, owners_of, unknown_keys
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import Part, in_file_order, read
from archsim.formats.workload_records import Record

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.arch.overrides import Override
    from archsim.results.result import Result

FOLDER = "archs/ablations"
Text = Annotated[str, Field(min_length=1, max_length=80)]
Runner = Callable[[Sequence[tuple["Override", ...]]], "Sequence[Result | tuple[Problem, ...]]"]
"""Runs the machine with each of several sets of overrides."""


class _Variant(Record):
    name: Text
    set: Annotated[dict[str, Any], Field(min_length=1)]


class _Group(Record):
    title: Text
    variants: Annotated[list[_Variant], Field(min_length=1)]


class _File(Record):
    description: str
    groups: Annotated[list[_Group], Field(min_length=1)]


@dataclass(frozen=True)
class Row:
    """One variant beside the machine as it is. `answer` is its result, or why it cannot run;
    `changes` are its overrides, none where it is the machine itself."""

    group: str
    name: str
    changes: tuple[Override, ...]
    answer: Result | tuple[Problem, ...]


def load_ablations(path: Path) -> list[tuple[str, Switch]]:
    """The variants of a file with the titles of their groups.

    Raises:
        InputError: everything that is wrong with the file.
    """
    document = read(path)
    problems: list[Problem] = []
    record = Part(document).checked(_File, document.value, problems)
    if record is None:
        raise InputError(in_file_order(problems))
    return [
        (
            group.title,
            Switch(
                variant.name,
                variant.name,
                keys_of(document, ("groups", at, "variants", number), variant.set),
            ),
        )
        for at, group in enumerate(record.groups)
        for number, variant in enumerate(group.variants)
    ]


def ablate(
    arch: Arch, variants: Sequence[tuple[str, Switch]], run: Runner
) -> tuple[Result, list[Row]]:
    """The machine's own result, and a row for each variant.

    Raises:
        InputError: a key leads nowhere, or the machine itself cannot run.
    """
    unknown = unknown_keys([variant for _, variant in variants], owners_of([arch]))
    if unknown:
        raise InputError([Problem(one.place, f"{arch.name}: {one.message}") for one in unknown])
    changes = [variant.overrides(arch) for _, variant in variants]
    answers = run([(), *changes])
    base = answers[0]
    if isinstance(base, tuple):
        raise InputError(base)
    rows = [
        Row(group, variant.name, change, answer)
        for (group, variant), change, answer in zip(variants, changes, answers[1:], strict=True)
    ]
    return base, rows


def ablations_schema() -> dict[str, Any]:
    """JSON Schema of a file of variants."""
    return _File.model_json_schema()
