"""Claims that take a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from archsim.paper import kept, probe, ratios, tables_machines, tables_training, training_runs
from archsim.paper.activity import zeros
from archsim.paper.claim import Answer, Finding, Part, close, judged, unanswered
from archsim.paper.figures import VALUES, figure, traffic
from archsim.paper.networks import Source, channels_pruned, load, networks
from archsim.paper.printed import table
from archsim.paper.report import Line
from archsim.paper.sensitivity import ENERGY, SPEED, TOGETHER

if TYPE_CHECKING:
    from archsim.paper.context import Context
    from archsim.workload.workload import Workload

SHARE = 0.1  # a simulated number meets a printed one within this share
POINTS = 1.5  # a measured percentage meets within these points
KERNEL = 3


def best_gains(context: Context) -> Answer:
    """4: the largest gains of Figs. 8 and 10."""
    parts = []
    for name, key in (("fig8", "energy"), ("fig10", "speedup")):
        printed = table("figures")[name][key]["high"]
        found = ratios.of(VALUES[name](context.grid), ratios.OURS)
        best = max(found, key=lambda network: found[network])
        met = judged(close(float(printed), found[best], SHARE))
        parts.append(Part(f"largest {key} gain over DianNao ({best})", printed, found[best], met))
    return Answer(parts, f"Simulated, {context.about}; causes under claims 35 and 37.")


def dram_share(context: Context) -> Answer:
    """5: DRAM's share of DianNao's energy."""
    shares = {
        name: 100 * row["diannao"].energy_parts["DRAM"] / row["diannao"].energy_pj
        for name, row in context.grid.items()
    }
    most, least = (pick(shares, key=lambda name: shares[name]) for pick in (max, min))
    row = context.grid[least]["diannao"]
    buffers = 100 * row.energy_parts["buffers"] / row.energy_pj
    return Answer(
        (
            Part(f"most, % ({most})", "> 95", shares[most], judged(shares[most] > 95)),
            Part(f"least, % ({least})", "> 95", shares[least], judged(shares[least] > 95)),
            Part(f"buffers, % ({least})", "-", buffers, "open"),
        ),
        f"Simulated with Table I's prices, {context.about}. The cited number is another design's, "
        "in 65 nm and with 44 KB; here the synapse buffer feeds all multipliers in every cycle.",
    )  # fmt: skip


def activations(context: Context) -> Answer:
    """11: zeros in activations."""
    printed = table("figures")["fig3"]
    found = {network.name: network for network in networks()}
    parts = []
    for name, keys in (
        ("MobileNetV2", ("bits", "booth", "mobilenet_vectors")),
        ("ResNet164", ("resnet164_vectors",)),
    ):
        if not found[name].there:
            parts += [Part(key, printed[key], None, "open", found[name].command) for key in keys]
            continue
        workload = load(Source(found[name].workload, measured=context.wanted.measured))
        trained = "synthetic" not in str(workload.source.get("weights", "")).casefold()
        ours, how = _zeros(workload, context)
        for key in keys:
            percent = 100 * ours[key]
            met = judged(abs(percent - float(printed[key])) <= POINTS) if trained else "open"
            parts.append(Part(f"{name}, {_ZEROS[key]}, %", printed[key], percent, met, how))
    return Answer(
        parts,
        "Signed 8-bit activations of all convolutions, of photographs, not ImageNet. Rows of one "
        "channel count as vectors; the paper names neither the layers nor what a vector is, and "
        "arrays drawn from profiles keep fewer zero rows than measured ones. ResNet164's weights "
        "are not trained, so its number decides nothing.",
    )


def _zeros(workload: Workload, context: Context) -> tuple[dict[str, float], str]:
    """Shares by key, and where from: what `sdalgo paper fig3` measured goes first."""
    share = zeros(workload)
    ours = {
        "bits": share.bits,
        "booth": share.digits,
        "mobilenet_vectors": share.tail_rows,
        "resnet164_vectors": share.most_rows,
    }
    rows = kept.sdalgo_rows(context.wanted.out, "fig3") or []
    for row in rows:
        key = _SDALGO.get(str(row["quantity"]))
        if key and workload.name == f"{row['row']}_sd" and row["ours"] is not None:
            ours[key] = float(row["ours"]) / 100
    measured = rows and workload.name == f"{rows[0]['row']}_sd"
    return ours, "measured by sdalgo paper fig3" if measured else context.runner.setting


_SDALGO = {
    "zero bits": "bits",
    "zero Booth digits": "booth",
    "zero vectors, last layers": "mobilenet_vectors",
}
_ZEROS = {
    "bits": "zero bits",
    "booth": "zero Booth digits",
    "mobilenet_vectors": "zero rows, last five layers",
    "resnet164_vectors": "zero rows, layer with most",
}


def one_line(context: Context) -> Answer:
    """12: a line of SmartDeal's array."""
    line = probe.line_of_smartdeal(KERNEL)
    queue = 8 + KERNEL - 1
    parts = [
        Part(
            "inputs a line takes for a kernel row", str(queue), line["queue"],
            judged(line["queue"] == queue),
        ),
        Part(
            "cycles of a 3x3 convolution, one-digit inputs", str(KERNEL**2), line["cycles"],
            judged(line["cycles"] == KERNEL**2),
        ),
        Part(
            "input bandwidth against one input a multiplier and cycle, one-digit inputs",
            "<= 0.333", KERNEL * line["queue"] / line["cycles"] / 8, "open",
        ),
    ]  # fmt: skip
    share = _input_share(context)
    if share is not None:
        what = "the same in the 3x3 layers of ResNet50"
        parts.append(Part(what, "<= 0.333", share, judged(share <= 1 / KERNEL)))
    return Answer(
        parts,
        "A made-up layer of one tile, and the 3x3 layers of ResNet50. The queue's halo alone takes "
        "more than 1/S with one-digit inputs; activations with more digits bring it below.",
    )


def _input_share(context: Context) -> float | None:
    """Bytes read from the input buffer a cycle, stream, line and multiplier in 3x3 layers."""
    from archsim.arch.arch import load_arch

    found = next(network for network in networks() if network.name == "ResNet50")
    if not found.there:
        return None
    arch = load_arch("smartdeal")
    parts = arch.resolved["components"]
    feeds = parts["pe_slices"]["streams"] * parts["pe_slices"]["lines"] * parts["mac_array"]["macs"]
    workload = load(Source(found.workload, context.wanted.conv_only, context.wanted.measured))
    wide = {layer.name for layer in workload.layers if layer.kernel == (KERNEL, KERNEL)}
    layers = [one for one in context.runner.result(found, arch).layers if one.name in wide]
    read = sum(layer.actions["input_gb"]["read"] for layer in layers)
    return read / sum(layer.compute_cycles for layer in layers) / int(feeds)


def training_gains(context: Context) -> Answer:
    """31: energy of training."""
    rows = [row for name in ("table5", "table6") for row in table(name)["rows"].items()]
    parts, bounds = [], []
    for arm in training_runs.ARMS:
        for network in ("ResNet18", "MobileNetV2"):
            printed = [float(arms[arm][1]) for task, arms in rows if task.startswith(network)]
            low, high = min(printed), max(printed)
            found = training_runs.gain(network, arm, context.runner)
            ours = None if found is None else found.energy
            inside = ours is not None and low * (1 - SHARE) <= ours <= high * (1 + SHARE)
            met: Finding = "open" if ours is None else judged(inside)
            parts.append(Part(f"{network}, {arm}", f"{low} to {high}", ours, met))
            bounds += [] if found is None else [f"{network}, {arm}: {found.bound:.2f}"]
    if not bounds:
        return unanswered(f"Takes training workloads: {_TRAINING}.")
    return Answer(
        parts,
        "One training step of 128 samples, against dense weights on the same activations. Were "
        f"weights, gradients and momentum to move for nothing, the gain were {'; '.join(bounds)}. "
        "Smaller batches gain more (archsim paper training). Fine-tuning and adaptation are the "
        "same step, and printed 1.36 and 1.13: something else than a step is in them.",
    )


_TRAINING = "sdalgo build resnet18_cifar_sdt, and the other three of its kind"


def peak_efficiency(context: Context) -> Answer:
    """33: Table VII."""
    ours = tables_training.gops_per_watt(context.runner)
    printed = table("table7")["rows"]["SD-T accelerator"][2]
    if ours is None:
        return unanswered(f"Two values are citations; the third takes {_TRAINING}.")
    met = judged(close(float(printed), ours, SHARE))
    return Answer(
        (Part("training accelerator, GOP/s/W", printed, ours, met),),
        "Simulated over one training step of 128 samples, DRAM included, with Table I's prices "
        "scaled to 65 nm; with what the chip's authors measured on chip it is 2.5 times as much "
        "(archsim paper training). The two GPUs are citations.",
    )


def resources(_context: Context) -> Answer:
    """34: Table IX."""
    lines = [line for line in tables_machines.table9().lines if line.ours is not None]
    return Answer(
        _parts(lines),
        "Counted from the arch files; SCNN's SRAM does not divide evenly among 64 elements. The "
        "area takes a layout.",
    )


def from_figure(context: Context, name: str, reason: str) -> Answer:
    """35 to 37: the lines of a figure."""
    report = figure(name, context.setup)
    missing = f" Missing: {', '.join(report.missing)}." if report.missing else ""
    lines = [line for line in report.lines if line.paper != "-"]
    return Answer(_parts(lines), f"Simulated, {context.about}. {reason}{missing}")


def _moves(context: Context, ratio: str) -> str:
    """What raises a mean ratio most, measured by switching it."""
    known = context.known
    if known is None:
        return "What moves it most: archsim paper sensitivity."
    up = sorted(known.readings, key=lambda move: -move.values[ratio])[:2]
    said = ", ".join(f"{move.values[ratio]:.2f} with {move.name}" for move in up)
    both = next((move for move in known.moves if move.group == TOGETHER), None)
    last = f"; {both.values[ratio]:.2f} with {both.name}" if both else ""
    return f"The {ratio} is {known.base.values[ratio]:.2f} on average, {said}{last}."


def _weights_moved(context: Context) -> str:
    """The network whose baselines move most, and what they move."""
    values = ratios.dram_accesses(context.grid)
    worst = max(values, key=lambda name: max(values[name].values()))
    rows = context.grid[worst]
    pair = [traffic(rows[machine]) for machine in (ratios.REFERENCE, ratios.OURS)]
    (dense, others), (ours, _) = pair
    least = min(values, key=lambda name: min(values[name].values()))
    machine = min(values[least], key=lambda name: values[least][name])
    text = (
        f"On {worst} DianNao moves {dense:.1f} MB of weights and {others:.1f} MB of activations, "
        f"SmartDeal {ours:.1f} MB of weights: the others run the network before its channels are "
        "pruned."
    )
    pruned = [one for one in channels_pruned() if one.there and one.name.startswith(worst)]
    if pruned:
        grid = context.runner.grid(pruned, context.assumptions)
        most = max(max(row.values()) for row in ratios.dram_accesses(grid).values())
        text += f" With channels pruned for every machine the most is {most:.2f}."
    if machine != ratios.OURS:
        why = ", since it stores activations compressed" if machine == "scnn" else ""
        text += f" On {least} {machine} moves less than SmartDeal{why}."
    return text


def _parts(lines: list[Line]) -> list[Part]:
    return [
        Part(
            line.what, line.paper, line.ours,
            "open" if line.meets is None else judged(line.meets), line.moved_by,
        )
        for line in lines
    ]  # fmt: skip


def checks(context: Context) -> Mapping[int, Callable[[], Answer]]:
    """The checks of this file by claim, bound to what they run on."""
    return {
        4: lambda: best_gains(context),
        5: lambda: dram_share(context),
        11: lambda: activations(context),
        12: lambda: one_line(context),
        31: lambda: training_gains(context),
        33: lambda: peak_efficiency(context),
        34: lambda: resources(context),
        35: lambda: from_figure(context, "fig8", _moves(context, ENERGY)),
        36: lambda: from_figure(context, "fig9", _weights_moved(context)),
        37: lambda: from_figure(context, "fig10", _moves(context, SPEED)),
    }
