"""Energy of a run that has been counted: every row's actions times the arch's price table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archsim.results.checks import check_result
from archsim.results.energy import load_energy, price_actions

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.results.result import Result


def priced(counted: Result, arch: Arch) -> Result:
    """`counted` as a result of `arch`, which may differ from the arch that it was counted on in
    what no event depends on: prices and clock.

    Raises:
        InputError: the table lacks a price.
        CheckFailed: parts do not add up.
    """
    table = load_energy(arch.energy_path)
    layers = []
    for layer in counted.layers:
        energy = price_actions(table, arch.components, layer.actions, str(arch.energy_path))
        layers.append(replace(layer, energy_by=energy, energy_pj=sum(energy.values())))
    result = replace(
        counted,
        arch_hash=arch.hash,
        arch_resolved=arch.resolved,
        kinds=arch.kinds,
        clock_mhz=arch.clock_mhz,
        layers=tuple(layers),
    )
    check_result(result.layers, result.cycles, result.energy_by)
    return result
