"""What a container holds, as plain numbers: one row per layer, and totals."""

import math
from math import fsum
from typing import Any

from archsim.formats.weight_bits import weight_bits
from sdalgo.container import Container
from sdalgo.decomposition import Decomposition

Row = dict[str, Any]


def layer_row(name: str, layer: Decomposition, form: str, error: float | None) -> Row:
    """Return the figures of one layer.

    `entries` are coefficients with the padding of a last triple; `levels` different exponents;
    `bits_per_nonzero` the mean Huffman code of a non-zero (appendix B); `bits` all that is stored
    in the container's form.
    """
    low, high = layer.powers
    bits = weight_bits(layer.coef, layer.basis.shape, form, layer.basis_bits)
    return {
        "name": name, "slices": layer.slices, "entries": layer.entries, "nonzeros": layer.nonzeros,
        "relative_error": error, "levels": layer.levels, "powers": [low, high],
        "bits_per_nonzero": layer.bits_per_nonzero, "bits": bits.total, "bits_by": bits.parts,
        "weights": _weights(layer),
    }  # fmt: skip


def summarise(container: Container, squares: dict[str, float] | None = None) -> Row:
    """Return `{layers, totals}` of a container.

    Args:
        squares: ||W||^2 of each layer, which the error of the whole needs; None leaves it out.
    """
    layers = [
        layer_row(name, layer, container.form, container.errors.get(name))
        for name, layer in container.layers.items()
    ]
    totals: Row = {
        key: sum(row[key] for row in layers)
        for key in ("slices", "entries", "nonzeros", "bits", "weights")
    }
    coded = sum(row["bits_per_nonzero"] * row["nonzeros"] for row in layers)
    totals |= {
        "layers": len(layers),
        "density": totals["nonzeros"] / totals["entries"],
        "bits_per_nonzero": coded / totals["nonzeros"] if totals["nonzeros"] else 0.0,
        "bits_per_weight": totals["bits"] / totals["weights"],
        "compression": 32 * totals["weights"] / totals["bits"],
        "form": container.form,
        "other_bytes": sum(len(tensor.data) for tensor in container.others.values()),
    }
    if squares:
        wrong = fsum((row["relative_error"] or 0) ** 2 * squares[row["name"]] for row in layers)
        whole = fsum(squares[row["name"]] for row in layers)
        totals["relative_error"] = (wrong / whole) ** 0.5 if whole else 0.0
    return {"layers": layers, "totals": totals}


def _weights(layer: Decomposition) -> int:
    return math.prod(layer.layout.shape)
