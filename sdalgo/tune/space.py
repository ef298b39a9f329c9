"""The points that a search chooses among: a value of each key, and what that makes of each group.

Not every key matters at every point: theta has no meaning to a calibrated preset, and a price none
to the others. Points that come to the same are one point (`Space.same`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import in_file_order, unknown
from sdalgo.recipe import Recipe
from sdalgo.tune.setting import KEYS, Setting, check_value, has_use, setting_of
from sdalgo.tune.spec import Plan

Places = tuple[int, ...]
"""The place of a point's value on each axis, in the order of the axes."""
Settings = tuple[Setting, ...]
"""Of each group, in the order of the groups."""
FEW = 20_000
"""Points of a grid that are all looked at, to know which are the same."""


@dataclass(frozen=True)
class Axis:
    """The values of a key; numbers in their order, others as they were written."""

    key: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    @property
    def parts(self) -> tuple[str, str]:
        """(group, option); the group is empty where all are meant."""
        group, _, option = self.key.rpartition(".")
        return group, option


@dataclass(frozen=True)
class Space:
    """A grid over axes; `fixed` are keys with one value."""

    recipe: Recipe
    groups: tuple[str, ...]
    axes: tuple[Axis, ...]
    fixed: tuple[tuple[str, Any], ...] = ()

    @property
    def size(self) -> int:
        """Points of the grid, the same ones counted apart."""
        return prod(len(axis.values) for axis in self.axes)

    def numbered(self, at: int) -> Places:
        """Return the point of that number, the last axis the fastest."""
        places = []
        for axis in reversed(self.axes):
            at, place = divmod(at, len(axis.values))
            places.append(place)
        return tuple(reversed(places))

    def values(self, places: Places) -> dict[str, Any]:
        """Return the values of a point by key."""
        return {a.key: a.values[at] for a, at in zip(self.axes, places, strict=True)}

    def places(self, values: Mapping[str, Any]) -> Places:
        """Return the point with these values; a key that is not there has its first value."""
        return tuple(
            axis.values.index(values[axis.key]) if axis.key in values else 0 for axis in self.axes
        )

    def settings(self, places: Places) -> Settings:
        """Return what a point makes of each group: a group's own keys count before those of all."""
        values = dict(self.fixed) | self.values(places)
        for_all = {key: value for key, value in values.items() if "." not in key}
        found = []
        for group in self.groups:
            own = {
                k.rpartition(".")[2]: v for k, v in values.items() if k.rpartition(".")[0] == group
            }
            found.append(setting_of(self.recipe, for_all | own))
        return tuple(found)

    @property
    def own(self) -> Settings:
        """The recipe's own decomposition."""
        return (setting_of(self.recipe, {}),) * len(self.groups)

    def shown(self, places: Places) -> dict[str, Any]:
        """Return the values of a point; None for a key that no group has use for there."""
        settings = dict(zip(self.groups, self.settings(places), strict=True))
        varied = {axis.key for axis in self.axes} | {key for key, _ in self.fixed}
        shown = {}
        for axis, (key, value) in zip(self.axes, self.values(places).items(), strict=True):
            group, option = axis.parts
            meant = [group] if group else [g for g in self.groups if f"{g}.{option}" not in varied]
            used = any(has_use(option, settings[one].preset) for one in meant)
            shown[key] = value if used else None
        return shown

    @cached_property
    def distinct(self) -> tuple[Places, ...] | None:
        """One place for each point that is not the same as an earlier one; None where the grid is
        too large to look at whole."""
        if self.size > FEW:
            return None
        first: dict[Settings, Places] = {}
        for at in range(self.size):
            places = self.numbered(at)
            first.setdefault(self.settings(places), places)
        return tuple(first.values())


def space_of(plan: Plan, recipe: Recipe, groups: Sequence[str]) -> Space:
    """Return the space that a plan asks for; without `vary` the usual one.

    Raises:
        InputError: a key, a group or a value does not exist, each with its place.
    """
    vary = dict(plan.asked.vary) or usual(recipe, groups)
    problems = [*_wrong(plan, vary, groups)]
    if problems:
        raise InputError(in_file_order(problems))
    axes = tuple(Axis(key, _ordered(values)) for key, values in vary.items())
    space = Space(recipe, tuple(groups), axes, tuple(plan.asked.set.items()))
    problems = [*_wrong_first(plan, space)]
    if problems:
        raise InputError(in_file_order(problems))
    return space


def usual(recipe: Recipe, groups: Sequence[str]) -> dict[str, list[Any]]:
    """What is varied where nothing is said: the preset, theta, rows, N_p, and prices by group."""
    theta = recipe.options().theta
    return {
        "preset": list(dict.fromkeys([recipe.preset, "activations"])),
        "theta": [0.0, theta, 2 * theta, 4 * theta] if theta else [0.0, 0.004],
        "row_ratio": [0.0, 0.1, 0.2],
        "levels": [4, 6, 8],
        **{f"{group}.price": [1e-8, 2e-8, 4e-8, 8e-8] for group in groups},
    }


def _ordered(values: Sequence[Any]) -> tuple[Any, ...]:
    axis = Axis("", tuple(dict.fromkeys(values)))
    return tuple(sorted(axis.values)) if axis.ordered else axis.values


def _wrong(
    plan: Plan, vary: Mapping[str, Sequence[Any]], groups: Sequence[str]
) -> Iterator[Problem]:
    place = plan.place
    for key, values in vary.items():
        yield from (Problem(place("vary", key, key=True), line) for line in _wrong_key(key, groups))
        if key in plan.asked.set:
            yield Problem(place("set", key), f"set.{key}: is varied as well")
        for at, value in enumerate(values):
            yield from _wrong_value((key, value), place("vary", key, at), "vary")
    for key, value in plan.asked.set.items():
        yield from (Problem(place("set", key, key=True), line) for line in _wrong_key(key, groups))
        yield from _wrong_value((key, value), place("set", key), "set")


def _wrong_key(key: str, groups: Sequence[str]) -> Iterator[str]:
    group, _, option = key.rpartition(".")
    if group and group not in groups:
        yield f"{key}: {unknown('group of layers', group, groups)}"
    if option in ("bits", "basis_bits", "damp", "sequential", "vector_width"):
        cure = "a point has a price" if option == "bits" else "it is the same for all points"
        yield f"{key}: {option} cannot be varied; {cure}"
    elif option not in KEYS:
        yield f"{key}: {unknown('option', option, KEYS)}"


def _wrong_value(item: tuple[str, Any], place: str, section: str) -> Iterator[Problem]:
    key, value = item
    option = key.rpartition(".")[2]
    if option not in KEYS:
        return
    try:
        check_value(option, value)
    except InputError as error:
        yield from (Problem(place, f"{section}.{key}: {one.message}") for one in error.problems)


def _wrong_first(plan: Plan, space: Space) -> Iterator[Problem]:
    axes = {axis.key: axis.values for axis in space.axes}
    for at, point in enumerate(plan.asked.first):
        for key, value in point.items():
            place = plan.place("first", at, key)
            if key not in axes:
                place = plan.place("first", at, key, key=True)
                yield Problem(place, f"first[{at}]: {unknown('varied key', key, axes)}")
            elif value not in axes[key]:
                values = ", ".join(str(one) for one in axes[key])
                yield Problem(
                    place, f"first[{at}].{key}: {value} is not one of its values: {values}"
                )
