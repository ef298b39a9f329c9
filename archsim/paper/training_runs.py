"""Runs of the arms of Tables V to VII on the training accelerator.

An arm is a workload and a form of its weights: SD and SS are trained decomposed, and each is held
against VA, the same network with the same activations and dense weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from archsim.formats.search import names
from archsim.paper.networks import Source, load
from archsim.paper.printed import data
from archsim.paper.runs import Totals

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.paper.runs import Runner
    from archsim.results.result import Result
    from archsim.workload.workload import Workload

ACCELERATOR = "training_accelerator"
ARMS = ("SD", "SS")
STEP = 16  # times the usual step
WEIGHT_FLOWS = {
    "ff": ("weight",),
    "bp": ("weight",),
    "wg": ("output",),
    "update": ("input", "output"),
}
"""Flows that carry weights, their gradients or their state, in each phase."""
AMPLE = {"unicast.banks": "65536"}
"""A gigabyte for the operand that stands still."""


@dataclass(frozen=True)
class Change:
    """One reading of what the paper leaves open: keys of the arch, a batch, a factor on DRAM."""

    name: str = "as the files have it"
    about: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    batch: int | None = None
    dram_energy: float = 1.0


AS_IS = Change()


@dataclass(frozen=True)
class Gain:
    """An arm beside VA on the same activations. `bound` is VA over VA whose weights, gradients and
    optimiser state move for nothing and fit their buffer: no form of the weights can gain more by
    moving less.
    """

    vanilla: Totals
    arm: Totals
    bound: float

    @property
    def energy(self) -> float:
        """Energy of VA over that of the arm."""
        return self.vanilla.energy_pj / self.arm.energy_pj

    @property
    def dram(self) -> float:
        """DRAM bytes of VA over those of the arm."""
        return self.vanilla.dram_bytes / self.arm.dram_bytes


def changes() -> list[Change]:
    """Those of data/training.yaml, the files as they are first."""
    return [_change(entry) for entry in data("training")]


def workload_of(network: str, arm: str) -> str:
    """The workload of an arm."""
    return str(data("networks")["training"][network][arm])


def gain(network: str, arm: str, runner: Runner, change: Change = AS_IS) -> Gain | None:
    """Two runs; None where the workload or the machine is not there."""
    name = workload_of(network, arm)
    if name not in names("workloads") or ACCELERATOR not in names("archs"):
        return None
    dense, own = (_run(name, form, runner, change) for form in ("dense", "smartdeal"))
    ample = replace(change, keys={**change.keys, **AMPLE})
    least = _run(name, "dense", runner, ample)
    rest = Totals.of(least, change.dram_energy)
    moved = rest.energy_parts["DRAM"] * _weight_bytes(least) / rest.dram_bytes
    vanilla = Totals.of(dense, change.dram_energy)
    bound = vanilla.energy_pj / (rest.energy_pj - moved)
    return Gain(vanilla, Totals.of(own, change.dram_energy), bound)


def built(name: str) -> bool:
    """Whether the workload is there with its tensors."""
    if name not in names("workloads"):
        return False
    return load(Source(name, conv_only=False, measured=True)).mode == "measured"


def _run(name: str, form: str, runner: Runner, change: Change) -> Result:
    from archsim.arch.arch import load_arch

    workload = load(Source(name, conv_only=False, measured=runner.measured))
    if change.batch is not None:
        workload = workload.of_batch(change.batch)
    keys = [f"{key}={value}" for key, value in change.keys.items()]
    arch = load_arch(ACCELERATOR, [f"weights={form}", *keys])
    return runner.on(workload, arch) if runner.cache else _counted(workload, arch, runner)


def _counted(workload: Workload, arch: Arch, runner: Runner) -> Result:
    """A run in coarse steps: what is counted does not depend on them, and no time is asked for."""
    from archsim.machines.shared.tables import tables_of
    from archsim.runs.content import run_key
    from archsim.runs.simulation import final, timed

    key = run_key(arch, workload)
    if key not in runner.coarse:
        runner.coarse[key] = timed(arch, workload, tables_of(arch, workload, None), step_scale=STEP)
    return final(runner.coarse[key], arch, workload)


def _weight_bytes(result: Result) -> int:
    return sum(
        layer.dram_bytes_by.get(flow, 0)
        for layer in result.layers
        for flow in WEIGHT_FLOWS[layer.phase]
    )


def _change(entry: Mapping[str, Any]) -> Change:
    return Change(
        name=entry["name"],
        about=entry["about"],
        keys=entry.get("set", {}),
        batch=None if "batch" not in entry else int(entry["batch"]),
        dram_energy=float(entry.get("dram_energy", 1.0)),
    )
