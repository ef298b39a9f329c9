"""What a component is for, so that the energy of machines with different parts stands side by side.

The role of a component follows from its kind and from the flows that pass it, never from a name.
"""

from collections.abc import Mapping
from typing import Any

from archsim.results.result import Result

DRAM = "DRAM"
ROLES = (
    DRAM, "input buffer", "weight buffer", "output buffer", "index", "array", "post",
)  # fmt: skip
"""`index`: where indexes of coefficients or weights are stored and searched. `array`: everything
that computes weights or partial sums, rebuild engines and adder trees included."""
LEAKAGE = "leakage"
"""The role of what parts draw at rest and of the clock tree, where prices have them."""
COMMON_KINDS = ("off_chip", "mover", "post")
"""What is not the machine's own: two machines that are compared have it alike."""
_OF_KIND = {"off_chip": DRAM, "mover": DRAM, "index": "index", "array": "array", "post": "post"}
_OF_FLOW = {
    "moving": "input buffer",
    "stationary": "weight buffer",
    "result": "output buffer",
    "update": "weight buffer",
}


def roles_of(kinds: Mapping[str, str], flows: Mapping[str, Any]) -> dict[str, str]:
    """The role of every component of a machine, from what each is and its resolved flows."""
    return {
        name: _OF_KIND[kind] if kind in _OF_KIND else _of_buffer(name, flows)
        for name, kind in kinds.items()
    }


def energy_by_role(result: Result) -> dict[str, float]:
    """pJ of a run summed over each role, every role in its place; leakage is the last where the
    prices have it."""
    roles = roles_of(result.kinds, result.arch_resolved["flows"])
    sums = dict.fromkeys(ROLES, 0.0)
    for name, amount in result.energy_by.items():
        sums[roles[name]] += amount
    if result.leakage_pj is not None:
        sums[LEAKAGE] = result.leakage_pj
    return sums


def _of_buffer(name: str, flows: Mapping[str, Any]) -> str:
    """The first flow that passes a buffer says what it holds."""
    for flow, keys in flows.items():
        if name in keys["path"]:
            return role_of_flow(flow, keys["role"])
    raise ValueError(f"no flow passes the buffer {name!r}, and a checked arch has no such buffer")


def role_of_flow(name: str, role: str) -> str:
    """The role of a flow that is called `name` and plays `role` in the arch: that of the buffers
    that hold its data."""
    return "index" if name == "index" else _OF_FLOW[role]
