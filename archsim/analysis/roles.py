"""What a component is for, so that the energy of machines with different parts stands side by side.

The role of a component follows from its class and from the flows that pass it, never from its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLES = (
    "DRAM", "input buffer", "weight buffer", "output buffer", "index", "array", "post",
)  # fmt: skip
"""`index`: where indexes of coefficients or weights are stored and searched. `array`: everything
that computes weights or partial sums, rebuild engines and adder trees included."""
_OF_CLASS = {
    "Dram": "DRAM",
    "Dma": "DRAM",
    "Bus": "DRAM",
    "IndexSelector": "index",
    "PostProcessor": "post",
}
_OF_FLOW = {
    "moving": "input buffer",
    "stationary": "weight buffer",
    "result": "output buffer",
    "update": "weight buffer",
}


def roles_of(arch_resolved: Mapping[str, Any]) -> dict[str, str]:
    """The role of every component of a machine, from its resolved arch."""
    flows = arch_resolved.get("flows", {})
    return {
        name: _role(name, str(keys.get("class", "")), flows)
        for name, keys in arch_resolved["components"].items()
    }


def by_role(amounts: Mapping[str, float], arch_resolved: Mapping[str, Any]) -> dict[str, float]:
    """Amounts of components summed over each role, every role in its place."""
    roles = roles_of(arch_resolved)
    sums = dict.fromkeys(ROLES, 0.0)
    for name, amount in amounts.items():
        sums[roles[name]] += amount
    return sums


def _role(name: str, kind: str, flows: Mapping[str, Any]) -> str:
    if kind in _OF_CLASS:
        return _OF_CLASS[kind]
    if kind != "GlobalBuffer":
        return "array"
    for flow, keys in flows.items():
        if name in keys["path"]:
            return "index" if flow == "index" else _OF_FLOW[keys["role"]]
    return "array"
