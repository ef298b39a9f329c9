"""Files that change machines (scenarios, switches, ablations), checked against every machine that
can be found: a slip in one is an error, and not a change that is never made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.ablation import load_ablations
from archsim.analysis.switches import COMMON, FOLDER, Switch, load_switches, owners_of, unknown_keys
from archsim.arch.arch import load_arch
from archsim.arch.machine_files import machine_files, shipped_classes
from archsim.arch.overrides import Scenario, load_scenario
from archsim.formats.errors import InputError, Problem
from archsim.formats.search import find, names
from archsim.formats.source import in_file_order, unknown

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.arch.overrides import Override

Lines = Callable[["Arch"], Sequence["Override"]]
"""What a file changes in an arch."""


def check_scenario(path: str | Path, chosen: Sequence[Arch] = ()) -> Scenario:
    """Read a scenario for the `chosen` archs, and any other. InputError with all that is wrong in
    it, its keys and values included."""
    scenario = load_scenario(path)
    archs = [*_archs(), *chosen]
    problems = [
        Problem(scenario.places[name], unknown("machine", name, machine_files()))
        for name in scenario.by_machine
        if name not in machine_files()
    ]
    owners = list(dict.fromkeys(name for arch in archs for name in _owners(arch)))
    problems += [
        Problem(each.place, unknown("component", each.owner, owners))
        for each in scenario.common
        if "." in each.key and each.owner not in owners
    ]
    problems += _refused(lambda arch: scenario.lines(arch.machine, _owners(arch)), archs)
    _complain(problems)
    return scenario


def switches_of(machine: str) -> tuple[Switch, ...]:
    """The common switches, then those of the machine, in the order in which they are applied.

    Raises:
        InputError: a file is wrong.
    """
    files = [COMMON, *([machine] if machine in names(FOLDER) else [])]
    return tuple(switch for file in files for switch in check_switches(find(FOLDER, file)))


def check_switches(path: Path) -> Sequence[Switch]:
    """Read a file of switches, likewise."""
    switches = load_switches(path)
    _complain(_problems(switches, _concerned(path)))
    return switches


def check_ablations(path: Path) -> Sequence[Switch]:
    """Read a file of variants, likewise."""
    variants = [variant for _, variant in load_ablations(path)]
    _complain(_problems(variants, _concerned(path)))
    return variants


def _problems(switches: Sequence[Switch], archs: Sequence[Arch]) -> list[Problem]:
    shipped = {name: list(kind.model_fields) for name, kind in shipped_classes().items()}
    problems = unknown_keys(switches, shipped | owners_of(archs))
    nowhere = {problem.place for problem in problems}
    for switch in switches:
        if not nowhere & {each.place for each in switch.keys}:
            problems += _refused(switch.overrides, archs)
    return problems


def _refused(lines: Lines, archs: Sequence[Arch]) -> list[Problem]:
    """Changes that no arch takes which they concern."""
    found: dict[str, Problem | None] = {}
    for arch in archs:
        changes = lines(arch)
        wrong = _wrong(arch, changes)
        for place in dict.fromkeys(each.place for each in changes):
            if place not in wrong:
                found[place] = None
            found.setdefault(place, wrong.get(place))
    return [problem for problem in found.values() if problem is not None]


def _wrong(arch: Arch, changes: Sequence[Override]) -> dict[str, Problem]:
    """The first problem at the place of each change; at that of the first one for what concerns
    several."""
    try:
        load_arch(arch.path, changes)
    except InputError as error:
        places = {each.place for each in changes}
        found: dict[str, Problem] = {}
        for one in error.problems:
            place = one.place if one.place in places else changes[0].place
            found.setdefault(place, Problem(place, one.message))
        return found
    return {}


def _concerned(path: Path) -> list[Arch]:
    """The archs of the machine that a file is called after, else all."""
    archs = _archs()
    own = [arch for arch in archs if arch.machine == path.stem and path.stem != COMMON]
    return own or archs


def _archs() -> list[Arch]:
    """Every machine that can be found and is right."""
    archs = []
    for path in names("archs").values():
        try:
            archs.append(load_arch(path))
        except InputError:
            continue
    return archs


def _owners(arch: Arch) -> list[str]:
    return [*arch.components, *arch.flows]


def _complain(problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(in_file_order(list(dict.fromkeys(problems))))
