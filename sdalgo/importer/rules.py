"""What becomes of an operator that depends on the network's input, by the rule of its kind."""

from __future__ import annotations

from collections.abc import Callable

from sdalgo.importer import rules_arrays as arrays
from sdalgo.importer import rules_cuts as cuts
from sdalgo.importer import rules_post as post
from sdalgo.importer import rules_products as products
from sdalgo.importer import rules_views as views
from sdalgo.importer.drawing import Drawing
from sdalgo.importer.trace import Step

Rule = Callable[[Step, Drawing], None]


def _constant(step: Step, _drawing: Drawing) -> None:
    raise ValueError(f"{step.what} of a map: no workload layer stands for it")


def _dynamic(step: Step, drawing: Drawing) -> None:
    """The scale and zero point that a network finds on its way are no map."""
    drawing.put(step.out, drawing.place(step.maps[0]))


RULES: dict[str, Rule] = {
    "point": post.disappear, "elementwise": post.elementwise, "combine": post.combine,
    "where": post.where, "softmax": post.softmax, "layernorm": post.layer_norm,
    "rmsnorm": post.rms_norm, "reduce": post.reduce, "whole": post.whole, "pool": post.pool,
    "resize": post.resize, "gelu": lambda s, d: post.unary(s, d, "gelu"),
    "silu": lambda s, d: post.unary(s, d, "silu"),
    "hardswish": lambda s, d: post.unary(s, d, "hardswish"),
    "view": views.view, "transpose": views.transpose, "repeat": views.repeat, "slice": cuts.cut,
    "split": cuts.split, "gather": cuts.gather, "moved": cuts.moved, "top": cuts.top,
    "pad": views.pad, "concat": views.concat, "conv": arrays.conv, "qconv": arrays.quantised_conv,
    "deconv": arrays.deconv, "recurrent": arrays.recur, "gemm": products.gemm,
    "matmul": products.matmul, "qmatmul": products.quantised_matmul, "einsum": products.einsum,
    "constant": _constant, "dynamic": _dynamic,
}  # fmt: skip
