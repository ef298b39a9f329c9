"""Runs of the five machines on the paper's networks under a named set of assumptions.

A run is reduced to `Totals`; tile tables and runs are remembered by `archsim.runs.cached`, so a
second command, or a change of prices, runs nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.paper.assumptions import Assumptions
from archsim.paper.networks import Network, Source, left_out, load, machines
from archsim.results.result import Result
from archsim.runs.cache import Cache
from archsim.runs.cached import simulate_cached
from archsim.runs.pool import Answer, Job, Tick, answered
from archsim.workload.load_notes import origin_in
from archsim.workload.workload import Workload

PARTS = {"off_chip": "DRAM", "storage": "buffers"}
REST = "the rest"
NEEDED = ("diannao", "smartdeal")  # every ratio is over one of them


@dataclass(frozen=True)
class Totals:
    """What the figures need of a run; energies in pJ. `energy_parts` are those of DRAM, of buffers,
    and of everything else; `weights` says whether they are trained or synthetic."""

    cycles: int
    compute_cycles: int
    energy_pj: float
    energy_parts: Mapping[str, float]
    dram_bytes: int
    dram_bytes_by: Mapping[str, int]
    macs: int
    weights: str = ""

    @property
    def weight_bytes(self) -> int:
        """DRAM bytes of weights and their index."""
        return sum(self.dram_bytes_by.get(flow, 0) for flow in ("weight", "index"))

    @property
    def gops_per_watt(self) -> float:
        """Operations over energy, a multiply-accumulate being two."""
        return 2e3 * self.macs / self.energy_pj

    @classmethod
    def of(cls, result: Result, dram_energy: float = 1.0) -> Totals:
        """Reduce a result; DRAM energy is multiplied by `dram_energy`."""
        totals = result.totals()
        parts = dict.fromkeys(PARTS.values(), 0.0) | {REST: 0.0}
        for name, kind in result.kinds.items():
            factor = dram_energy if kind == "off_chip" else 1.0
            parts[PARTS.get(kind, REST)] += factor * totals["energy_by"].get(name, 0.0)
        parts[REST] += totals.get("leakage_pj", 0.0)
        same = ("cycles", "compute_cycles", "dram_bytes", "dram_bytes_by", "macs")
        kept = {key: totals[key] for key in same}
        kept["weights"] = origin_in(result.notes)
        return cls(energy_pj=fsum(parts.values()), energy_parts=parts, **kept)


Grid = Mapping[str, Mapping[str, Totals]]
"""Network name, machine, totals. A network's machines that the paper leaves out are missing."""


@dataclass
class Runner:
    """Runs what is asked for, once, in `processes` at a time. `tick` hears (runs done, runs in all,
    what was run). `coarse` holds counts of training steps."""

    cache: Cache | None = None
    conv_only: bool = True
    measured: bool = False
    processes: int = 1
    tick: Tick | None = None
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    coarse: dict[str, Result] = field(default_factory=dict)
    _done: dict[_Key, Answer] = field(default_factory=dict)

    @property
    def setting(self) -> str:
        """Where arrays come from and which layers run."""
        layers = "convolutions alone" if self.conv_only else "all layers"
        source = "measured tensors where built" if self.measured else "drawn from profiles"
        return f"{layers}, arrays {source}"

    def prepare(self, found: Sequence[Network], readings: Sequence[Assumptions]) -> None:
        """Run what the grids of these readings will ask for, all together."""
        drawn, layers = not self.measured, "conv" if self.conv_only else "all"
        todo: dict[_Key, Job] = {}
        for reading in readings:
            archs = {name: (reading.load(name), reading.of(name)) for name in machines()}
            for network in (one for one in found if one.there):
                path = find("workloads", network.workload)
                for name, (arch, changes) in archs.items():
                    key = _key(network, arch)
                    if left_out(network.name, name) is None and key not in self._done:
                        todo[key] = Job(path, arch.path, changes, layers, drawn=drawn)
        keys = list(todo)
        folder = self.cache.folder if self.cache else None
        for count, (at, answer) in enumerate(answered([*todo.values()], self.processes, folder), 1):
            self._done[keys[at]] = answer
            if self.tick:
                self.tick(count, len(keys), todo[keys[at]].title)

    def grid(self, found: Sequence[Network], assumptions: Assumptions) -> Grid:
        """Every machine on every network that is there. A machine that refuses a network is put
        down in `refused`; a network that DianNao or SmartDeal refuses has no ratios and is left
        out."""
        self.prepare(found, [assumptions])
        archs = {name: assumptions.load(name) for name in machines()}
        grid: dict[str, dict[str, Totals]] = {}
        for network in (one for one in found if one.there):
            row = {}
            for name, arch in archs.items():
                if left_out(network.name, name) is not None:
                    continue
                try:
                    row[name] = Totals.of(self.result(network, arch), assumptions.dram_energy)
                except InputError as error:
                    self.refused[network.name, name] = str(error.problems[0])
            if {*NEEDED} <= {*row}:
                grid[network.name] = row
        return grid

    def result(self, network: Network, arch: Arch) -> Result:
        """One run of one of the seven networks. InputError where the machine refuses it."""
        key = _key(network, arch)
        if key not in self._done:
            source = Source(network.workload, self.conv_only, self.measured)
            self._done[key] = self.on(load(source), arch)
        answer = self._done[key]
        if isinstance(answer, tuple):
            raise InputError(answer)
        return answer

    def on(self, workload: Workload, arch: Arch) -> Result:
        """One run of any workload."""
        return simulate_cached(arch, workload, self.cache)


_Key = tuple[str, str, str]


def _key(network: Network, arch: Arch) -> _Key:
    """What a result depends on, within one runner."""
    return network.workload, arch.hash, " ".join(map(str, arch.energy_paths))


def check_some(found: Sequence[Network]) -> None:
    """InputError where no network can be run at all."""
    if not any(network.there for network in found):
        commands = "; ".join(network.command for network in found)
        raise InputError.at("workloads", f"none of these networks is there; make them: {commands}")
