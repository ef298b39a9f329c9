"""Sums of counts by name, and values in the types of JSON."""

from collections.abc import Iterable, Mapping
from typing import Any


def sum_maps(maps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Key-wise sums; keys in the order of their first appearance."""
    total: dict[str, Any] = {}
    for one in maps:
        for key, value in one.items():
            total[key] = total.get(key, 0) + value
    return total


def sum_nested(maps: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Key-wise sums of the inner counts; keys in the order of their first appearance."""
    total: dict[str, dict[str, int]] = {}
    for one in maps:
        for key, inner in one.items():
            sums = total.setdefault(key, {})
            for name, count in inner.items():
                sums[name] = sums.get(name, 0) + count
    return total


def plain(value: Any) -> Any:
    """`value` in the types of JSON. numpy's scalars become int and float: which of the two a count
    was computed in must not show in the file."""
    if type(value) in {int, str, float}:
        return value
    if type(value) is dict or isinstance(value, Mapping):  # the first is the faster test
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    return value.item()
