"""The points that one machine's search chooses among: a place on each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from archsim.analysis.search.samplers import optuna
from archsim.analysis.sweep.plan import Axis
from archsim.arch.change import Change

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Places = tuple[int, ...]
"""The place of a point on each axis, in the order of the axes."""


class Space:
    """The grid of some axes. An axis of numbers has an order, which a sampler may use: its values
    are sorted, and it chooses a place among them; of any other it chooses a value."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = [(axis.key, _ordered(axis.values)) for axis in axes]

    @property
    def size(self) -> int:
        """How many points there are."""
        return prod(len(values) for _, values in self._axes)

    def changes(self, places: Places) -> tuple[Change, ...]:
        """The changes that a point makes."""
        return tuple(values[at] for (_, values), at in zip(self._axes, places, strict=True))

    def numbered(self, at: int) -> Places:
        """The point of that number in the grid, the last axis the fastest."""
        places = []
        for _, values in reversed(self._axes):
            at, place = divmod(at, len(values))
            places.append(place)
        return tuple(reversed(places))

    @cached_property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """What a sampler draws from, by key: places, of 0 and up."""
        made = optuna().distributions
        return {
            key: made.IntDistribution(0, len(values) - 1)
            if _numbers(values)
            else made.CategoricalDistribution(range(len(values)))
            for key, values in self._axes
        }

    def parameters(self, places: Places) -> dict[str, int]:
        """A point as a sampler has it."""
        return {key: at for (key, _), at in zip(self._axes, places, strict=True)}

    def places(self, parameters: Mapping[str, int]) -> Places:
        """The point that a sampler has drawn."""
        return tuple(int(parameters[key]) for key, _ in self._axes)

    @cached_property
    def named(self) -> Mapping[str, BaseDistribution]:
        """The same with values in place of their numbers, for people."""
        made = optuna().distributions.CategoricalDistribution
        return {key: made([_plain(each.value) for each in values]) for key, values in self._axes}

    def values(self, places: Places) -> dict[str, Any]:
        """The values of a point as `named` has them."""
        found = zip(self._axes, places, strict=True)
        return {key: _plain(values[at].value) for (key, values), at in found}


def _ordered(values: Sequence[Change]) -> tuple[Change, ...]:
    """Numbers by their size, others as they were written."""
    if not _numbers(values):
        return tuple(values)
    return tuple(sorted(values, key=lambda change: float(change.value)))


def _numbers(values: Sequence[Change]) -> bool:
    return all(
        isinstance(one.value, int | float) and not isinstance(one.value, bool) for one in values
    )


def _plain(value: Any) -> Any:
    """A value that Optuna can write down."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else str(value)
