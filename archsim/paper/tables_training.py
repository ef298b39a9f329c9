"""Tables V, VI and VII: sizes from shapes, energy from the training accelerator where a training
workload is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archsim.paper.networks import Source, load
from archsim.paper.printed import Printed, data, table
from archsim.paper.report import Line, Report
from archsim.paper.runs import Runner, Totals
from archsim.paper.shapes import MIB, counts, megabytes, mobilenet_v2_shapes, resnet18_shapes
from archsim.search import names

if TYPE_CHECKING:
    from archsim.paper.shapes import Shape

ACCELERATOR = "training_accelerator"
GOPS_NETWORK = "ResNet18"  # what Table VII runs
SHARE = 0.1  # a simulated number meets a printed one within this share


def training_table(name: str, runner: Runner) -> Report:
    """``table5`` or ``table6``."""
    entry = table(name)
    classes = int(entry["classes"])
    shapes: Mapping[str, list[Shape]] = {
        "ResNet18": resnet18_shapes(classes),
        "MobileNetV2": mobilenet_v2_shapes(classes),
    }
    lines = []
    for task, arms in entry["rows"].items():
        network = task.split()[0]
        printed = Printed(arms["VA"][2])
        ours = megabytes(counts(shapes[network]).weights, 32, MIB)
        lines.append(
            Line(f"{task}, VA, MiB", printed.text, ours, ours / printed.value,
                 printed.met_by(ours), "32 bits for every convolution and linear weight")
        )  # fmt: skip
        lines += _gains(task, arms, efficiencies(network, runner))
    return Report(
        name,
        f"Training on the decomposed form, {entry['dataset']}",
        entry["where"],
        lines,
        notes=[f"accuracies, and sizes of the arms SD and SS, need {entry['dataset']}"],
        missing=_missing(),
    )


def table7(runner: Runner) -> Report:
    """GPUs as printed, the accelerator simulated."""
    entry = table("table7")
    lines = [
        Line(f"{name}, GOP/s/W", cells[2], None, moved_by="a citation; never simulated")
        for name, cells in entry["rows"].items()
        if "GPU" in name
    ]
    printed = Printed(entry["rows"]["SD-T accelerator"][2])
    ours = gops_per_watt(runner)
    meets = None if ours is None else abs(ours - printed.value) <= SHARE * printed.value
    ratio = None if ours is None else ours / printed.value
    what = "SD-T accelerator on ResNet18, GOP/s/W"
    lines.append(Line(what, printed.text, ours, ratio, meets, "the price of DRAM"))
    return Report(
        "table7", "Peak efficiency", entry["where"], lines, missing=_missing()
    )


def efficiencies(network: str, runner: Runner) -> Mapping[str, float]:
    """Energy of the arm VA over that of each other arm whose workload is there."""
    arms = {arm: _run(network, arm, runner) for arm in ("VA", "SD", "SS")}
    whole = arms["VA"]
    if whole is None:
        return {}
    return {
        arm: whole.energy_pj / one.energy_pj
        for arm, one in arms.items()
        if one is not None and arm != "VA"
    }


def gops_per_watt(runner: Runner) -> float | None:
    """Of the accelerator training ResNet18 on the decomposed form; None without the workload."""
    one = _run(GOPS_NETWORK, "SD", runner)
    return None if one is None else 2e3 * one.macs / one.energy_pj


def _run(network: str, arm: str, runner: Runner) -> Totals | None:
    """The arm's totals: VA runs the SD workload with dense weights.

    Errors have no profile, so a training step is simulated from its tensors or not at all.
    """
    from archsim.arch import load_arch

    entry = data("networks")["training"][network]
    name = entry["SS"] if arm == "SS" else entry["SD"]
    if not _built(name) or ACCELERATOR not in names("archs"):
        return None
    arch = load_arch(ACCELERATOR, ["weights=dense"] if arm == "VA" else [])
    return Totals.of(runner.on(load(Source(name, conv_only=False, measured=True)), arch))


def _built(name: str) -> bool:
    """Whether the workload is there with its tensors."""
    if name not in names("workloads"):
        return False
    return load(Source(name, conv_only=False, measured=True)).mode == "measured"


def _gains(task: str, arms: Mapping[str, list[str]], found: Mapping[str, float]) -> list[Line]:
    lines = []
    for arm in ("SD", "SS"):
        printed = float(arms[arm][1])
        ours = found.get(arm)
        meets = None if ours is None else abs(ours - printed) <= SHARE * printed
        ratio = None if ours is None else ours / printed
        what = f"{task}, {arm}, energy efficiency"
        lines.append(Line(what, arms[arm][1], ours, ratio, meets, "the price of DRAM"))
    return lines


def _missing() -> list[str]:
    entries = data("networks")["training"].values()
    wanted = [workload for entry in entries for workload in entry.values()]
    return [f"sdalgo build {name}" for name in wanted if not _built(name)]

