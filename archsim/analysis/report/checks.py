"""What a page needs of a result beyond what its reader checks: a result that was changed by hand,
with a new checksum, is refused by name and not drawn wrongly."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from archsim.formats.errors import InputError
from archsim.results.result import Result
from archsim.results.store import Stored

BANDWIDTHS = ("off_chip", "mover")
"""Kinds of component that have a bandwidth."""
LARGEST = 1e100
"""Products of numbers beyond it could be infinite; no run counts as much."""


def check(stored: Stored) -> None:
    """Check one result.

    Raises:
        InputError: its array cannot be told, a flow passes no component of the machine, a memory
            has no bandwidth, or its numbers are too large to be added.
    """
    for problem in _problems(stored.result):
        raise InputError.at(f"{stored.place}.json", f"{problem}; run it again")


def _problems(result: Result) -> Iterator[str]:
    parts, flows = result.arch_resolved["components"], result.arch_resolved["flows"]
    begins = [flow["path"][:1] for flow in flows.values() if flow["role"] == "result"]
    if not begins or not begins[0] or begins[0][0] not in result.instances:
        yield "no flow of results begins at a component that is counted"
    for name, flow in flows.items():
        for part in flow["path"]:
            if part not in parts:
                yield f"the flow {name!r} passes {part!r}, which the machine does not have"
    for name, kind in result.kinds.items():
        if kind in BANDWIDTHS and not _is_amount(parts[name].get("bytes_per_cycle")):
            yield f"{name!r} has no bytes_per_cycle"
    try:
        large = [name for name, value in _numbers("", result.totals()) if value > LARGEST]
    except OverflowError:
        large = ["energy_pj"]
    if large:
        yield f"{large[0].lstrip('.')} is too large a number"


def _is_amount(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value) and value > 0


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(f"{name}.{key}", inner)
    elif isinstance(value, int | float):
        yield name, float(value)
