"""From what the user named to loaded machines and workloads, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from archsim.formats.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.arch.change import Change

T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """A machine as its file has it, what is to be changed in it, and the machine then."""

    arch: Arch
    overrides: tuple[Change, ...]
    changed: Arch


def workload_paths(names: Sequence[str]) -> list[Path]:
    """The files of the named workloads, each once."""
    from archsim.formats.search import find

    return _all(dict.fromkeys(names), lambda name: find("workloads", str(name)))


def choices(
    names: Sequence[str], task: str, scenario: str | None, sets: Sequence[str]
) -> list[Choice]:
    """The named machines, or without a name every one that can be found for that task, under a
    scenario and the lines `sets` (``component.key=value``, the stronger of the two), each where it
    concerns the machine.

    Raises:
        InputError: what is wrong with them, a line that concerns no machine included.
    """
    from archsim.arch.arch import load_arch
    from archsim.arch.change import ChangeSet, parsed
    from archsim.arch.change_files import check_keys, load_scenario
    from archsim.formats.search import names as found

    plain = _all(dict.fromkeys(names) or found("archs"), load_arch)
    chosen = plain if names else [arch for arch in plain if arch.task == task]
    overlay = load_scenario(scenario, chosen).changes if scenario else ()
    lines = tuple(parsed(sets))
    check_keys([ChangeSet("--set", changes=lines)], chosen)
    both = ChangeSet("--set", changes=(*overlay, *lines))

    def changed(arch: Arch) -> Choice:
        lines = both.on(arch.resolved)
        return Choice(arch, lines, load_arch(arch.path, lines))

    return _all(chosen, changed)


def check_reference(name: str, archs: Iterable[Arch]) -> None:
    """InputError where a machine to normalise to is neither among these nor found anywhere."""
    from archsim.formats.search import names as found
    from archsim.formats.source import unknown

    known = dict.fromkeys([*found("archs"), *(each.path.stem for each in archs)])
    called = {each.name.casefold() for each in archs} | {each.casefold() for each in known}
    if name.casefold() not in called:
        raise InputError.at("--normalise-to", unknown("machine", name, known))


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
