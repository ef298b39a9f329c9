"""The table of docs/reference/networks_50.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.networks_50.listing import Network
from benchmarks.networks_50.trial import MACHINES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "networks_50.md"
GOAL = 45
CLOSE = 1e-3
"""The largest difference, as a part of an output's largest value: float32 in another order."""
REFUSED = 2
"""The exit status of a command that names a rule."""
Record = dict[str, Any]


def passes(record: Record) -> bool:
    """Imported, equal where there is anything to compare with, and run or refused by a rule."""
    if record.get("import", {}).get("status") != 0:
        return False
    compared = record.get("equal")
    close = compared is None or compared.get("apart", float("inf")) <= CLOSE
    machines = record.get("machines", {})
    settled = len(machines.get("cycles", ())) + len(machines.get("refused", ()))
    return close and machines.get("status") in (0, REFUSED) and settled == len(MACHINES)


def row(network: Network, record: Record) -> tuple[str, ...]:
    """The cells: name, from, import, layers, MACs, outputs, machines, remarks."""
    origin = network.package or f"{network.exporter}, opset {network.opset}"
    if "import" not in record:
        reason = record.get("file", {}).get("missing", "")
        return (network.name, origin, "not tried", "", "", "", "", reason)
    imported, machines = record["import"], record.get("machines", {})
    if imported.get("status") != 0:
        return (network.name, origin, "no", "", "", "", "", said(imported))
    took = f"{imported['seconds']:.1f} s, {imported['megabytes']} MB"
    remarks = [f"{machine}: {reason}" for machine, reason in machines.get("refused", {}).items()]
    for evaluator, reason in record.get("expected", {}).get("reasons", {}).items():
        remarks.append(f"{evaluator} fails: {reason}")
    if machines.get("status") not in (0, REFUSED):
        remarks.append(f"run: {said(machines)}")
    if (record.get("equal") or {}).get("status"):
        remarks.append(f"compared: {said(record['equal'])}")
    ran = (
        f"{len(machines.get('cycles', ()))} of {len(MACHINES)}, {machines.get('seconds', 0):.1f} s"
    )
    return (
        network.name, origin, took, str(imported["layers"]), f"{imported['macs'] / 1e6:,.1f}",
        _compared(record), ran, "; ".join(remarks),
    )  # fmt: skip


def _compared(record: Record) -> str:
    reference = record.get("expected", {}).get("reference")
    if reference is None:
        return "nothing to compare with"
    apart = record.get("equal", {}).get("apart")
    if apart is None:
        return "not computed"
    by = "" if reference == "onnx.reference" else f" ({reference})"
    return f"{apart:.0e}{by}" + ("" if apart <= CLOSE else ", differs")


def said(run: Record) -> str:
    """What a command said, as one line of a cell, without the name of the file."""
    lines = [line for line in run.get("said", "").splitlines() if line.strip()]
    if not lines:
        return f"exit status {run.get('status')}"
    traceback = any(line.startswith("Traceback") for line in lines)
    text = lines[-1] if traceback else " / ".join(lines[:3])
    more = f" and {len(lines) - 3} more" if len(lines) > 3 and not traceback else ""
    text = re.sub(r"[^\s:]*/([^/\s:]+\.(?:onnx|yaml))", r"\1", text)
    return f"{text.replace('|', chr(92) + '|'):.400}{more}"


HEAD = (
    "network", "from", "import", "layers", "M MACs", "difference", "machines", "remarks",
)  # fmt: skip


def written(chosen: Sequence[Network], records: dict[str, Record]) -> str:
    """The page."""
    done = sum(map(passes, records.values()))
    lines = [
        "# Fifty networks",
        "",
        "Written by `python -m benchmarks.networks_50 --write-docs`. The list was fixed before any",
        "of them was tried (`benchmarks/networks_50/networks.yaml`); what fails stays in it.",
        "",
        f"**{done} of {len(chosen)} pass**: `sdalgo import` makes a workload; the outputs that it",
        "computes on the way equal those of `onnx.reference`, on seeded inputs, to",
        f"{CLOSE:g} of the largest value (ONNX Runtime's where `onnx.reference` cannot run the",
        "file); and each of SmartDeal, DianNao, SCNN, Cambricon-X and Bit-Pragmatic runs the",
        "workload (`archsim run --batch 1`) or refuses it by a rule that it names. Seconds are on",
        "the clock of a shared 2-core machine with other work on it, one core used, without the",
        "start of the process.",
        "",
        "torch's dynamo exporter needs the package onnxscript, and files that `onnx.reference`",
        "cannot run are compared where onnxruntime is installed (`pip install onnxscript`",
        "`onnxruntime`). The evaluator is given two operators, with reasons:",
        "`benchmarks/networks_50/evaluator_ops.py`.",
    ]
    for group in dict.fromkeys(network.group for network in chosen):
        lines += ["", f"## {group[0].upper()}{group[1:]}", "", _line(HEAD), _line(["---"] * 8)]
        lines += [_line(row(n, records[n.name])) for n in chosen if n.group == group]
    return "\n".join([*lines, "", *_files(chosen)])


def _files(chosen: Sequence[Network]) -> list[str]:
    lines = ["## Where the files come from", "", _line(("network", "package", "file", "licence"))]
    lines.append(_line(["---"] * 4))
    lines += [_line((n.name, n.package, n.path, n.licence)) for n in chosen if n.package]
    return [*lines, ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
