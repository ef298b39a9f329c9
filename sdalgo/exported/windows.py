"""Rules of pools, padding and resizing."""

from __future__ import annotations

from typing import Any

import torch

from sdalgo.exported.rule import Arguments, Rule
from sdalgo.exported.writer import Writer, rank_of, shape_of


def _pair(values: Any) -> list[int]:
    numbers = [int(value) for value in values]
    return numbers * 2 if len(numbers) == 1 else numbers


def _max_pool(writer: Writer, given: Arguments) -> str:
    return writer.emit(
        "MaxPool", given["self"], **_window(given), dilations=_pair(given["dilation"])
    )


def _max_pool_with_indices(writer: Writer, given: Arguments) -> tuple[str, ...]:
    return (_max_pool(writer, given),)


def _avg_pool(writer: Writer, given: Arguments) -> str:
    if given["divisor_override"]:
        raise ValueError("a mean with a divisor of its own is not read")
    return writer.emit(
            "AveragePool", given["self"], **_window(given),
            count_include_pad=int(bool(given["count_include_pad"])),
        )  # fmt: skip


def _window(given: Arguments) -> dict[str, Any]:
    kernel = _pair(given["kernel_size"])
    return {
        "kernel_shape": kernel,
        "strides": _pair(given["stride"]) if given["stride"] else kernel,
        "pads": _pair(given["padding"]) * 2,
        "ceil_mode": int(bool(given["ceil_mode"])),
    }


def _adaptive(writer: Writer, given: Arguments) -> str:
    plane, wanted = shape_of(given["self"])[-2:], shape_of(writer.node)[-2:]
    if rank_of(writer.node) != 4 or any(size % n for size, n in zip(plane, wanted, strict=True)):
        raise ValueError(f"an adaptive pool of {plane} to {wanted}: its windows are not all equal")
    if wanted == (1, 1):
        return writer.emit("GlobalAveragePool", given["self"])
    kernel = [size // n for size, n in zip(plane, wanted, strict=True)]
    return writer.emit("AveragePool", given["self"], kernel_shape=kernel, strides=kernel,
                    pads=[0, 0, 0, 0])  # fmt: skip


def _resize(mode: str) -> Rule:
    def rule(writer: Writer, given: Arguments) -> str:
        place = "half_pixel"
        if mode == "nearest":
            place = "asymmetric"
        elif given["align_corners"]:
            place = "align_corners"
        attrs: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": place}
        if mode == "nearest":
            attrs["nearest_mode"] = "floor"
        if mode == "cubic":
            attrs["cubic_coeff_a"] = -0.75
        sizes = writer.whole(shape_of(writer.node))
        x = given.get("input", given.get("self"))
        return writer.emit("Resize", x, None, None, sizes, **attrs)

    return rule


def _pad(writer: Writer, given: Arguments) -> str:
    """torch lists padding from the last axis on, ONNX all starts and then all ends."""
    amounts = [int(amount) for amount in given["pad" if "pad" in given else "padding"]]
    rank = rank_of(writer.node)
    starts, ends = [0] * rank, [0] * rank
    for index in range(len(amounts) // 2):
        starts[rank - 1 - index], ends[rank - 1 - index] = amounts[2 * index : 2 * index + 2]
    value = given.get("value") or 0
    mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}.get(
        given.get("mode", "constant"), "constant"
    )
    fill = writer.constant(value, torch.float32) if mode == "constant" else None
    return writer.emit("Pad", given["self"], writer.whole(starts + ends), fill, mode=mode)


RULES: dict[str, Rule] = {
    "max_pool2d": _max_pool, "max_pool2d_with_indices": _max_pool_with_indices,
    "avg_pool2d": _avg_pool, "adaptive_avg_pool2d": _adaptive,
    "_adaptive_avg_pool2d": _adaptive, "upsample_nearest2d": _resize("nearest"),
    "upsample_bilinear2d": _resize("linear"), "upsample_bicubic2d": _resize("cubic"),
    "constant_pad_nd": _pad, "pad": _pad,
}  # fmt: skip
