"""Tables V to VII, and what moves their energies: sizes from shapes, energies from runs of the arms
on the training accelerator.

An arm is a workload and a form of its weights: SD and SS are trained decomposed, and each is held
against VA, the same network with the same activations and dense weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import parsed
from archsim.formats.search import names
from archsim.machines.shared.tables import tables_of
from archsim.paper.assumptions import DEFAULT, Assumptions, listed
from archsim.paper.networks import Source, load
from archsim.paper.printed import data
from archsim.paper.runs import Runner, Totals
from archsim.paper.shapes import MIB, Shape, counts, megabytes, mobilenet_v2_shapes, resnet18_shapes
from archsim.results.result import Result
from archsim.runs.content import run_key
from archsim.runs.simulation import final, timed
from archsim.workload.workload import Workload

ACCELERATOR = "training_accelerator"
ARMS = ("SD", "SS")
STEP = 64  # times the usual step and burst
WEIGHT_FLOWS = {
    "ff": ("weight",),
    "bp": ("weight",),
    "wg": ("output",),
    "update": ("input", "output"),
}
"""Flows that carry weights, their gradients or their state, in each phase."""
AMPLE = {"unicast.banks": 65536}
"""A gigabyte for the operand that stands still."""


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


Gains = Mapping[str, Mapping[str, Gain | None]]
"""Network, arm: the gain, None without the workload."""


def workload_of(network: str, arm: str) -> str:
    """The workload of an arm."""
    return str(data("networks")["training"][network][arm])


def gain(network: str, arm: str, runner: Runner, change: Assumptions = DEFAULT) -> Gain | None:
    """Two runs; None where the workload or the machine is not there."""
    name = workload_of(network, arm)
    if name not in names("workloads") or ACCELERATOR not in names("archs"):
        return None
    ample = replace(change, changes=(*change.changes, *parsed(AMPLE)))
    vanilla, _ = _run(name, "dense", runner, change)
    own, _ = _run(name, "smartdeal", runner, change)
    rest, weight_bytes = _run(name, "dense", runner, ample)
    moved = rest.energy_parts["DRAM"] * weight_bytes / rest.dram_bytes
    return Gain(vanilla, own, bound=vanilla.energy_pj / (rest.energy_pj - moved))


def built(name: str) -> bool:
    """Whether the workload is there with its tensors."""
    if name not in names("workloads"):
        return False
    return load(Source(name, conv_only=False, measured=True)).mode == "measured"


def _run(name: str, form: str, runner: Runner, change: Assumptions) -> tuple[Totals, int]:
    """The totals of a run, and its DRAM bytes of weights, their gradients and their state."""
    workload = load(Source(name, conv_only=False, measured=runner.measured))
    if change.batch is not None:
        workload = workload.of_batch(change.batch)
    arch = load_arch(ACCELERATOR, [f"weights={form}", *change.changes])
    result = runner.on(workload, arch) if runner.cache else _counted(workload, arch, runner)
    weights = sum(
        layer.dram_bytes_by.get(flow, 0)
        for layer in result.layers
        for flow in WEIGHT_FLOWS[layer.phase]
    )
    return Totals.of(result, change.dram_energy), weights


def _counted(workload: Workload, arch: Arch, runner: Runner) -> Result:
    """A run in coarse steps: what is counted does not depend on them, and no time is asked for."""
    key = run_key(arch, workload)
    if key not in runner.coarse:
        runner.coarse[key] = timed(arch, workload, tables_of(arch, workload, None), step_scale=STEP)
    return final(runner.coarse[key], arch, workload)


@dataclass(frozen=True)
class Sizes:
    """MiB of what shapes alone decide: `vanilla` in 32 bits per weight, `mask` at a bit per code,
    `basis` in 32 bits, and `dense`, a classifier that is not decomposed. `codes` counts them."""

    vanilla: float
    mask: float
    basis: float
    dense: float
    codes: int

    @property
    def fixed(self) -> float:
        """The decomposed form without its non-zeros."""
        return self.mask + self.basis + self.dense


def sizes(task: str, classes: float) -> Sizes:
    """Of a row of Table V or VI. The released code replaces the classifier by a dense one on
    CIFAR-100, in adaptation."""
    network, kind = task.split()
    shapes = {"ResNet18": resnet18_shapes, "MobileNetV2": mobilenet_v2_shapes}[network]
    dense = kind == "adaptation" and classes > 10
    return sizes_of(shapes(int(classes)), dense_classifier=dense)


def sizes_of(shapes: Sequence[Shape], *, dense_classifier: bool) -> Sizes:
    """Of a network whose classifier stands last."""
    counted = counts(shapes[:-1] if dense_classifier else shapes)
    return Sizes(
        vanilla=megabytes(counts(shapes).weights, 32, MIB),
        mask=megabytes(counted.coefficients, 1, MIB),
        basis=megabytes(counted.basis, 32, MIB),
        dense=megabytes(counts(shapes[-1:]).weights, 32, MIB) if dense_classifier else 0.0,
        codes=counted.coefficients,
    )


def every_change(runner: Runner) -> list[tuple[Assumptions, Gains]]:
    """The gains of every arm under each change."""
    found: list[tuple[Assumptions, Gains]] = []
    asked = listed("training")
    for count, change in enumerate(asked, 1):
        gains: Gains = {
            network: {arm: gain(network, arm, runner, change) for arm in ARMS}
            for network in data("networks")["training"]
        }
        found.append((change, gains))
        if runner.tick:
            runner.tick(count, len(asked), change.name)
    return found


def untrained(runner: Runner) -> list[str]:
    """Commands that build the workloads that are not there."""
    wanted = [workload_of(network, arm) for network in data("networks")["training"] for arm in ARMS]
    there = built if runner.measured else names("workloads").__contains__
    return [f"sdalgo build {name}" for name in wanted if not there(name)]
