"""What a network's file gives by ONNX's own evaluator, kept as .npz:
`python -m benchmarks.networks_50.expected NAME FILE OUT`.

With `--runtime` ONNX Runtime is asked instead, for files that the evaluator cannot run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks_50.listing import Network, networks


def feeds(network: Network, path: Path) -> dict[str, NDArray[Any]]:
    """Its inputs, in the types that the file asks for."""
    import onnx
    from onnx import helper

    graph = onnx.load(str(path), load_external_data=False).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    return {
        name: values.astype(helper.tensor_dtype_to_np_dtype(types[name]))
        for name, values in network.values().items()
    }


def evaluated(network: Network, path: Path, *, runtime: bool) -> dict[str, NDArray[Any]]:
    """Every output of the file by name."""
    given = feeds(network, path)
    if runtime:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, given), strict=True))
    from onnx.reference import ReferenceEvaluator

    from benchmarks.networks_50.evaluator_ops import OPERATORS

    evaluator = ReferenceEvaluator(str(path), new_ops=OPERATORS)
    return dict(zip(evaluator.output_names, evaluator.run(None, given), strict=True))


def main(words: list[str]) -> None:
    """Write the outputs."""
    name, path, out = words[:3]
    network = next(each for each in networks() if each.name == name)
    found = evaluated(network, Path(path), runtime="--runtime" in words)
    with Path(out).open("wb") as file:
        np.savez(file, **{f"{k}|{key}": value for k, (key, value) in enumerate(found.items())})


if __name__ == "__main__":
    main(sys.argv[1:])
