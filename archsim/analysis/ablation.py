"""Mechanisms of a machine changed one at a time, from a file: `archs/ablations/<machine>.yaml`."""

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.analysis.variants import Runner, Variant
from archsim.arch.change import Change, ChangeSet
from archsim.formats.errors import InputError
from archsim.results.result import Result
from archsim.runs.pool import Answer


@dataclass(frozen=True)
class Ablated:
    """One variant beside the machine as it is. `answer` is its result, or why it cannot run;
    `changes` are what it changes, nothing where it is the machine itself."""

    group: str
    name: str
    changes: tuple[Change, ...]
    answer: Answer


def ablate(
    machine: Variant, variants: Sequence[ChangeSet], run: Runner
) -> tuple[Result, list[Ablated]]:
    """The machine's own result, and each variant beside it.

    Raises:
        InputError: the machine itself cannot run.
    """
    resolved = machine.arch().resolved
    changes = [variant.on(resolved) for variant in variants]
    base, *answers = run([machine.with_changes(each) for each in ((), *changes)])
    if isinstance(base, tuple):
        raise InputError(base)
    return base, [
        Ablated(variant.group, variant.name, change, answer)
        for variant, change, answer in zip(variants, changes, answers, strict=True)
    ]
