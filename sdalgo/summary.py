"""What a container holds, as plain numbers: one row per layer, and totals."""

import math
from math import fsum
from typing import Any

from archsim.formats.tensor_record import Tensor
from archsim.formats.weight_bits import weight_bits
from sdalgo.container import Container
from sdalgo.decomposition import Decomposition
from sdalgo.loss import ruined

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


def summarise(
    container: Container, file_bytes: int, squares: dict[str, float] | None = None
) -> Row:
    """Return `{layers, totals, warnings}` of a container.

    `compression` and `bits_per_weight` are those of the decomposed layers; `file_compression` is
    that of the file: what its state dict takes in float32 over what it takes itself.

    Args:
        squares: ||W||^2 of each layer, which the error of the whole needs; None leaves it out.
    """
    layers = [
        layer_row(name, layer, container.form, container.errors.get(name))
        for name, layer in container.layers.items()
    ]
    once = _stored_once(container, layers)
    totals: Row = {
        key: sum(row[key] for row in once)
        for key in ("slices", "entries", "nonzeros", "bits", "weights")
    }
    coded = sum(row["bits_per_nonzero"] * row["nonzeros"] for row in once)
    totals |= {
        "layers": len(layers),
        "density": totals["nonzeros"] / totals["entries"],
        "bits_per_nonzero": coded / totals["nonzeros"] if totals["nonzeros"] else 0.0,
        "bits_per_weight": totals["bits"] / totals["weights"],
        "compression": 32 * totals["weights"] / totals["bits"],
        "form": container.form,
        "other_bytes": sum(len(tensor.data) for tensor in container.others.values()),
        "file_bytes": file_bytes,
    }
    whole = 4 * totals["weights"] + sum(map(_float32_bytes, container.others.values()))
    totals["file_compression"] = whole / file_bytes
    if squares:
        wrong = fsum((row["relative_error"] or 0) ** 2 * squares[row["name"]] for row in once)
        power = fsum(squares[row["name"]] for row in once)
        totals["relative_error"] = (wrong / power) ** 0.5 if power else 0.0
    lines = ruined((r["name"], r["nonzeros"], r["relative_error"] or 0.0) for r in layers)
    return {"layers": layers, "totals": totals, "warnings": lines}


def _stored_once(container: Container, rows: list[Row]) -> list[Row]:
    """The rows of layers that are not another one's under a second name (tied weights)."""
    first = {id(layer): name for name, layer in reversed(container.layers.items())}
    return [row for row in rows if first[id(container.layers[row["name"]])] == row["name"]]


def _float32_bytes(tensor: Tensor) -> int:
    """What a tensor takes where every floating-point number takes 32 bits."""
    return 4 * math.prod(tensor.shape) if tensor.is_float else len(tensor.data)


def _weights(layer: Decomposition) -> int:
    return math.prod(layer.layout.shape)
