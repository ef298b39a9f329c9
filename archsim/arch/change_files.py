"""Files of named sets of changes: scenarios, mechanisms to switch off, and variants to compare.

One loader reads all of them and checks every key against the machines that can be found, so that a
slip is an error at its place, and not a change that is never made.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import Change, ChangeSet
from archsim.arch.machine_files import machine_files, shipped_classes
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import Record, load
from archsim.formats.search import find, names
from archsim.formats.source import in_file_order, unknown
from archsim.formats.workload_records import FileName
from archsim.formats.yaml12 import Document

SWITCHES = "archs/switches"
ABLATIONS = "archs/ablations"
COMMON = "common"
KeyValues = Annotated[dict[str, Any], Field(description="New values by key: Class.key, "
                      "component.key, flow.key, or a key of the arch file.")]  # fmt: skip
SomeKeyValues = Annotated[KeyValues, Field(min_length=1)]
ByMachine = Annotated[dict[str, KeyValues], Field(default_factory=dict)]
Text = Annotated[str, Field(min_length=1, max_length=80)]


@dataclass(frozen=True)
class Entry:
    """A named set as it stands in a file at the path `at`: `set` changes every machine that it
    concerns, `machines` change the one that is named."""

    at: tuple[Any, ...]
    name: str
    title: str
    set: Mapping[str, Any]
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group: str = ""

    def read(self, document: Document) -> ChangeSet:
        """The set, each change at its place in the file."""
        below = {("set",): self.set} | {
            ("machines", one): own for one, own in self.machines.items()
        }
        changes = (
            Change(key, value, document.key_place(*self.at, *path, key), "".join(path[1:]))
            for path, keys in below.items()
            for key, value in keys.items()
        )
        return ChangeSet(self.name, self.title, tuple(changes), self.group)


class ChangeFile(Record):
    """The record of such a file. `of_machine` tells that a file which is called after a machine is
    about that machine alone."""

    of_machine: ClassVar[bool] = False

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Its named sets, in their order."""


class Scenario(ChangeFile):
    """Changes of every machine that has the key's owner, and changes of single machines."""

    name: FileName
    description: str
    set: Annotated[KeyValues, Field(default_factory=dict)]
    machines: ByMachine

    def entries(self) -> Iterator[Entry]:
        yield Entry((), self.name, self.description, self.set, self.machines)


class Switch(Record):
    """A mechanism, and the values that switch it off."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    title: Text
    set: SomeKeyValues


class Switches(ChangeFile):
    """Mechanisms of a machine, in the order in which they are switched off."""

    of_machine: ClassVar[bool] = True
    description: str
    switches: list[Switch]

    def entries(self) -> Iterator[Entry]:
        for at, one in enumerate(self.switches):
            yield Entry(("switches", at), one.name, one.title, one.set)


class Variant(Record):
    """A machine with some values changed."""

    name: Text
    set: SomeKeyValues


class Group(Record):
    """Variants of one mechanism."""

    title: Text
    variants: Annotated[list[Variant], Field(min_length=1)]


class Ablations(ChangeFile):
    """Variants of a machine, in groups."""

    of_machine: ClassVar[bool] = True
    description: str
    groups: Annotated[list[Group], Field(min_length=1)]

    def entries(self) -> Iterator[Entry]:
        for at, group in enumerate(self.groups):
            for number, one in enumerate(group.variants):
                path = ("groups", at, "variants", number)
                yield Entry(path, one.name, one.name, one.set, group=group.title)


F = TypeVar("F", bound=ChangeFile)


def load_sets(path: Path, shape: type[F]) -> tuple[F, list[ChangeSet]]:
    """The record of a file, and its named sets with their keys unchecked.

    Raises:
        InputError: everything that is wrong with the form of the file.
    """
    document, record = load(path, shape)
    return record, [entry.read(document) for entry in record.entries()]


def checked_sets(path: Path, shape: type[F], chosen: Sequence[Arch] = ()) -> list[ChangeSet]:
    """The named sets of a file, checked on every machine that can be found, and on the `chosen`.

    Raises:
        InputError: everything that is wrong with the file, its keys and values included.
    """
    _, sets = load_sets(path, shape)
    archs = [*_archs(), *chosen]
    own = [arch for arch in archs if shape.of_machine and arch.machine == path.stem != COMMON]
    problems = []
    for one in sets:
        wrong = [_problem(each, own or archs, _classes()) for each in one.changes]
        pairs = zip(one.changes, wrong, strict=True)
        right = tuple(change for change, problem in pairs if problem is None)
        problems += [*filter(None, wrong), *_refused(replace(one, changes=right), own or archs)]
    if problems:
        raise InputError(in_file_order(problems))
    return sets


def load_scenario(name_or_path: str | Path, chosen: Sequence[Arch] = ()) -> ChangeSet:
    """The scenario of that name in ``archs/scenarios``, or at that path, checked likewise."""
    return checked_sets(find("archs/scenarios", name_or_path), Scenario, chosen)[0]


def switches_of(machine: str) -> list[ChangeSet]:
    """The common switches, then those of the machine, in the order in which they are applied.

    Raises:
        InputError: a file is wrong.
    """
    files = [COMMON, *([machine] if machine in names(SWITCHES) else [])]
    return [one for file in files for one in checked_sets(find(SWITCHES, file), Switches)]


def check_keys(sets: Sequence[ChangeSet], archs: Sequence[Arch]) -> None:
    """Check that every key leads somewhere in one of the archs, which is named if it is the only
    one.

    Raises:
        InputError: the keys that do not.
    """
    changes = (change for one in sets for change in one.changes)
    problems = [*filter(None, (_problem(change, archs, {}) for change in changes))]
    if len(archs) == 1:
        name = archs[0].name
        problems = [Problem(one.place, f"{name}: {one.message}") for one in problems]
    if problems:
        raise InputError(in_file_order(problems))


def _problem(change: Change, archs: Sequence[Arch], classes: Mapping[str, Any]) -> Problem | None:
    """What is wrong with a key on the archs that its change may concern, and on `classes`."""
    if change.machine and change.machine not in machine_files():
        return Problem(change.place, unknown("machine", change.machine, machine_files()))
    legal = [arch.keys for arch in archs if change.machine in {"", arch.machine}]
    if change.machine and not legal:
        return None  # a machine without an arch file has no keys to hold it against
    message = change.problem([*legal, {"components": classes}])
    return Problem(change.place, message) if message else None


def _classes() -> dict[str, Any]:
    """Every shipped component class, as a component of that name: a file may name one that no
    machine has yet."""
    return {name: {"class": name, **kind.model_fields} for name, kind in shipped_classes().items()}


def _refused(one: ChangeSet, archs: Sequence[Arch]) -> list[Problem]:
    """Changes that no arch takes which they concern. A problem that is at the place of none of them
    is told at that of the first."""
    found: dict[str, Problem | None] = {}
    for arch in archs:
        changes = one.on(arch.resolved)
        wrong: dict[str, Problem] = {}
        try:
            load_arch(arch.path, changes)
        except InputError as error:
            places = [each.place for each in changes]
            for each in error.problems:
                place = each.place if each.place in places else places[0]
                wrong.setdefault(place, Problem(place, each.message))
        for place in (each.place for each in one.changes if each.concerns(arch.resolved)):
            found[place] = wrong.get(place) and found.get(place, wrong[place])
    return [*filter(None, found.values())]


def _archs() -> list[Arch]:
    """Every machine that can be found and is right."""
    archs = []
    for path in names("archs").values():
        with suppress(InputError):
            archs.append(load_arch(path))
    return archs
