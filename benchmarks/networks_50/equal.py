"""How far the importer's own run of a file is from what is expected of it:
`python -m benchmarks.networks_50.equal NAME FILE EXPECTED`.

Prints JSON: the output that is furthest, and its largest difference as a part of the largest value
expected of that output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks_50.expected import feeds
from benchmarks.networks_50.listing import Network, networks


def engine(network: Network, path: Path) -> dict[str, NDArray[Any]]:
    """The final outputs by name, as `sdalgo import` computes them."""
    from sdalgo.importer.feeds import Wanted, feeds_of
    from sdalgo.onnx_graph import OnnxModel

    model = OnnxModel(path, Wanted(values=feeds(network, path)))
    given = feeds_of(model.network, model.wanted)
    made = model.run(given.tensors, given.given)
    return {name: x.numpy() for name, x in zip(model.network.outputs, made, strict=True)}


def furthest(
    found: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]]
) -> tuple[float, str]:
    """The largest difference of an output, and its name; infinite where shapes differ."""
    apart = [(_apart(found.get(name), values), name) for name, values in expected.items()]
    return max(apart, default=(0.0, ""))


def _apart(found: NDArray[Any] | None, expected: NDArray[Any]) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    a, b = (values.astype(np.float64) for values in (found, expected))
    if not np.isfinite(b).all():
        return 0.0 if np.array_equal(a, b, equal_nan=True) else float("inf")
    scale = float(np.abs(b).max(initial=0.0)) or 1.0
    return float(np.nan_to_num(np.abs(a - b).max(initial=0.0), nan=np.inf)) / scale


def main(name: str, path: Path, expected: Path) -> None:
    """Print the difference."""
    network = next(each for each in networks() if each.name == name)
    stored = np.load(expected)
    outputs = {key.partition("|")[2]: stored[key] for key in stored.files}
    apart, output = furthest(engine(network, path), outputs)
    print(json.dumps({"apart": apart, "output": output}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
