"""How much of a network's 8-bit activations is zero (Fig. 3): bits, Booth digits, rows.

Bits are those of the stored two's-complement byte, digits the four of radix 4; inputs of all
convolutions count by element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from archsim.formats.digits import count_table
from archsim.formats.errors import InputError
from archsim.paper import kept
from archsim.paper.context import Context
from archsim.paper.networks import Source, load, networks
from archsim.workload.load_notes import SYNTHETIC, weight_origin
from archsim.workload.workload import Workload

MEASURED = {
    "zero bits": "bits",
    "zero Booth digits": "booth",
    "zero vectors, last layers": "mobilenet_vectors",
}
"""Quantities of `sdalgo paper fig3`, and the keys of Fig. 3's numbers."""
TAIL = 5  # "the last several" layers of V-A


def zeros(workload: Workload) -> dict[str, float]:
    """Shares that are zero in the inputs of all convolutions, by key of Fig. 3: of bits, of digits,
    of rows in the last layers, and of rows in the single layer that has most."""
    set_bits, digits = count_table("bits", False), count_table("booth", True)
    elements = bits = booth = 0
    rows: list[tuple[int, int]] = []
    for layer in workload.layers:
        if layer.op != "conv":
            continue
        values = workload.tensors(layer).need("input")
        if values.dtype.itemsize > 1:
            raise InputError.at(workload.place(layer), "has inputs of 16 bits; Fig. 3 is of 8")
        counts = np.bincount(values.view(np.uint8).ravel(), minlength=256)
        workload.release(layer)
        elements += values.size
        bits += int(counts @ set_bits)
        booth += int(counts @ digits)
        if values.shape[-1] > 1:
            dead = ~(values != 0).any(axis=-1)
            rows.append((int(dead.sum()), dead.size))
    tail = rows[-TAIL:]
    return {
        "bits": 1 - bits / (8 * elements),
        "booth": 1 - booth / (4 * elements),
        "mobilenet_vectors": sum(dead for dead, _ in tail) / sum(size for _, size in tail),
        "resnet164_vectors": max(dead / size for dead, size in rows),
    }


def activations(context: Context, name: str) -> Mapping[str, Any] | None:
    """Shares of zeros in a network's activations, by key of Fig. 3, with `trained` and `how`; what
    `sdalgo paper fig3` measured goes first. None without the workload."""
    (network,) = networks([name])
    if not network.there:
        return None
    workload = load(Source(network.workload, measured=context.wanted.measured))
    trained = weight_origin(workload.source.get("weights")) != SYNTHETIC
    found = zeros(workload)
    rows = kept.sdalgo_rows(context.wanted.out, "fig3") or []
    for row in rows:
        key = MEASURED.get(str(row["quantity"]))
        if key and workload.name == f"{row['row']}_sd" and row["ours"] is not None:
            found[key] = float(row["ours"]) / 100
    measured = rows and workload.name == f"{rows[0]['row']}_sd"
    how = "measured by sdalgo paper fig3" if measured else context.runner.setting
    return {**found, "trained": trained, "how": how}
