"""Runs of the five machines on the paper's networks under a named set of assumptions.

A run is reduced to `Totals`; tile tables and runs are remembered by `archsim.runs.cached`, so a
second command, or a change of prices, runs nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archsim.arch.change import Change, ChangeSet
from archsim.formats.errors import InputError
from archsim.paper.networks import Network, Source, left_out, load, machines

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.results.result import Result
    from archsim.runs.cache import Cache
    from archsim.runs.pool import Answer, Job, Tick
    from archsim.workload.workload import Workload

DRAM = "off_chip"
PARTS = {DRAM: "DRAM", "storage": "buffers"}
REST = "the rest"
NEEDED = ("diannao", "smartdeal")  # every ratio is over one of them


@dataclass(frozen=True)
class Assumptions:
    """A named set of overrides: `common` for every machine that has the component, `by_machine`
    for one. `dram_energy` multiplies the energy of DRAM."""

    name: str = "default"
    group: str = ""
    about: str = "the arch files as they are"
    common: tuple[Change, ...] = ()
    by_machine: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    dram_energy: float = 1.0

    def overrides(self, machine: str) -> tuple[Change, ...]:
        """What these change in a machine."""
        from archsim.arch.arch import load_arch

        plain = load_arch(machine)
        own = self.by_machine.get(plain.machine, ())
        return ChangeSet(self.name, changes=(*self.common, *own)).on(plain.resolved)

    def load(self, machine: str) -> Arch:
        """The machine under these assumptions."""
        from archsim.arch.arch import load_arch

        return load_arch(machine, self.overrides(machine))


@dataclass(frozen=True)
class Totals:
    """What the figures need of a run; energies in pJ. `energy_parts` are those of DRAM, of buffers,
    and of everything else."""

    cycles: int
    compute_cycles: int
    energy_pj: float
    energy_parts: Mapping[str, float]
    dram_bytes: int
    dram_bytes_by: Mapping[str, int]
    macs: int

    @classmethod
    def of(cls, result: Result, dram_energy: float = 1.0) -> Totals:
        """Reduce a result; DRAM energy is multiplied by `dram_energy`."""
        totals = result.totals()
        parts = dict.fromkeys(PARTS.values(), 0.0) | {REST: 0.0}
        for name, kind in result.kinds.items():
            part = PARTS.get(kind, REST)
            factor = dram_energy if kind == DRAM else 1.0
            parts[part] += factor * totals["energy_by"].get(name, 0.0)
        return cls(
            cycles=totals["cycles"],
            compute_cycles=totals["compute_cycles"],
            energy_pj=sum(parts.values()),
            energy_parts=parts,
            dram_bytes=totals["dram_bytes"],
            dram_bytes_by=totals["dram_bytes_by"],
            macs=totals["macs"],
        )


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
        from archsim.runs.pool import answered

        todo: dict[_Key, Job] = {}
        for reading in readings:
            archs = {name: reading.load(name) for name in machines()}
            for network in (one for one in found if one.there):
                for name, arch in archs.items():
                    key = _key(network, arch)
                    if left_out(network.name, name) is None and key not in self._done:
                        todo[key] = self._job(network, arch, reading.overrides(name))
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
        from archsim.runs.cached import simulate_cached

        return simulate_cached(arch, workload, self.cache)

    def _job(self, network: Network, arch: Arch, overrides: tuple[Change, ...]) -> Job:
        from archsim.formats.search import find
        from archsim.runs.pool import Job

        path = find("workloads", network.workload)
        layers = "conv" if self.conv_only else "all"
        return Job(path, arch.path, overrides, layers, drawn=not self.measured)


_Key = tuple[str, str, str]


def _key(network: Network, arch: Arch) -> _Key:
    """What a result depends on, within one runner."""
    return network.workload, arch.hash, " ".join(str(path) for path in arch.energy_paths)


def scenario(name: str | None) -> Assumptions:
    """The scenario of that name in archs/scenarios, or the arch files as they are."""
    from archsim.arch.change_files import load_scenario

    if name is None:
        return Assumptions()
    found = load_scenario(name)
    about = " ".join(found.title.split())
    common = tuple(each for each in found.changes if not each.machine)
    own = {each.machine: () for each in found.changes if each.machine}
    by_machine = {
        machine: tuple(each for each in found.changes if each.machine == machine) for machine in own
    }
    return Assumptions(found.name, "scenario", about, common, by_machine)


def switches() -> list[Assumptions]:
    """The readings of data/assumptions.yaml, one change each."""
    from archsim.paper.printed import data

    return [_switch(each) for each in data("assumptions")]


def _switch(entry: Mapping[str, Any]) -> Assumptions:
    name = entry["name"]
    return Assumptions(
        name=name,
        group=entry["group"],
        about=entry["about"],
        common=_lines(name, entry.get("set", {})),
        by_machine={
            machine: _lines(name, keys, machine)
            for machine, keys in entry.get("machines", {}).items()
        },
        dram_energy=float(entry.get("dram_energy", 1.0)),
    )


def _lines(name: str, keys: Mapping[str, str], machine: str = "") -> tuple[Change, ...]:
    """Values are text in the data files; the override's own reading gives them their type."""
    from archsim.arch.change import parsed

    place = f"assumption {name!r}"
    lines = parsed([f"{key}={value}" for key, value in keys.items()])
    return tuple(Change(each.key, each.value, place, machine) for each in lines)


def missing(found: Sequence[Network]) -> list[Network]:
    """The networks whose workload is not there."""
    return [network for network in found if not network.there]


def check_some(found: Sequence[Network]) -> None:
    """InputError where no network can be run at all."""
    if not any(network.there for network in found):
        commands = "; ".join(network.command for network in found)
        raise InputError.at("workloads", f"none of these networks is there; make them: {commands}")
