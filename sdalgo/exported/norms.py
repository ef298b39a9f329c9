"""Rules of normalisation and softmax."""

from __future__ import annotations

import torch

from sdalgo.exported.rule import Arguments, Rule
from sdalgo.exported.writer import Writer, shape_of


def _layer_norm(writer: Writer, given: Arguments) -> str:
    row = [int(size) for size in given["normalized_shape"]]
    scale = writer.constant(torch.ones(row)) if given["weight"] is None else given["weight"]
    return writer.emit(
            "LayerNormalization", given["input"], scale, given["bias"], axis=-len(row),
            epsilon=float(given["eps"]),
        )  # fmt: skip


def _native_layer_norm(writer: Writer, given: Arguments) -> tuple[str, ...]:
    return (_layer_norm(writer, given),)


def _rms_norm(writer: Writer, given: Arguments) -> str:
    row = [int(size) for size in given["normalized_shape"]]
    scale = writer.constant(torch.ones(row)) if given["weight"] is None else given["weight"]
    least = torch.finfo(torch.float32).eps if given["eps"] is None else float(given["eps"])
    return writer.emit("RMSNormalization", given["input"], scale, axis=-len(row), epsilon=least)


def _group_norm(writer: Writer, given: Arguments) -> str:
    channels = shape_of(given["input"])[1]
    scale, shift = _affine(writer, given, channels)
    return writer.emit(
            "GroupNormalization", given["input"], scale, shift,
            num_groups=int(given["num_groups"]), epsilon=float(given["eps"]),
        )  # fmt: skip


def _instance_norm(writer: Writer, given: Arguments) -> str:
    if not given["use_input_stats"]:
        raise ValueError("instance normalisation with running statistics is not read")
    scale, shift = _affine(writer, given, shape_of(given["input"])[1])
    return writer.emit(
        "InstanceNormalization", given["input"], scale, shift, epsilon=float(given["eps"])
    )


def _batch_norm(writer: Writer, given: Arguments) -> tuple[str, ...]:
    scale, shift = _affine(writer, given, shape_of(given["input"])[1])
    mean, variance = given["running_mean"], given["running_var"]
    found = writer.emit(
        "BatchNormalization", given["input"], scale, shift, mean, variance,
        epsilon=float(given["eps"]),
    )  # fmt: skip
    return (found,)


def _affine(writer: Writer, given: Arguments, channels: int) -> tuple[object, object]:
    """Scale and shift of each channel, ones and zeros where the module has none."""
    scale, shift = given["weight"], given["bias"]
    return (
        writer.constant(torch.ones(channels)) if scale is None else scale,
        writer.constant(torch.zeros(channels)) if shift is None else shift,
    )


def _softmax(kind: str) -> Rule:
    def rule(writer: Writer, given: Arguments) -> str:
        return writer.emit(kind, given["self"], axis=int(given["dim"]))

    return rule


RULES: dict[str, Rule] = {
    "layer_norm": _layer_norm, "native_layer_norm": _native_layer_norm, "rms_norm": _rms_norm,
    "group_norm": _group_norm, "instance_norm": _instance_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "softmax": _softmax("Softmax"), "_softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"), "_log_softmax": _softmax("LogSoftmax"),
}  # fmt: skip
