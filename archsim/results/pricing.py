"""Energy of a run that has been counted: every row's actions times the arch's prices, and what its
parts draw at rest times the time it takes."""

from collections.abc import Mapping
from dataclasses import replace
from math import fsum
from typing import Any

from archsim.arch.arch import Arch
from archsim.arch.component import Component
from archsim.arch.machine_files import classes_of
from archsim.formats.regular import read_regular
from archsim.results.checks import check_result
from archsim.results.energy import Prices, load_energy, price_actions
from archsim.results.result import LayerResult, Result
from archsim.results.silicon import CLOCK_TREE

PJ_PER_MW_US = 1e3
TABLES_KEPT = 64


def prices_of(arch: Arch) -> Prices:
    """What the tables of an arch say, and its components' own classes.

    Raises:
        InputError: a table is wrong.
    """
    own = {**classes_of(arch.machine_path)} | {
        type(part).__name__: type(part) for part in arch.components.values()
    }
    key = arch.energy_paths, tuple(own.items())
    known = _read.get(key)
    if known is None or known[1] != _contents(known[0]):
        prices = load_energy(*arch.energy_paths, classes=own)
        if len(_read) >= TABLES_KEPT:
            _read.clear()
        known = _read[key] = prices, _contents(prices)
    return known[0]


_read: dict[Any, tuple[Prices, list[bytes]]] = {}
"""Tables that were read, and the contents of their files then: each point of a sweep asks again."""


def _contents(prices: Prices) -> list[bytes]:
    """Of all files of the tables; of one that is gone nothing, and reading it anew says so."""
    try:
        return [read_regular(path) for path in prices.files]
    except OSError:
        return []


def priced(counted: Result, arch: Arch) -> Result:
    """`counted` as a result of `arch`, which may differ from the arch that it was counted on in
    what no event depends on: prices and clock.

    Raises:
        InputError: a table is wrong, or a price is missing.
        CheckFailed: parts do not add up.
    """
    prices = prices_of(arch)
    # Says all that is missing.
    price_actions(prices, arch.components, counted.totals()["actions"], arch.widths)
    static = prices.silicon.static_mw(arch.components, arch.clock_mhz)
    layers = []
    for layer in counted.layers:
        energy = price_actions(prices, arch.components, layer.actions, arch.widths)
        row = replace(layer, energy_by=energy, energy_pj=fsum(energy.values()))
        at_rest = {
            name: None if mw is None else mw * layer.cycles / arch.clock_mhz * PJ_PER_MW_US
            for name, mw in static.items()
        }
        clock = _clock_tree(prices.silicon.clock_share, {**energy}, at_rest, arch.components)
        layers.append(_with_leakage(row, at_rest | clock))
    own = prices.of(arch.components, arch.widths)
    said = prices.silicon.notes(arch.components, arch.clock_mhz, arch.widths)
    result = replace(
        counted, arch_hash=arch.hash, arch_resolved=arch.written, kinds=arch.kinds,
        clock_mhz=arch.clock_mhz, layers=tuple(layers), prices=own,
        area_by=prices.silicon.area_mm2(arch.components, arch.clock_mhz) or None,
        notes=(*counted.notes, *(f"{arch.name}: {each}" for each in said)),
    )  # fmt: skip
    check_result(result.layers, result.cycles, result.energy_by)
    return result


def _clock_tree(
    share: float,
    energy: Mapping[str, float],
    at_rest: Mapping[str, float | None],
    parts: Mapping[str, Component],
) -> dict[str, float]:
    """pJ of the clock tree, whose share is of all that the chip takes, itself included."""
    if not share:
        return {}
    chip = [pj for each in (energy, at_rest) for name, pj in each.items() if _on_chip(name, parts)]
    return {CLOCK_TREE: share / (1 - share) * fsum(pj for pj in chip if pj is not None)}


def _on_chip(name: str, parts: Mapping[str, Component]) -> bool:
    return parts[name].kind != "off_chip"


def _with_leakage(layer: LayerResult, by: Mapping[str, float | None]) -> LayerResult:
    """The layer with what stands in `by` in its total; as it is where nothing does."""
    if not by:
        return layer
    leakage = fsum(pj for pj in by.values() if pj is not None)
    return replace(layer, leakage_by=by, leakage_pj=leakage, energy_pj=layer.energy_pj + leakage)
