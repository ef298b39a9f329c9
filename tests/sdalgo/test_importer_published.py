"""ONNX's own test vectors of single operators: equal, or refused for a stated reason."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.importer.execution import execute  # noqa: E402
from sdalgo.onnx_network import read_network  # noqa: E402

WIDENED = ("float16", "bfloat16", "bf16", "fp16")
"""Types that are computed in float32, where the vectors round each step."""
DIFFERENT = {
    # Runtimes divide by the whole size less one; ONNX's own vectors by the scaled, fractional size.
    "test_resize_downsample_scales_linear_align_corners",
    "test_resize_downsample_scales_cubic_align_corners",
    # Unsigned 16 bits are held as signed 32, so that a zero point cannot say where to cut.
    "test_quantizelinear_uint16",
}  # fmt: skip


def vectors():
    from onnx.backend.test.case.node import collect_testcases

    return {case.name: case for case in collect_testcases(None)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_published_vector_is_met_or_refused(tmp_path):
    path, met, wrong = tmp_path / "net.onnx", 0, []
    for name, case in vectors().items():
        inputs, outputs = case.data_sets[0]
        given = [*inputs, *outputs]
        if name in DIFFERENT or not all(isinstance(x, np.ndarray) for x in given):
            continue
        try:
            onnx.save(case.model, str(path))
            network = read_network(path)
            feeds = {
                each.name: torch.from_numpy(np.array(x).astype(each.dtype))
                for each, x in zip(network.inputs, inputs, strict=False)
            }
            trace = execute(network, feeds, frozenset(feeds))
        except InputError:
            continue
        near = 2e-2 if any(word in name for word in WIDENED) else 2e-3
        met += 1
        for value, expected in zip(trace.outputs, outputs, strict=False):
            found = value.known.numpy().astype(np.float64)
            if not np.allclose(found, expected.astype(np.float64), near, near, equal_nan=True):
                wrong.append(name)
    assert not wrong
    assert met > 1000
