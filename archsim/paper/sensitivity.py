"""One assumption at a time: how far each moves every ratio of Figs. 8 to 10, and whether the order
of the machines stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from math import log
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from archsim.formats.errors import InputError
from archsim.paper import ratios
from archsim.paper.assumptions import Assumptions, listed
from archsim.paper.networks import Network
from archsim.paper.printed import data
from archsim.paper.runs import Grid, Runner

# what a ratio is called, and how it is computed from the grid: geometric means over the networks
ENERGY = "energy gain over DianNao"
DRAM = "DRAM of DianNao over SmartDeal"
SPEED = "speed-up over DianNao"
OVER = {
    name: f"speed-up over {label}"
    for name, label in data("networks")["machines"].items()
    if name not in {ratios.REFERENCE, ratios.OURS}
}
TOGETHER = "together"
NO_READINGS = frozenset({TOGETHER, "ablation"})  # groups that are no other reading of the paper
STILL = 0.005  # a factor that moves less does not move
RATIOS = (ENERGY, DRAM, SPEED, *OVER.values())


_Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Move:
    """One assumption: the ratios under it, the factors to the base, and the two rankings."""

    name: str
    group: str
    about: str
    values: Mapping[str, _Ratio]
    factors: Mapping[str, _Ratio]
    energy_order: Sequence[str]
    speed_order: Sequence[str]


@dataclass(frozen=True)
class Sensitivity:
    """The base and every move from it, over the networks named; `setting` says which layers and
    whose arrays."""

    setting: str
    networks: Sequence[str]
    base: Move
    moves: Sequence[Move]

    def to_dict(self) -> dict[str, Any]:
        """As it is kept and printed."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Sensitivity:
        """The inverse of `to_dict`; ValueError where `found` is something else, or of other ratios
        than ours."""
        known = _checker().validate_python(found)
        moves = (known.base, *known.moves)
        if any({*each} != {*RATIOS} for move in moves for each in (move.values, move.factors)):
            raise ValueError("its ratios are those of another version")
        return known

    def largest(self, ratio: str) -> Move | None:
        """The reading that moves a ratio most, None where none does."""
        moving = [move for move in self.readings if abs(log(move.factors[ratio])) > STILL]
        return max(moving, key=lambda move: abs(log(move.factors[ratio])), default=None)

    @property
    def readings(self) -> list[Move]:
        """The moves that are other readings of what the paper leaves open."""
        return [move for move in self.moves if move.group not in NO_READINGS]


@cache
def _checker() -> TypeAdapter[Sensitivity]:
    return TypeAdapter(Sensitivity)


def mover(known: Sensitivity | None, ratio: str) -> str:
    """The single assumption that moves a mean ratio most, and from what to what."""
    if known is None:
        return "not known yet: archsim paper sensitivity"
    move = known.largest(ratio)
    if move is None:
        return "none of the assumptions"
    said = f"{known.base.values[ratio]:.2f} to {move.values[ratio]:.2f}"
    return f"{move.name}: mean of {len(known.networks)} networks {said}"


def raised(known: Sensitivity | None, ratio: str) -> str:
    """What raises a mean ratio most, measured by switching it."""
    if known is None:
        return "What moves it most: archsim paper sensitivity."
    up = sorted(known.readings, key=lambda move: -move.values[ratio])[:2]
    said = ", ".join(f"{move.values[ratio]:.2f} with {move.name}" for move in up)
    both = next((move for move in known.moves if move.group == TOGETHER), None)
    last = f"; {both.values[ratio]:.2f} with {both.name}" if both else ""
    return f"The {ratio} is {known.base.values[ratio]:.2f} on average, {said}{last}."


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
    chosen = [each for each in listed("assumptions") if not only or each.group in only]
    changed = [each.after(start) for each in chosen]
    runner.prepare(found, [start, *changed])
    base = runner.grid(found, start)
    moves = []
    for each, reading in zip(chosen, changed, strict=True):
        grid = runner.grid(found, reading)
        moves.append(_move(each, common(grid, base), common(base, grid)))
    return Sensitivity(runner.setting, list(base), _move(start, base, base), moves)


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
        assumptions.name,
        assumptions.group,
        assumptions.title,
        values,
        {name: values[name] / before[name] for name in RATIOS},
        energy_order=ratios.ranking(ratios.energy_gain(grid)),
        speed_order=ratios.ranking(ratios.speedup(grid)),
    )
