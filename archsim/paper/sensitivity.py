"""One assumption at a time: how far each moves every ratio of Figs. 8 to 10, and whether the order
of the machines stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from archsim.formats.errors import InputError
from archsim.paper import ratios
from archsim.paper.networks import Network
from archsim.paper.runs import Assumptions, Grid, Runner, switches

# what a ratio is called, and how it is computed from the grid: geometric means over the networks
ENERGY = "energy gain over DianNao"
DRAM = "DRAM of DianNao over SmartDeal"
SPEED = "speed-up over DianNao"
OVER = {
    "scnn": "speed-up over SCNN",
    "cambricon_x": "speed-up over Cambricon-X",
    "bit_pragmatic": "speed-up over Bit-Pragmatic",
}
TOGETHER = "together"
NO_READINGS = frozenset({TOGETHER, "ablation"})  # groups that are no other reading of the paper
STILL = 0.005  # a factor that moves less does not move
RATIOS = (ENERGY, DRAM, SPEED, *OVER.values())


@dataclass(frozen=True)
class Move:
    """One assumption: the ratios under it, the factors to the base, and the two rankings."""

    name: str
    group: str
    about: str
    values: Mapping[str, float]
    factors: Mapping[str, float]
    energy_order: Sequence[str]
    speed_order: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "group": self.group,
            "about": self.about,
            "values": dict(self.values),
            "factors": dict(self.factors),
            "energy_order": list(self.energy_order),
            "speed_order": list(self.speed_order),
        }


@dataclass(frozen=True)
class Sensitivity:
    """The base and every move from it, over the networks named; `setting` says which layers and
    whose arrays."""

    base: Move
    moves: Sequence[Move]
    networks: Sequence[str]
    setting: str

    def to_dict(self) -> dict[str, Any]:
        """As it is kept and printed."""
        return {
            "setting": self.setting,
            "networks": list(self.networks),
            "base": self.base.to_dict(),
            "moves": [move.to_dict() for move in self.moves],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Sensitivity:
        """The inverse of `to_dict`; KeyError or TypeError where `found` is something else."""
        moves = [Move(**move) for move in found["moves"]]
        return cls(Move(**found["base"]), moves, found["networks"], found["setting"])

    def largest(self, ratio: str) -> Move | None:
        """The reading that moves a ratio most, None where none does."""
        moving = [move for move in self.readings if abs(log(move.factors[ratio])) > STILL]
        return max(moving, key=lambda move: abs(log(move.factors[ratio])), default=None)

    @property
    def readings(self) -> list[Move]:
        """The moves that are other readings of what the paper leaves open."""
        return [move for move in self.moves if move.group not in NO_READINGS]

    def survives(self, move: Move) -> tuple[bool, bool]:
        """Whether the order of the machines by energy and by speed is the base's."""
        return (
            list(move.energy_order) == list(self.base.energy_order),
            list(move.speed_order) == list(self.base.speed_order),
        )


def ratios_of(grid: Grid) -> dict[str, float]:
    """Every ratio of RATIOS."""
    speed = ratios.speedup(grid)
    for machine in OVER:
        if not ratios.over(speed, machine):
            raise InputError.at(machine, "refuses every network, so it has no ratio to move")
    mean = ratios.geometric_mean
    return {
        ENERGY: mean(ratios.of(ratios.energy_gain(grid), ratios.OURS).values()),
        DRAM: mean(ratios.of(ratios.dram_accesses(grid), ratios.REFERENCE).values()),
        SPEED: mean(ratios.of(speed, ratios.OURS).values()),
        **{name: mean(ratios.over(speed, machine).values()) for machine, name in OVER.items()},
    }


def measure(
    runner: Runner, found: Sequence[Network], start: Assumptions, only: Sequence[str] = ()
) -> Sensitivity:
    """Run every switch (or `only` the named groups) from `start`."""
    chosen = [each for each in switches() if not only or each.group in only]
    changed = [_on_top(start, each) for each in chosen]
    runner.prepare(found, [start, *changed])
    base = runner.grid(found, start)
    moves = []
    for each, reading in zip(chosen, changed, strict=True):
        grid = runner.grid(found, reading)
        moves.append(_move(each, common(grid, base), common(base, grid)))
    return Sensitivity(_move(start, base, base), moves, list(base), runner.setting)


def common(grid: Grid, other: Grid) -> Grid:
    """The cells of `grid` that `other` has too: a machine may refuse a network under one reading
    and not under another."""
    return {
        network: {name: one for name, one in row.items() if name in other[network]}
        for network, row in grid.items()
        if network in other
    }


def _move(assumptions: Assumptions, grid: Grid, base: Grid) -> Move:
    """Factors are over the same networks and machines of `base`."""
    values, before = ratios_of(grid), ratios_of(base)
    return Move(
        name=assumptions.name,
        group=assumptions.group,
        about=assumptions.about,
        values=values,
        factors={name: values[name] / before[name] for name in RATIOS},
        energy_order=ratios.ranking(ratios.energy_gain(grid)),
        speed_order=ratios.ranking(ratios.speedup(grid)),
    )


def _on_top(start: Assumptions, one: Assumptions) -> Assumptions:
    """`one` change from `start`; the later line of two on the same key counts."""
    both = {*start.by_machine, *one.by_machine}
    lines = {
        machine: (*start.by_machine.get(machine, ()), *one.by_machine.get(machine, ()))
        for machine in both
    }
    return Assumptions(
        one.name, one.group, one.about, (*start.common, *one.common), lines, one.dram_energy
    )
