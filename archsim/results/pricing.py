"""Energy of a run that has been counted: every row's actions times the arch's prices."""

from dataclasses import replace
from math import fsum

from archsim.arch.arch import Arch
from archsim.arch.machine_files import classes_of
from archsim.results.checks import check_result
from archsim.results.energy import Prices, load_energy, price_actions
from archsim.results.result import Result


def prices_of(arch: Arch) -> Prices:
    """What the tables of an arch say, and its components' own classes.

    Raises:
        InputError: a table is wrong.
    """
    own = {**classes_of(arch.machine_path)} | {
        type(part).__name__: type(part) for part in arch.components.values()
    }
    return load_energy(*arch.energy_paths, classes=own)


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
    layers = []
    for layer in counted.layers:
        energy = price_actions(prices, arch.components, layer.actions, arch.widths)
        layers.append(replace(layer, energy_by=energy, energy_pj=fsum(energy.values())))
    own = prices.of(arch.components, arch.widths)
    result = replace(
        counted, arch_hash=arch.hash, arch_resolved=arch.resolved, kinds=arch.kinds,
        clock_mhz=arch.clock_mhz, layers=tuple(layers), prices=own,
    )  # fmt: skip
    check_result(result.layers, result.cycles, result.energy_by)
    return result
