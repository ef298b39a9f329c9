"""From what the user named to loaded machines and workloads, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from archsim.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.arch import Arch

    from archsim.workload import Workload

T = TypeVar("T")


def workloads(names: Sequence[str], *, conv_only: bool) -> list[Workload]:
    """The named workloads, each once."""
    from archsim.workload import load_workload

    loaded = _all(dict.fromkeys(names), load_workload)
    return [workload.only_convs() for workload in loaded] if conv_only else loaded


def machines(names: Sequence[str], task: str, sets: Sequence[str]) -> list[Arch]:
    """The named machines, or without a name every shipped or local one for that task, with the
    overrides `sets` (`component.key=value`).

    One line of overrides may concern some of the machines only: it is applied to those that have
    its component. If none has, every machine is asked to apply it, and says what is wrong.
    """
    from archsim.arch import load_arch

    from archsim.search import names as found

    wanted = list(dict.fromkeys(names)) or list(found("archs"))
    plain = _all(wanted, load_arch)
    if not names:
        plain = [arch for arch in plain if arch.task == task]
    if not sets:
        return plain
    lines = {arch.path: _lines_for(arch, sets, plain) for arch in plain}
    return _all(plain, lambda arch: load_arch(str(arch.path), lines[arch.path]))


def _lines_for(arch: Arch, sets: Sequence[str], all_machines: Sequence[Arch]) -> list[str]:
    known = {name for one in all_machines for name in one.components}
    return [
        line
        for line in sets
        if _component(line) in arch.components or _component(line) not in known
    ]


def _component(line: str) -> str:
    return line.partition("=")[0].strip().partition(".")[0]


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
        raise InputError(list(dict.fromkeys(problems)))
    return loaded
