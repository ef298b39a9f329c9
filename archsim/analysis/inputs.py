"""From what the user named to loaded machines and workloads, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from archsim.formats.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.arch.change import Change
    from archsim.results.settings import Settings
    from archsim.runs.pool import Job
    from archsim.workload.workload import Workload

T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """A machine as its file has it, what is to be changed in it, and the machine then; `settings`
    are those of the changes that no scenario makes."""

    arch: Arch
    overrides: tuple[Change, ...]
    changed: Arch
    settings: Settings


def networks(
    names: Sequence[str], layers: str, batch: int | None = None
) -> list[tuple[Job, Workload]]:
    """The named workloads, each once, loaded, and jobs of them that have no machine yet.

    Raises:
        InputError: what is wrong with them; or two of them have one name, by which results are
            stored and told apart.
    """
    from archsim.formats.search import find
    from archsim.formats.source import shown
    from archsim.runs.pool import Job

    paths = _all(dict.fromkeys(names), lambda name: find("workloads", str(name)))
    files = {path.resolve(): path for path in reversed(paths)}.values()
    jobs = [Job(path, path, layers=layers, batch=batch) for path in reversed(files)]
    loaded = _all(jobs, lambda job: job.network())
    first: dict[str, Workload] = {}
    for one in loaded:
        other = first.setdefault(one.name.casefold(), one)
        if other is not one:
            message = (
                f"is called {one.name!r}, as is {shown(other.path)}: change the `name:` of one"
            )
            raise InputError.at(shown(one.path), message)
    return list(zip(jobs, loaded, strict=True))


def choices(
    names: Sequence[str], tasks: Collection[str], scenario: str | None, sets: Sequence[str]
) -> list[Choice]:
    """The named machines, or without a name every one that can be found for those tasks, under a
    scenario and the lines `sets` (``component.key=value``, the stronger of the two), each where it
    concerns the machine. A name may carry changes of its own (``ARCH@KEY=VALUE,...``), which are
    stronger than both.

    Raises:
        InputError: what is wrong with them, a line or a scenario that concerns none of these
            machines included.
    """
    from archsim.arch.arch import load_arch
    from archsim.arch.change import ChangeSet, parsed, split_arch
    from archsim.arch.change_files import check_keys, load_scenario
    from archsim.formats.search import names as found
    from archsim.results.settings import setting_name

    asked = _all(dict.fromkeys(names) or found("archs"), split_arch)
    loaded = _all(asked, lambda one: (load_arch(one[0]), one[1]))
    _check_own_keys(loaded)
    unlike = {_identity(*one): one for one in reversed(loaded)}.values()
    named = [one for one in reversed(unlike) if names or one[0].task in tasks]
    chosen = [arch for arch, _ in named]
    overlay = load_scenario(scenario, chosen).changes if scenario else ()
    if scenario and not any(each.concerns(arch.resolved) for each in overlay for arch in chosen):
        called = ", ".join(arch.name for arch in chosen)
        message = f"changes nothing in {called}; leave it out, or name a machine that it changes"
        raise InputError.at(f"--scenario {scenario}", message)
    lines = tuple(parsed(sets))
    check_keys([ChangeSet("--set", changes=lines)], chosen)

    def changed(one: tuple[Arch, tuple[Change, ...]]) -> Choice:
        arch, own_lines = one
        under = ChangeSet("--scenario", changes=overlay).on(arch.resolved)
        before = load_arch(arch.path, under) if under else arch
        own = ChangeSet("--set", changes=(*lines, *own_lines)).on(before.resolved)
        overrides = ChangeSet("--set", changes=(*overlay, *lines, *own_lines)).on(arch.resolved)
        after = load_arch(arch.path, overrides)
        settings = {setting_name(each.key): after.value(each.key) for each in own}
        return Choice(arch, overrides, after, settings)

    return _all(named, changed)


def _check_own_keys(named: Iterable[tuple[Arch, tuple[Change, ...]]]) -> None:
    """InputError with the keys after an @ that lead nowhere in their machines."""
    from archsim.arch.change import ChangeSet
    from archsim.arch.change_files import check_keys

    _all(named, lambda one: check_keys([ChangeSet("@", changes=one[1])], [one[0]]))


def _identity(arch: Arch, changes: Iterable[Change]) -> object:
    """What tells a machine from others that are named beside it."""
    return arch.path.resolve(), repr([(each.key, each.value) for each in changes])


def check_reference(name: str, archs: Iterable[Arch]) -> None:
    """InputError where a machine to normalise to is neither among these nor found anywhere."""
    from archsim.formats.search import inner_names, name_of
    from archsim.formats.search import names as found
    from archsim.formats.source import unknown

    these = (name_of("archs", each.path) for each in archs)
    known = dict.fromkeys([*found("archs"), *inner_names("archs"), *these])
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
