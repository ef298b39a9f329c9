"""Tables V, VI and VII, and what moves their energies: sizes from shapes, energies from the
training accelerator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archsim.formats.search import names
from archsim.paper.printed import Printed, data, table
from archsim.paper.report import Grids, Line, Report
from archsim.paper.shapes import MIB, counts, megabytes, mobilenet_v2_shapes, resnet18_shapes
from archsim.paper.training_runs import ARMS, Change, Gain, built, changes, gain, workload_of

if TYPE_CHECKING:
    from archsim.paper.runs import Runner
    from archsim.paper.shapes import Shape

GOPS_NETWORK = "ResNet18"  # what Table VII runs
SHARE = 0.1  # a simulated number meets a printed one within this share
TABLES = ("table5", "table6")
VANILLA = "32 bits for every convolution and linear weight"
PARTS = "1 bit a code, Huffman on non-zeros, 32-bit bases"
HUFFMAN = (2.0, 3.5)
"""Bits a non-zero over models and tasks (appendix B)."""


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
        network, kind = task.split()
        lines += _sizes(task, arms, shapes[network], dense_classifier=_dense(kind, classes))
        lines += _gains(task, arms, {arm: gain(network, arm, runner) for arm in ARMS})
    return Report(
        name,
        f"Training on the decomposed form, {entry['dataset']}",
        entry["where"],
        lines,
        notes=[
            f"accuracies need {entry['dataset']}: sdalgo train (docs/reference/training.md)",
            "fine-tuning and adaptation differ in nothing that the energy of a step depends on",
            *about(runner),
        ],
        missing=_missing(runner),
    )  # fmt: skip


def table7(runner: Runner) -> Report:
    """GPUs as printed, the accelerator simulated."""
    entry = table("table7")
    lines = [
        Line(f"{name}, GOP/s/W", cells[2], None, moved_by="a citation; never simulated")
        for name, cells in entry["rows"].items()
        if "GPU" in name
    ]
    printed = Printed(entry["rows"]["SD-T accelerator"][2])
    for arm in ("SD", "VA"):
        ours = gops_per_watt(runner, arm)
        meets = None if ours is None else abs(ours - printed.value) <= SHARE * printed.value
        ratio = None if ours is None else ours / printed.value
        text = printed.text if arm == "SD" else "-"
        what = f"{arm} on the accelerator, {GOPS_NETWORK}, GOP/s/W"
        seen = (ratio, meets) if arm == "SD" else (None, None)
        lines.append(Line(what, text, ours, *seen, "on-chip prices (archsim paper training)"))
    return Report(
        "table7", "Peak efficiency", entry["where"], lines, notes=about(runner),
        missing=_missing(runner),
    )  # fmt: skip


def training_changes(runner: Runner) -> Report:
    """What the energies of Tables V to VII depend on, one change at a time."""
    found = []
    asked = changes()
    for count, change in enumerate(asked, 1):
        gains = {
            (network, arm): gain(network, arm, runner, change)
            for network in data("networks")["training"]
            for arm in ARMS
        }
        found.append((change, gains))
        if runner.tick:
            runner.tick(count, len(asked), change.name)
    heads = ["", "ResNet18 VA mJ", "GOP/s/W", *(
        f"{network} {what}" for network in data("networks")["training"]
        for what in ("SD", "SS", "bound")
    )]  # fmt: skip
    return Report(
        "training",
        "Energy of VA over that of SD and SS, one change at a time",
        "Tables V to VII",
        tables=[Grids("as archsim has it, and with one change", heads,
                      [_row(change, gains) for change, gains in found])],
        notes=[
            f"paper: SD {_printed('SD')}, SS {_printed('SS')}; GOP/s/W of SD on ResNet18",
            "bound: VA over VA whose weights, gradients and momentum fit and move for nothing",
            *about(runner),
        ],
        missing=_missing(runner),
        values={change.name: {"about": change.about, **_values(gains)} for change, gains in found},
    )  # fmt: skip


def gops_per_watt(runner: Runner, arm: str = "SD") -> float | None:
    """Of the accelerator training ResNet18; None without the workload."""
    found = gain(GOPS_NETWORK, "SD", runner)
    return None if found is None else _gops(found, arm)


def about(runner: Runner) -> list[str]:
    """Where the energies come from."""
    if runner.measured:
        return ["energies: one training step of 128 samples, on tensors of a real step"]
    return [
        "energies: one training step of 128 samples, codes drawn from profiles, activations of 16 "
        "bits; --measured codes the exponents of tensors that are built"
    ]


def sizes_of(shapes: Sequence[Shape], *, dense_classifier: bool) -> Mapping[str, float]:
    """MiB of what shapes alone decide: `mask` at a bit a code, `basis` in 32 bits, and `dense`, a
    classifier that is not decomposed."""
    kept = shapes[:-1] if dense_classifier else shapes
    counted = counts(kept)
    return {
        "mask": megabytes(counted.coefficients, 1, MIB),
        "basis": megabytes(counted.basis, 32, MIB),
        "dense": megabytes(counts(shapes[-1:]).weights, 32, MIB) if dense_classifier else 0.0,
    }


def _dense(kind: str, classes: int) -> bool:
    """Whether the released code replaces the classifier by a dense one: on CIFAR-100, in
    adaptation."""
    return kind == "adaptation" and classes > 10


def _sizes(
    task: str, arms: Mapping[str, list[str]], shapes: Sequence[Shape], *, dense_classifier: bool
) -> list[Line]:
    """VA exactly; of SD and SS what shapes decide, and the density that the printed rest allows."""
    printed = Printed(arms["VA"][2])
    ours = megabytes(counts(shapes).weights, 32, MIB)
    lines = [
        Line(f"{task}, VA, MiB", printed.text, ours, ours / printed.value, printed.met_by(ours),
             VANILLA)
    ]  # fmt: skip
    fixed = sum(sizes_of(shapes, dense_classifier=dense_classifier).values())
    codes = counts(shapes[:-1] if dense_classifier else shapes).coefficients
    for arm in ARMS:
        size = float(arms[arm][2])
        bits = (size - fixed) * MIB * 8
        high, low = (min(1.0, bits / rate / codes) for rate in HUFFMAN)
        possible = bits > 0 and bits / HUFFMAN[1] / codes <= 1
        said = f"{PARTS}: leaves {100 * low:.0f} to {100 * high:.0f} % non-zeros at 2 to 3.5 bits"
        lines.append(
            Line(f"{task}, {arm}, MiB without its non-zeros", arms[arm][2], fixed, fixed / size,
                 None if possible else False, said)
        )  # fmt: skip
    return lines


def _gains(
    task: str, arms: Mapping[str, list[str]], found: Mapping[str, Gain | None]
) -> list[Line]:
    lines = []
    for arm in ARMS:
        printed, one = float(arms[arm][1]), found[arm]
        what = f"{task}, {arm}, energy efficiency"
        if one is None:
            lines.append(Line(what, arms[arm][1], None))
            continue
        meets = abs(one.energy - printed) <= SHARE * printed
        moved = f"the batch: at 128 no form of the weights passes {one.bound:.2f}"
        lines.append(Line(what, arms[arm][1], one.energy, one.energy / printed, meets, moved))
    return lines


def _row(
    change: Change, gains: Mapping[tuple[str, str], Gain | None]
) -> tuple[str, list[float | str | None]]:
    first = gains[GOPS_NETWORK, "SD"]
    cells: list[float | str | None] = [None, None]
    if first is not None:
        cells = [first.vanilla.energy_pj / 1e9, _gops(first, "SD")]
    for network in dict.fromkeys(network for network, _ in gains):
        arms = [gains[network, arm] for arm in ARMS]
        cells += [None if one is None else one.energy for one in arms]
        cells.append(None if arms[0] is None else arms[0].bound)
    return change.name, cells


def _values(gains: Mapping[tuple[str, str], Gain | None]) -> Mapping[str, object]:
    return {
        f"{network} {arm}": None if one is None else
        {"energy": one.energy, "dram": one.dram, "bound": one.bound}
        for (network, arm), one in gains.items()
    }  # fmt: skip


def _gops(found: Gain, arm: str) -> float:
    totals = found.vanilla if arm == "VA" else found.arm
    return 2e3 * totals.macs / totals.energy_pj


def _printed(arm: str) -> str:
    """The range of an arm over both tables."""
    texts = [arms[arm][1] for name in TABLES for arms in table(name)["rows"].values()]
    return f"{min(texts, key=float)} to {max(texts, key=float)}"


def _missing(runner: Runner) -> list[str]:
    wanted = [workload_of(network, arm) for network in data("networks")["training"] for arm in ARMS]
    there = built if runner.measured else names("workloads").__contains__
    return [f"sdalgo build {name}" for name in wanted if not there(name)]
