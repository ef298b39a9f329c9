"""The seven networks of Figs. 8 to 10 and the machines they run on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from archsim.formats.errors import InputError, Problem
from archsim.formats.search import names
from archsim.formats.source import unknown
from archsim.paper.printed import data
from archsim.workload.workload import Workload, load_workload

KEPT = 2  # workloads whose drawn arrays stay in memory


@dataclass(frozen=True)
class Network:
    """One of the paper's networks: its name there, the workload here, its data set."""

    name: str
    workload: str
    dataset: str

    @property
    def there(self) -> bool:
        """Whether the workload file exists."""
        return self.workload in names("workloads")

    @property
    def command(self) -> str:
        """What makes the workload."""
        return f"sdalgo build {self.workload}"


@dataclass(frozen=True)
class Source:
    """Which layers of a workload, and whether its arrays are measured or drawn."""

    workload: str
    conv_only: bool = True
    measured: bool = False


def networks(only: Sequence[str] = ()) -> list[Network]:
    """The seven networks, or those that are named (by network or workload); their forms with
    channels pruned for every machine only if they are named.

    Raises:
        InputError: a name that is none of these.
    """
    if not only:
        return _listed("networks")
    found = [*_listed("networks"), *channels_pruned()]
    legal = [name for network in found for name in (network.name, network.workload)]
    wrong = [name for name in only if name not in legal]
    problems = [Problem(name, unknown("network", name, legal)) for name in wrong]
    if problems:
        raise InputError(problems)
    return [each for each in found if {each.name, each.workload} & {*only}]


def channels_pruned() -> list[Network]:
    """Networks whose channels are removed for every machine."""
    return _listed("channels_pruned")


def synthetic_twins() -> list[Network]:
    """Networks of which the trained weights of a figure have synthetic ones beside them; each is
    called as its network, and what it is after a comma."""
    return _listed("synthetic_twins")


def _listed(section: str) -> list[Network]:
    entries = data("networks")[section].items()
    return [Network(name, each["workload"], each["dataset"]) for name, each in entries]


def machines() -> list[str]:
    """The five machines, DianNao first and SmartDeal last."""
    return list(data("networks")["machines"])


def left_out(network: str, machine: str) -> str | None:
    """The paper's reason for not running a network, or another form of it, on a machine."""
    for each in data("networks")["left_out"]:
        if (each["network"], each["machine"]) == (network.partition(",")[0], machine):
            return str(each["reason"])
    return None


@lru_cache(maxsize=KEPT)
def load(source: Source) -> Workload:
    """The workload, from its profiles unless measured tensors are asked for: the same numbers for
    everyone."""
    workload = load_workload(source.workload)
    if not source.measured:
        workload = workload.drawn()
    return workload.only_convs() if source.conv_only else workload
