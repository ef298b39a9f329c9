"""What a report of the paper is made from: what was asked for, and runs, made when needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archsim.formats.errors import InputError, Problem
from archsim.paper import kept
from archsim.paper.assumptions import Assumptions, scenario
from archsim.paper.networks import Network, channels_pruned, networks
from archsim.paper.ratios import REFERENCE
from archsim.paper.runs import Grid, Runner, check_some
from archsim.paper.sensitivity import Sensitivity
from archsim.runs.pool import Tick


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    scenario: str | None = None
    conv_only: bool = True
    networks: tuple[str, ...] = ()
    measured: bool = False
    out: Path = Path("results")


@dataclass(frozen=True)
class Context:
    """What a report is made from; runs are made when they are first needed."""

    wanted: Wanted
    assumptions: Assumptions
    networks: Sequence[Network]
    runner: Runner

    @cached_property
    def grid(self) -> Grid:
        """Every machine on every network that is there."""
        check_some(self.networks)
        grid = self.runner.grid(self.networks, self.assumptions)
        if not grid:
            refusals = self.runner.refused.items()
            raise InputError([Problem(" on ".join(pair), said) for pair, said in refusals])
        return grid

    @cached_property
    def weights(self) -> dict[str, str]:
        """Whether each network's weights are trained or synthetic, as its workload says."""
        return {network: row[REFERENCE].weights for network, row in self.grid.items()}

    @property
    def known(self) -> Sensitivity | None:
        """The sensitivity that was kept for this very question."""
        found = kept.sensitivity(self.wanted.out)
        same = found is not None and (
            {*found.networks} == {network.name for network in self.networks if network.there}
            and found.base.name == self.assumptions.name
            and found.setting == self.runner.setting
        )
        return found if same else None

    @property
    def missing(self) -> list[str]:
        """Commands that build the networks that are not there."""
        return [network.command for network in self.networks if not network.there]

    @property
    def about(self) -> str:
        """How many networks under which scenario."""
        there = sum(network.there for network in self.networks)
        return f"{there} of {len(self.networks)} networks, scenario {self.assumptions.name}"


def context(
    wanted: Wanted, *, cached: bool, processes: int = 1, tick: Tick | None = None
) -> Context:
    """InputError where the scenario or a network is unknown."""
    from archsim.runs.cache import default_cache

    cache = default_cache() if cached else None
    runner = Runner(cache, wanted.conv_only, wanted.measured, processes, tick)
    return Context(wanted, scenario(wanted.scenario), networks(wanted.networks), runner)


def channels_pruned_on(context: Context, network: str) -> Grid:
    """Every machine on a network whose channels are removed for every machine; empty if there is
    no such network."""
    found = [one for one in channels_pruned() if one.name.startswith(network)]
    return context.runner.grid(found, context.assumptions)
