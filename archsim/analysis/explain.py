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

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archsim.analysis.changes import switches_of
from archsim.analysis.identity import cycle_parts, energy_parts
from archsim.analysis.variants import Variant, check_same
from archsim.arch.overrides import Override
from archsim.formats.errors import InputError

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.results.result import Result

SHARED_KEYS = ("energy", "interlayer", "barrier")
SHARED_CLASSES = ("Dram", "Dma", "PostProcessor")
HEAD_KEYS = ("weights", "energy", "interlayer", "barrier")
Runner = Callable[[Sequence[tuple[Variant, tuple[Override, ...]]]], Sequence["Result"]]
"""Runs variants with more overrides; raises InputError where one cannot run."""


@dataclass(frozen=True)
class Part:
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
    parts: tuple[Part, ...]
    left_out: tuple[str, ...]

    @property
    def unexplained(self) -> tuple[float, float]:
        """Cycles and pJ of the difference that no part has."""
        cycles = self.b.cycles - self.a.cycles - sum(part.cycles for part in self.parts)
        energy = self.b.energy_pj - self.a.energy_pj - sum(part.energy_pj for part in self.parts)
        return cycles, energy


@dataclass(frozen=True)
class _Step:
    """One change on the way; steps of two machines with the same name and title are one part."""

    kind: str
    name: str
    title: str
    overrides: tuple[Override, ...]


@dataclass(frozen=True)
class _Chain:
    """One machine and the steps taken from it."""

    variant: Variant
    steps: Sequence[_Step]

    def configurations(self) -> list[tuple[Variant, tuple[Override, ...]]]:
        """The machine itself, then after each step."""
        done: tuple[Override, ...] = ()
        found = [(self.variant, done)]
        for step in self.steps:
            done = (*done, *step.overrides)
            found.append((self.variant, done))
        return found


def explain(a: Variant, b: Variant, run: Runner) -> Explanation:
    """The difference of two variants on the workload that `run` runs.

    Raises:
        InputError: one of them cannot run it, or is a results file of something else.
    """
    left_out: list[str] = []
    first, second = a.arch(), b.arch()
    one_machine = _comparable(first, second)
    if one_machine:
        chains = _Chain(a, _walk(a, _changes(first, second))), _Chain(b, ())
    else:
        same = _settings(first, second)
        made_equal = tuple(override for step in same for override in step.overrides)
        chains = (
            _Chain(a, [*same, *_switched(a, made_equal, left_out)]),
            _Chain(b, _switched(b, (), left_out)),
        )
    asked = [chain.configurations() for chain in chains]
    results = run([*asked[0], *asked[1]])
    of_a, of_b = results[: len(asked[0])], results[len(asked[0]) :]
    check_same(a, of_a[0])
    check_same(b, of_b[0])
    parts = _parts(chains, (of_a, of_b))
    if not one_machine:
        parts += _accounts(of_a[-1], of_b[-1])
    return Explanation(of_a[0], of_b[0], (a.label, b.label), tuple(parts), tuple(left_out))


def _comparable(first: Arch, second: Arch) -> bool:
    """Whether the two have the same rule and the same components, so that keys alone differ."""

    def shape(arch: Arch) -> Any:
        parts = {name: keys["class"] for name, keys in arch.resolved["components"].items()}
        return arch.machine, arch.resolved["flows"], parts

    return bool(shape(first) == shape(second))


def _changes(first: Arch, second: Arch) -> list[Override]:
    """The keys in which two variants of a machine differ, with the second's values."""
    found = [
        Override(key, second.resolved[key], f"of {second.name}")
        for key in HEAD_KEYS
        if first.resolved[key] != second.resolved[key]
    ]
    for name, keys in first.resolved["components"].items():
        other = second.resolved["components"][name]
        found += [
            Override(f"components.{name}.{key}", other[key], f"of {second.name}")
            for key, value in keys.items()
            if value != other[key]
        ]
    return found


def _walk(variant: Variant, changes: Sequence[Override]) -> list[_Step]:
    """The changes one at a time, in an order in which every machine on the way is legal; those for
    which there is none, together."""
    waiting = list(changes)
    done: tuple[Override, ...] = ()
    steps = []
    while waiting:
        legal = (one for one in waiting if _problem(variant, (*done, one)) is None)
        first = next(legal, None)
        chosen = tuple(waiting) if first is None else (first,)
        waiting = [one for one in waiting if one not in chosen]
        done = (*done, *chosen)
        steps.append(_setting(chosen))
    return steps


def _setting(overrides: tuple[Override, ...]) -> _Step:
    names = [one.key.removeprefix("components.") for one in overrides]
    values = [f"{name} = {one.value}" for name, one in zip(names, overrides, strict=True)]
    return _Step("setting", " + ".join(names), ", ".join(values), overrides)


def _problem(variant: Variant, overrides: tuple[Override, ...]) -> str | None:
    try:
        variant.arch(overrides)
    except InputError as error:
        return str(error.problems[0].message)
    return None


def _settings(first: Arch, second: Arch) -> list[_Step]:
    """Steps that give the first machine the second's settings, where both have one."""
    pairs: list[tuple[str, Any]] = [
        (key, second.resolved[key])
        for key in SHARED_KEYS
        if first.resolved[key] != second.resolved[key]
    ]
    for kind in SHARED_CLASSES:
        ours, theirs = (_only(arch, kind) for arch in (first, second))
        if ours is None or theirs is None:
            continue
        pairs += [
            (f"components.{ours[0]}.{key}", theirs[1][key])
            for key, value in ours[1].items()
            if theirs[1][key] != value
        ]
    return [_setting((Override(key, value, f"of {second.name}"),)) for key, value in pairs]


def _only(arch: Arch, kind: str) -> tuple[str, Mapping[str, Any]] | None:
    found = [(n, k) for n, k in arch.resolved["components"].items() if k["class"] == kind]
    return found[0] if len(found) == 1 else None


def _switched(variant: Variant, done: tuple[Override, ...], left_out: list[str]) -> list[_Step]:
    """The switches of a machine that can be thrown, in their order."""
    steps = []
    for switch in switches_of(variant.arch().machine):
        overrides = switch.overrides(variant.arch(done))
        if not overrides:
            continue
        problem = _problem(variant, (*done, *overrides))
        if problem:
            left_out.append(f"{variant.label}, {switch.title}: {problem}")
            continue
        done = (*done, *overrides)
        steps.append(_Step("switch", switch.name, switch.title, overrides))
    return steps


def _parts(
    chains: tuple[_Chain, _Chain], results: tuple[Sequence[Result], Sequence[Result]]
) -> list[Part]:
    """A part for each step of either chain."""
    changes: dict[tuple[str, str, str], list[tuple[float, float] | None]] = {}
    for side, (chain, runs) in enumerate(zip(chains, results, strict=True)):
        for step, before, after in zip(chain.steps, runs, runs[1:], strict=False):
            change = (float(after.cycles - before.cycles), after.energy_pj - before.energy_pj)
            key = step.kind, step.name, step.title
            changes.setdefault(key, [None, None])[side] = change
    parts = []
    for key, (of_a, of_b) in changes.items():
        x, y = of_a or (0.0, 0.0), of_b or (0.0, 0.0)
        parts.append(Part(*key, x[0] - y[0], x[1] - y[1], of_a, of_b))
    return parts


def _accounts(a: Result, b: Result) -> list[Part]:
    """What the two arrays still differ in."""
    cycles, energy = cycle_parts(a, b), energy_parts(a, b)
    parts = [
        *(Part("account", name, name, change, 0.0) for name, change in cycles.items()),
        *(Part("account", name, name, 0.0, change) for name, change in energy.items()),
    ]
    return [part for part in parts if part.cycles or part.energy_pj]
