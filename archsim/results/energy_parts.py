"""What the energy of an off-chip memory with rows consists of."""

from collections.abc import Mapping
from math import fsum

from archsim.results.result import Result

ACCESS = "access"
PARTS: Mapping[str, str] = {
    "read": ACCESS, "write": ACCESS, "activate": "activation", "background": "background",
    "refresh": "refresh",
}  # fmt: skip
"""The part that an action belongs to; another action of a memory is a part of its own."""


def memory_parts(result: Result) -> dict[str, dict[str, float]]:
    """pJ by component and part, of off-chip memories that do more than read and write bytes: what
    was counted times the prices that the result holds. They add up to the component's energy.
    """
    found: dict[str, dict[str, float]] = {}
    prices = (result.prices or {}).get("components", {})
    for name, actions in result.totals()["actions"].items():
        priced = prices.get(name, {})
        if result.kinds.get(name) != "off_chip" or not {*actions} <= {*priced}:
            continue
        parts: dict[str, list[float]] = {}
        for action, count in actions.items():
            parts.setdefault(PARTS.get(action, action), []).append(count * priced[action])
        if {*parts} != {ACCESS}:
            order = dict.fromkeys([*PARTS.values(), *parts])
            found[name] = {part: fsum(parts[part]) for part in order if part in parts}
    return found
