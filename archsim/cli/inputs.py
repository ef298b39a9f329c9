"""From what the user named to loaded machines and workloads, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from archsim.formats.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.arch.overrides import Override
    from archsim.workload.workload import Workload

T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """A machine as its file has it, and what is to be changed in it."""

    arch: Arch
    overrides: tuple[Override, ...]


def workloads(names: Sequence[str], *, conv_only: bool, batch: int | None = None) -> list[Workload]:
    """The named workloads, each once, at another batch size if one is given."""
    from archsim.workload.workload import load_workload

    loaded = _all(dict.fromkeys(names), load_workload)
    if batch is not None:
        loaded = [workload.of_batch(batch) for workload in loaded]
    return [workload.only_convs() for workload in loaded] if conv_only else loaded


def workload_paths(names: Sequence[str]) -> list[Path]:
    """The files of the named workloads, each once."""
    from archsim.formats.search import find

    return _all(dict.fromkeys(names), lambda name: find("workloads", str(name)))


def machines(
    names: Sequence[str], task: str, scenario: str | None, sets: Sequence[str]
) -> list[Arch]:
    """The named machines, or without a name every one that can be found for that task, under a
    scenario and the overrides `sets` (``component.key=value``, the stronger of the two).

    An override concerns the machines that have its component or flow. If none has, every machine
    is asked to apply it, and says what is wrong.
    """
    from archsim.arch.arch import load_arch

    chosen = choices(names, task, scenario, sets)
    return _all(chosen, lambda choice: load_arch(choice.arch.path, choice.overrides))


def choices(
    names: Sequence[str], task: str, scenario: str | None, sets: Sequence[str]
) -> list[Choice]:
    """As `machines`: the machines as their files have them, and the overrides that go with each."""
    from archsim.analysis.changes import check_scenario
    from archsim.arch.arch import load_arch
    from archsim.arch.overrides import parsed
    from archsim.formats.search import names as found

    plain = _all(dict.fromkeys(names) or found("archs"), load_arch)
    chosen = plain if names else [arch for arch in plain if arch.task == task]
    overlay = check_scenario(scenario, chosen) if scenario else None
    lines = parsed(sets)
    known = {name for arch in chosen for name in _owners(arch)}
    return [
        Choice(
            arch,
            (
                *(overlay.lines(arch.machine, _owners(arch)) if overlay else ()),
                *_for(arch, lines, known),
            ),
        )
        for arch in chosen
    ]


def check_reference(name: str, archs: Iterable[Arch]) -> None:
    """InputError where a machine to normalise to is neither among these nor found anywhere."""
    from archsim.formats.search import names as found
    from archsim.formats.source import unknown

    known = dict.fromkeys([*found("archs"), *(each.path.stem for each in archs)])
    called = {each.name.casefold() for each in archs} | {each.casefold() for each in known}
    if name.casefold() not in called:
        raise InputError.at("--normalise-to", unknown("machine", name, known))


def one_machine(name: str, scenario: str | None, sets: Sequence[str]) -> Arch:
    """The named machine."""
    return machines([name], "", scenario, sets)[0]


def _for(arch: Arch, lines: Iterable[Override], known: set[str]) -> list[Override]:
    """The overrides that `arch` can apply, and those that no machine can."""
    own = _owners(arch)
    return [each for each in lines if each.owner in own or each.owner not in known]


def _owners(arch: Arch) -> set[str]:
    return {*arch.components, *arch.flows}


def _all(names: Iterable[object], load: Callable[..., T]) -> list[T]:
    """`load` of every name; InputError with the problems of all that fail."""
    loaded: list[T] = []
    problems: list[Problem] = []
    for name in names:
        try:
            loaded.append(load(name))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    return loaded
