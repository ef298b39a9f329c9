"""Why two machines differ on one workload, in cycles and in energy, as a sum of named parts.

Two variants of one machine differ in keys. These are changed one after the other, in the order of
the arch file, and each change's effect is a part; the parts add up by themselves.

Two machines differ in more. First the settings that both have are made equal (prices, traffic
rules, DRAM, post-processor). Then mechanisms are switched off one at a time, on each machine its
own (`archs/switches`), until what remains are two arrays with infinite memory. What a switch is
worth is what it changes on B less what it changes on A. The two arrays' remaining difference is
shared out by their accounts (`archsim.analysis.identity`). The sum is the whole difference again;
that it is so is checked, not assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import fsum
from typing import Any

from archsim.analysis.identity import cycle_parts, energy_parts
from archsim.analysis.likeness import keys_of_both
from archsim.analysis.roles import COMMON_KINDS
from archsim.analysis.variants import Runner, Variant, check_same
from archsim.arch.arch import Arch
from archsim.arch.change import Change
from archsim.arch.change_files import switches_of
from archsim.arch.memory_presets import DERIVED
from archsim.arch.memory_rows import ROW_KEYS
from archsim.formats.errors import InputError
from archsim.formats.widths import WIDTH_KEYS
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.widths import widths_of
from archsim.results.pricing import prices_of
from archsim.results.result import Result
from archsim.results.silicon import bank_of
from archsim.runs.pool import Answer

PRICED_KEYS = ("energy", *WIDTH_KEYS)
"""Those by which arithmetic is priced: a table need not have every pair of widths, so that one of
them may be without a price while another is not yet changed."""
SHARED_KEYS = ("clock_mhz", "interlayer", "barrier")
MEMORY_KEYS = ("preset", *ROW_KEYS, *DERIVED)
"""Keys of a memory with rows, none of which is legal without the others."""
_Changes = tuple[Change, ...]


@dataclass(frozen=True)
class Contribution:
    """A named part of the difference, B less A. `kind` is `setting`, `switch` or `account`.

    `cycles` and `energy_pj` are what the part contributes; `of_a` and `of_b` (cycles, pJ) what
    switching it off changed on either machine.
    """

    kind: str
    name: str
    title: str
    cycles: float
    energy_pj: float
    of_a: tuple[float, float] | None = None
    of_b: tuple[float, float] | None = None


@dataclass(frozen=True)
class Explanation:
    """The two results and the parts of their difference; `left_out` says which switches could not
    be thrown, and why."""

    a: Result
    b: Result
    labels: tuple[str, str]
    parts: tuple[Contribution, ...]
    left_out: tuple[str, ...]

    @property
    def unexplained(self) -> tuple[float, float]:
        """Cycles and pJ of the difference that no part has."""
        cycles = self.b.cycles - self.a.cycles - fsum(part.cycles for part in self.parts)
        energy = self.b.energy_pj - self.a.energy_pj - fsum(part.energy_pj for part in self.parts)
        return cycles, energy


@dataclass(frozen=True)
class _Step:
    """One change on the way; steps of two machines with the same name and title are one part."""

    kind: str
    name: str
    title: str
    changes: tuple[Change, ...]


def explain(a: Variant, b: Variant, run: Runner) -> Explanation:
    """The difference of two variants on the workload that `run` runs.

    Raises:
        InputError: one of them cannot run it, or is a results file of something else.
    """
    left_out: list[str] = []
    first, second = a.arch(), b.arch()
    one_machine = _comparable(first, second)
    steps: tuple[Sequence[_Step], Sequence[_Step]]
    if one_machine:
        steps = _walk(a, _differences(first, second)), ()
    else:
        same = _walk(a, _settings(first, second))
        equal = _on_the_way(a, same)[-1]
        steps = [*same, *_switched(equal, left_out)], _switched(b, left_out)
    variants = _on_the_way(a, steps[0]), _on_the_way(b, steps[1])
    results = _results(run([*variants[0], *variants[1]]))
    of_a, of_b = results[: len(variants[0])], results[len(variants[0]) :]
    check_same(a, of_a[0])
    check_same(b, of_b[0])
    parts = _parts(steps, (of_a, of_b))
    if not one_machine:
        parts += _accounts(of_a[-1], of_b[-1])
    return Explanation(of_a[0], of_b[0], (a.label, b.label), tuple(parts), tuple(left_out))


def _on_the_way(variant: Variant, steps: Sequence[_Step]) -> list[Variant]:
    """The machine itself, then after each step."""
    return [*accumulate(steps, lambda done, step: done.with_changes(step.changes), initial=variant)]


def _results(answers: Sequence[Answer]) -> list[Result]:
    """The answers if all are results."""
    results = [answer for answer in answers if isinstance(answer, Result)]
    if len(results) < len(answers):
        problems = [one for each in answers if not isinstance(each, Result) for one in each]
        raise InputError(dict.fromkeys(problems))
    return results


def _comparable(first: Arch, second: Arch) -> bool:
    """Whether the two have the same rule and the same components, so that keys alone differ."""

    def shape(arch: Arch) -> Any:
        parts = {name: keys["class"] for name, keys in arch.resolved["components"].items()}
        return arch.machine, arch.resolved["flows"], parts

    return bool(shape(first) == shape(second))


def _differences(first: Arch, second: Arch) -> list[_Changes]:
    """The keys in which two variants of a machine differ, with the second's values."""
    names = [(name, name) for name in first.resolved["components"]]
    return _made_equal(first, second, (("weights",), PRICED_KEYS), names)


def _settings(first: Arch, second: Arch) -> list[_Changes]:
    """Changes that give the first machine the second's settings, where both have one; widths that
    its rule does not know it keeps."""
    pairs = [(_only(first, kind), _only(second, kind)) for kind in COMMON_KINDS]
    names = [(ours, theirs) for ours, theirs in pairs if ours and theirs]
    known = widths_of(load_machine(first))
    taken = all(getattr(second, key) in known for key in WIDTH_KEYS)
    return _made_equal(first, second, (PRICED_KEYS if taken else ("energy",),), names)


def _made_equal(
    first: Arch,
    second: Arch,
    together: Sequence[Sequence[str]],
    names: Sequence[tuple[str, str]],
) -> list[_Changes]:
    """Changes that give the first machine the second's values of the keys of its head, and of the
    pairs of components: one at a time, but for keys that go `together` and what belongs to the
    rows of a memory."""
    ours, theirs = first.keys, second.keys
    place = f"of {second.name}"
    heads = [
        tuple(Change(key, theirs[key], place) for key in keys if ours[key] != theirs[key])
        for keys in (*together, *((key,) for key in SHARED_KEYS))
    ]
    changes: list[_Changes] = [one for one in heads if one]
    for name, other in names:
        own, wanted = ours["components"][name], theirs["components"][other]
        found = {
            key: Change(f"components.{name}.{key}", wanted.get(key), place)
            for key in keys_of_both(own, wanted)
            if own.get(key) != wanted.get(key)
        }
        if "preset" in own or "preset" in wanted:
            memory = tuple(found.pop(key) for key in MEMORY_KEYS if key in found)
            changes += [memory] if memory else []
        changes += [(one,) for one in found.values()]
    return changes


def _only(arch: Arch, kind: str) -> str | None:
    """The name of the component of that kind, if there is only one."""
    found = [name for name, other in arch.kinds.items() if other == kind]
    return found[0] if len(found) == 1 else None


def _walk(variant: Variant, changes: Sequence[_Changes]) -> list[_Step]:
    """The changes one at a time, in an order in which every machine on the way is legal; those for
    which there is none, together."""
    waiting = list(changes)
    steps = []
    while waiting:
        legal = (one for one in waiting if _problem(variant.with_changes(one)) is None)
        first = next(legal, None)
        chosen = tuple(chain.from_iterable(waiting)) if first is None else first
        waiting = [] if first is None else [one for one in waiting if one != first]
        variant = variant.with_changes(chosen)
        steps.append(_setting(chosen))
    return steps


def _setting(changes: _Changes) -> _Step:
    """The step of some changes; a preset stands for all that it says."""
    said = [one for one in changes if one.key.endswith(".preset")] or changes
    names = [one.key.removeprefix("components.") for one in said]
    values = [f"{name} = {one.value}" for name, one in zip(names, said, strict=True)]
    return _Step("setting", " + ".join(names), ", ".join(values), changes)


def _problem(variant: Variant) -> str | None:
    try:
        variant.arch()
    except InputError as error:
        return str(error.problems[0].message)
    return None


def _switched(variant: Variant, left_out: list[str]) -> list[_Step]:
    """The switches of a machine that can be thrown, in their order."""
    steps = []
    for switch in switches_of(variant.arch().machine):
        arch = variant.arch()
        changes = switch.on(arch.resolved)
        if not changes:
            continue
        changes = (*changes, *_ports(arch, changes))
        changed = variant.with_changes(changes)
        problem = _problem(changed)
        if problem:
            left_out.append(f"{variant.label}, {switch.title}: {problem}")
            continue
        variant = changed
        steps.append(_Step("switch", switch.name, switch.title, changes))
    return steps


def _ports(arch: Arch, changes: Sequence[Change]) -> list[Change]:
    """Changes that leave the ports of buffers, whose accesses are priced by their width, as they
    are where `changes` make the buffers faster."""
    faster = {change.key: change.place for change in changes}
    return [
        Change(f"components.{name}.port_bits", bank_of(part)[1], place)
        for name, part in arch.components.items()
        if (place := faster.get(f"components.{name}.bytes_per_cycle"))
        and part.kind == "storage"
        and prices_of(arch).silicon.grid
    ]


def _parts(
    steps: tuple[Sequence[_Step], Sequence[_Step]],
    results: tuple[Sequence[Result], Sequence[Result]],
) -> list[Contribution]:
    """A part for each step on either side."""
    changes: dict[tuple[str, str, str], list[tuple[float, float] | None]] = {}
    for side, (taken, runs) in enumerate(zip(steps, results, strict=True)):
        for step, before, after in zip(taken, runs, runs[1:], strict=False):
            change = (float(after.cycles - before.cycles), after.energy_pj - before.energy_pj)
            key = step.kind, step.name, step.title
            changes.setdefault(key, [None, None])[side] = change
    parts = []
    for key, (of_a, of_b) in changes.items():
        x, y = of_a or (0.0, 0.0), of_b or (0.0, 0.0)
        parts.append(Contribution(*key, x[0] - y[0], x[1] - y[1], of_a, of_b))
    return parts


def _accounts(a: Result, b: Result) -> list[Contribution]:
    """What the two arrays still differ in."""
    cycles, energy = cycle_parts(a, b), energy_parts(a, b)
    parts = [
        *(Contribution("account", name, name, change, 0.0) for name, change in cycles.items()),
        *(Contribution("account", name, name, 0.0, change) for name, change in energy.items()),
    ]
    return [part for part in parts if part.cycles or part.energy_pj]
