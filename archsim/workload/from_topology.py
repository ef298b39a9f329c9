"""A topology of SCALE-Sim as a workload of shapes: what its columns say, and no more.

Such a file has no edges, no pools and no values: every layer is fed from outside. Its IFMAP holds
its padding already, and a last window that the IFMAP does not fill counts as a window, as SCALE-Sim
counts (outputs = ceil((IFMAP - filter) / stride) + 1); here it is padding below and at the right.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsim.formats.errors import InputError, Problem
from archsim.formats.topology_csv import Row, Topology

DEPTHWISE = "DP"
"""What SCALE-Sim looks for in the name of a layer whose filters read one channel each."""


@dataclass(frozen=True, kw_only=True)
class Densities:
    """Shares of values that are not zero, from which tensors are drawn; 0..1."""

    inputs: float
    weights: float


def layers_of(topology: Topology, densities: Densities | None) -> list[dict[str, Any]]:
    """The keys of each layer of the workload file, in the order of the rows."""
    taken: Counter[str] = Counter()
    entries = []
    for row in topology.rows:
        shape = _conv(row) if topology.kind == "conv" else _product(row)
        entry = {"name": _unique(row.name, taken), "inputs": [], **shape}
        if densities is not None:
            shares = {"input": densities.inputs, "weight": densities.weights}
            entry["profile"] = {"density": shares}
        entries.append(entry)
    return entries


def batch_of(topology: Topology, label: str) -> int:
    """The batch of the workload: that of all convolutions. Products have theirs as heads.

    Raises:
        InputError: rows differ; a workload has one batch.
    """
    if topology.kind == "gemm":
        return 1
    first = topology.rows[0]
    wrong = [row for row in topology.rows if row.batch != first.batch]
    if wrong:
        raise InputError(
            Problem(
                f"{label}:{row.line}",
                f"batch {row.batch}, and {first.batch} in line {first.line}: a workload has one",
            )
            for row in wrong
        )
    return first.batch


def notes_of(topology: Topology) -> list[str]:
    """What the file says that a workload does not, or does not say at all."""
    notes = ["no edges, pools or element-wise layers: every layer is fed from outside"]
    rows = topology.rows
    told = {
        "a last window that the IFMAP does not fill counts, as in SCALE-Sim": [
            row.name for row in rows if topology.kind == "conv" and any(_fill(row))
        ],
        f"one channel a filter, for {DEPTHWISE} in the name": [
            row.name for row in rows if topology.kind == "conv" and DEPTHWISE in row.name
        ],
        f"one filter, taken as it stands ({DEPTHWISE} in the name would make it depthwise)": [
            row.name for row in rows if _lone(row)
        ],
        "N:M sparsity, which is no shape: taken as dense": [
            f"{row.name} {row.sparsity}" for row in rows if row.sparsity
        ],
        "columns that are not read": list(topology.ignored),
    }
    return notes + [f"{what}: {_few(names)}" for what, names in told.items() if names]


def workload_text(head: Mapping[str, Any], layers: list[dict[str, Any]]) -> str:
    """The workload file: YAML in flow style, one layer a line."""
    lines = [f"{key}: {_flow(value)}" for key, value in head.items()]
    return "\n".join([*lines, "layers:", *(f"  - {_flow(layer)}" for layer in layers)]) + "\n"


def _conv(row: Row) -> dict[str, Any]:
    numbers = row.numbers
    channels, filters = numbers["Channels"], numbers["Num Filter"]
    groups = channels if DEPTHWISE in row.name else 1
    entry = {
        "op": "conv",
        "in_channels": channels,
        "out_channels": filters * groups,
        "in_size": [numbers["IFMAP Height"], numbers["IFMAP Width"]],
        "kernel": [numbers["Filter Height"], numbers["Filter Width"]],
        "stride": list(_strides(row)),
        "padding": [0, 0, *_fill(row)],
        "groups": groups,
    }
    usual = {"stride": [1, 1], "padding": [0, 0, 0, 0], "groups": 1}
    return {key: value for key, value in entry.items() if usual.get(key) != value}


def _product(row: Row) -> dict[str, Any]:
    """M rows of K values times a matrix (K, N); a batch of them has a matrix each."""
    m, n, k = (row.numbers[letter] for letter in "MNK")
    if row.batch > 1:
        return {"op": "matmul", "heads": row.batch, "rows": m, "inner": k, "columns": n}
    return {"op": "linear", "in_channels": k, "out_channels": n, "tokens": m}


def _strides(row: Row) -> tuple[int, int]:
    numbers = row.numbers
    if "Strides" in numbers:
        return numbers["Strides"], numbers["Strides"]
    return numbers["Stride height"], numbers["Stride width"]


def _fill(row: Row) -> tuple[int, int]:
    """Rows below and columns at the right that the last windows lack."""
    down, right = _strides(row)
    numbers = row.numbers
    return (
        (numbers["Filter Height"] - numbers["IFMAP Height"]) % down,
        (numbers["Filter Width"] - numbers["IFMAP Width"]) % right,
    )


def _lone(row: Row) -> bool:
    numbers = row.numbers
    window = numbers.get("Filter Height", 1) * numbers.get("Filter Width", 1)
    return numbers.get("Num Filter") == 1 and window > 1 and DEPTHWISE not in row.name


def _unique(name: str, taken: Counter[str]) -> str:
    """The name, with a number where an earlier row has it: a workload has each name once."""
    taken[name] += 1
    while taken[name] > 1:
        other = f"{name} ({taken[name]})"
        if not taken[other]:
            taken[other] += 1
            return other
        taken[name] += 1
    return name


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def _flow(value: Any) -> str:
    return json.dumps(value, separators=(", ", ": "), ensure_ascii=False)
