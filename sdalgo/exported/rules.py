"""Which rule writes which operator of torch: its core (https://docs.pytorch.org/docs/stable/
torch.compiler_ir.html) and those that `sdalgo.exported.program` keeps whole."""

from __future__ import annotations

from sdalgo.exported import arrays, norms, pointwise, views, windows
from sdalgo.exported.rule import Rule

RULES: dict[str, Rule] = {
    **arrays.RULES, **norms.RULES, **pointwise.RULES, **views.RULES, **windows.RULES
}  # fmt: skip
