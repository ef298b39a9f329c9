"""What each machine is built of, as its arch file says, for Tables VIII and IX."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum

from archsim.arch.arch import Arch, load_arch
from archsim.machines.shared.machine import buffer_of, buffers_of
from archsim.paper.formula import value
from archsim.paper.networks import machines
from archsim.paper.printed import data

PARTS = ("dram", "dma", "post")
SETTINGS = ("clock_mhz", "energy", "interlayer", "barrier")
INDEX_STORES = frozenset({"index_gb"})  # has no size in Table IX, and is counted apart


def resources(name: str) -> Mapping[str, float | str]:
    """Of a machine: `multipliers`, `mhz`, KB of `sram` as Table IX counts it, of `index` stores and
    of the buffers nearest the array, bytes per cycle of `dram`, and the table of `prices`."""
    arch = load_arch(name)
    parts = arch.resolved["components"]
    sizes = {part: buffer.capacity_bytes / 1024 for part, buffer in buffers_of(arch).items()}
    index = fsum(size for part, size in sizes.items() if part in INDEX_STORES)
    near = {
        flow: buffer_of(arch, flow).capacity_bytes / 1024 for flow in ("input", "weight", "output")
    }
    return {
        "multipliers": float(value(data("networks")["multipliers"][arch.machine], parts)),
        "mhz": arch.clock_mhz,
        "sram": fsum(sizes.values()) - index,
        "index": index,
        **near,
        "dram": parts["dram"]["bytes_per_cycle"],
        "prices": ", ".join(path.stem for path in arch.energy_paths),
    }


def fairness(archs: Mapping[str, Arch]) -> list[str]:
    """What is the same on every machine, and what is not though it should be."""
    keys = {name: arch.resolved for name, arch in archs.items()}
    shared = {what: [own["components"].get(what) for own in keys.values()] for what in PARTS}
    shared |= {what: [own[what] for own in keys.values()] for what in SETTINGS}
    same = [what for what, found in shared.items() if all(one == found[0] for one in found)]
    notes = [f"the same on every machine: {', '.join(same)}"]
    return [*notes, *(f"not the same on every machine: {one}" for one in shared if one not in same)]


def equal_settings() -> list[str]:
    """The same of the five machines."""
    return fairness({name: load_arch(name) for name in machines()})
