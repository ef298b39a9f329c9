"""Two operators that ONNX's own evaluator is given.

BatchNormalization: before opset 14 inference is what one of one output does, whatever its
`momentum` (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html); the evaluator mixes
statistics of the batch in as soon as `momentum` is written.

DynamicQuantizeLSTM is ONNX Runtime's and not ONNX's, and the evaluator has none. ONNX Runtime is no
measure of a whole file with it: it differs from the evaluator by 2 % of the largest value in
ddddocr's operators before it, as values rounded to 8 bits fall to another side now and then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun

Array = NDArray[Any]


class BatchNormalization(OpRun):
    """Of inference, for every opset."""

    def _run(  # noqa: PLR0913, PLR0917  (the operator's inputs)
        self, x: Array, scale: Array, shift: Array, mean: Array, variance: Array,
        epsilon: float = 1e-5, **others: Any,
    ) -> tuple[Array]:  # fmt: skip
        if others.get("training_mode"):
            raise NotImplementedError("training")
        sizes = (1, -1, *[1] * (x.ndim - 2))
        mean, variance, scale, shift = (
            part.reshape(sizes) for part in (mean, variance, scale, shift)
        )
        y = (x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + shift
        return (y.astype(x.dtype),)


class DynamicQuantizeLSTM(OpRun):
    """An LSTM with weights of 8 bits; inputs and states become 8 bits before each product
    (ContribOperators.md of ONNX Runtime)."""

    op_domain = "com.microsoft"

    def _run(self, *given: Array | None, **attributes: Any) -> tuple[Array, Array, Array]:
        x, w, r, b, _, h, c, _, w_scale, w_zero, r_scale, r_zero = given
        outputs, states, cells = [], [], []
        for d in range(len(w)):
            kernel = (w[d].astype(np.int32) - w_zero[d]) * w_scale[d]
            back = (r[d].astype(np.int32) - r_zero[d]) * r_scale[d]
            turned = d == 1 or attributes.get("direction") == "reverse"
            steps = x[::-1] if turned else x
            found, state, cell = self._walk(
                _rounded(steps) @ kernel + b[d].reshape(2, -1).sum(0), back, (h[d], c[d])
            )
            outputs.append(found[::-1] if turned else found)
            states.append(state)
            cells.append(cell)
        return tuple(
            values.astype(np.float32)
            for values in (np.stack(outputs, 1), np.stack(states), np.stack(cells))
        )  # type: ignore[return-value]

    @staticmethod
    def _walk(given: Array, back: Array, start: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        state, cell = start
        found = []
        for step in given:
            i, o, f, new = np.split(step + _rounded(state) @ back, 4, axis=1)
            cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(new)
            state = _sigmoid(o) * np.tanh(cell)
            found.append(state)
        return np.stack(found), state, cell


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _rounded(x: Array) -> Array:
    """What DynamicQuantizeLinear makes of values, as numbers again."""
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    if low == high:
        return x
    scale = np.float32((high - low) / 255)
    zero = np.clip(np.rint(-low / scale), 0, 255)
    return ((np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale).astype(np.float32)


OPERATORS = [BatchNormalization, DynamicQuantizeLSTM]
