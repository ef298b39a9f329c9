"""Whether two results may stand side by side: what they differ in beside their machines.

Results are alike if they ran the same layers of the same workload in the same batches, on parts
that are common to both machines and the same, at the same prices. Common parts are off-chip memory,
movers and post-processors, whatever their names, and every key that both machines have. What the
files of two machines say differently is a difference of the machines; what was changed against the
file of one alone is not, if the other has that key too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archsim.analysis.roles import COMMON_KINDS
from archsim.formats.widths import WIDTH_KEYS
from archsim.results.settings import LAYERS, setting_name, value_text

if TYPE_CHECKING:
    from archsim.results.result import Result

HEAD_KEYS = ("clock_mhz", *WIDTH_KEYS, "interlayer", "barrier")
"""Keys of the arch itself that every machine has and that say nothing of the machine's own form."""
SHIPPED_ALIKE = ("interlayer", "barrier")
"""Of these the ones that are held against each other where nobody knows what was changed."""
ARRAYS = {"measured": "measured", "profile": "drawn from profiles", "shapes": "left out"}
UNPRICED = "prices: "


@dataclass(frozen=True)
class _Common:
    """A key that both machines have: its paths and values, and whether it is of a part that is
    common by what it is."""

    paths: tuple[str, str]
    values: tuple[Any, Any]
    by_kind: bool

    @property
    def said(self) -> str:
        one, two = map(value_text, self.values)
        return f"{setting_name(self.paths[0])} = {one}, not {two}"


def unlike(one: Result, two: Result, *, one_machine: bool = False) -> list[str]:
    """What `one` differs in from `two` beside the machine; nothing if they are alike. Of two
    settings of `one_machine` every key of its own parts may differ."""
    if one is two:
        return []
    said = _workload(one, two)
    changed = {*(one.changed or ())}, {*(two.changed or ())}
    unknown = one.changed is None or two.changed is None
    for common in _common(one, two):
        watched = common.paths[0] in changed[0] or common.paths[1] in changed[1]
        watched |= unknown and (common.by_kind or common.paths[0] in SHIPPED_ALIKE)
        own = one_machine and not (common.by_kind or common.paths[0] in HEAD_KEYS)
        if watched and not own and common.values[0] != common.values[1]:
            said.append(common.said)
    return [*said, *_prices(one, two)]


def _workload(one: Result, two: Result) -> list[str]:
    if one.workload_hash == two.workload_hash:
        return []
    said = []
    if one.batch != two.batch and None not in {one.batch, two.batch}:
        said.append(f"batch {one.batch}, not {two.batch}")
    elif one.settings.get("batch") != two.settings.get("batch"):
        said.append("another batch")
    layers = [each.settings.get(LAYERS, "all") for each in (one, two)]
    if layers[0] != layers[1]:
        said.append(f"layers {layers[0]}, not {layers[1]}")
    if one.mode != two.mode:
        said.append(f"arrays {ARRAYS[one.mode]}, not {ARRAYS[two.mode]}")
    return said or ["another state of the workload's files"]


def _common(one: Result, two: Result) -> Iterator[_Common]:
    first, second = one.arch_resolved, two.arch_resolved
    for key in HEAD_KEYS:
        if key in first and key in second:
            yield _Common((key, key), (first[key], second[key]), by_kind=False)
    for name, other in _pairs(one, two).items():
        ours, theirs = first["components"].get(name, {}), second["components"].get(other, {})
        for key in ours:
            if key in theirs and key != "class":
                paths = f"components.{name}.{key}", f"components.{other}.{key}"
                by_kind = one.kinds[name] in COMMON_KINDS and two.kinds[other] in COMMON_KINDS
                yield _Common(paths, (ours[key], theirs[key]), by_kind)


def _pairs(one: Result, two: Result) -> dict[str, str]:
    """Components of `one` with those of `two`: of the same name, or the only ones of a common
    kind."""
    pairs = {name: name for name in one.kinds if name in two.kinds}
    for kind in COMMON_KINDS:
        ours, theirs = (
            [name for name, other in each.kinds.items() if other == kind] for each in (one, two)
        )
        if len(ours) == len(theirs) == 1:
            pairs[ours[0]] = theirs[0]
    return pairs


def _prices(one: Result, two: Result) -> list[str]:
    """Prices that both have, and that differ."""
    if one.prices is None or two.prices is None:
        named = [_tables(each.arch_resolved) for each in (one, two)]
        return [] if named[0] & named[1] or not all(named) else [f"{UNPRICED}other tables"]
    sram = [_sram(prices.get("sram") or {}) for prices in (one.prices, two.prices)]
    said = ["SRAM"] if all(sram) and sram[0] != sram[1] else []
    first, second = (prices.get("components", {}) for prices in (one.prices, two.prices))
    for name, other in (_same_classes(one, two) | _pairs(one, two)).items():
        ours, theirs = first.get(name, {}), second.get(other, {})
        if any(theirs.get(action, pj) != pj for action, pj in ours.items()):
            said.append(name)
    return [f"{UNPRICED}another for {', '.join(said)}"] if said else []


def _same_classes(one: Result, two: Result) -> dict[str, str]:
    """Components of `one` with one of their class in `two`."""
    first, second = (each.arch_resolved["components"] for each in (one, two))
    names = {keys["class"]: name for name, keys in second.items()}
    return {name: names[keys["class"]] for name, keys in first.items() if keys["class"] in names}


def _sram(prices: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in prices.items() if key != "reason"}


def _tables(resolved: Mapping[str, Any]) -> set[str]:
    named = resolved.get("energy", ())
    return {named} if isinstance(named, str) else {*named}
