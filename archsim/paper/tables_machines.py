"""Tables VIII and IX: what each machine exploits, measured, and what it is built of."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, prod
from typing import TYPE_CHECKING

from archsim.machines.shared.machine import buffer_of, buffers_of
from archsim.paper import probe
from archsim.paper.networks import machines
from archsim.paper.printed import table
from archsim.paper.report import Grids, Line, Report

if TYPE_CHECKING:
    from archsim.arch.arch import Arch

GAIN = 1.05  # cycles fall by at least this factor with 60 % such zeros
SRAM_SHARE = 0.01  # "the same total": SCNN's split does not come out even
PARTS = ("dram", "dma", "post")
SETTINGS = ("clock_mhz", "energy", "interlayer", "barrier")
INDEX_STORES = frozenset({"index_gb"})  # has no size in Table IX, and is counted apart


def table8() -> Report:
    """Which zeros save time on which machine."""
    found = probe.gains()
    stated = table("table8")["machines"]
    lines = [
        Line(
            f"{name}: {kind}", "exploited", found[name][kind], None, found[name][kind] > GAIN,
            "zeros that its neighbours in a vector do not share",
        )
        for name in machines()
        for kind in stated[name]
    ]  # fmt: skip
    flat = max(abs(gain - 1) for gain in found["diannao"].values())
    lines.append(Line("diannao: any zeros", "none", 1 + flat, None, flat == 0))
    rows = [(name, [found[name][kind] for kind in probe.KINDS]) for name in machines()]
    title = "Cycles of a dense layer over cycles with 60 % zeros of a kind"
    return Report(
        "table8",
        "Design considerations",
        table("table8")["where"],
        lines,
        [Grids(title, ["machine", *probe.KINDS], rows)],
        notes=[
            f"one 3x3 layer, {probe.CHANNELS} to {probe.FILTERS} channels, "
            f"{probe.SIDE} x {probe.SIDE}; a factor above {GAIN} counts as exploited"
        ],
        values={"gains": found},
    )


def table9() -> Report:
    """Multipliers, SRAM and clock of every machine."""
    from archsim.arch.arch import load_arch

    printed = table("table9")
    wanted = sram_printed()
    lines, rows = [], []
    for name in machines():
        arch = load_arch(name)
        made, index = sram_bytes(arch)
        serial = name in {"smartdeal", "bit_pragmatic"}
        key = "bit_serial_multipliers" if serial else "multipliers"
        count = multipliers(arch)
        lines += [
            Line(f"{name}, multipliers", printed[key], float(count), count / float(printed[key]),
                 count == int(printed[key])),
            Line(f"{name}, SRAM, KB", f"{wanted / 1024:g}", made / 1024, made / wanted,
                 isclose(made, wanted, rel_tol=SRAM_SHARE),
                 "whether SCNN's accumulators are counted" if name == "scnn" else ""),
            Line(f"{name}, clock, MHz", printed["clock_mhz"], arch.clock_mhz,
                 arch.clock_mhz / float(printed["clock_mhz"]),
                 arch.clock_mhz == float(printed["clock_mhz"])),
        ]  # fmt: skip
        dram = arch.resolved["components"]["dram"]["bytes_per_cycle"]
        prices = ", ".join(path.stem for path in arch.energy_paths)
        rows.append((name, [float(count), *(size / 1024 for size in (made, *split(arch), index)),
                            arch.clock_mhz, dram, prices]))  # fmt: skip
    area = printed["rebuild_engine_area_percent"]
    lines.append(Line("area of the rebuild engines, %", area, None, moved_by="needs a layout"))
    heads = ["machine", "multipliers", "SRAM KB", "input KB", "weight KB", "output KB",
             "index KB", "MHz", "DRAM B/cycle", "prices"]  # fmt: skip
    return Report(
        "table9",
        "Resources",
        printed["where"],
        lines,
        [Grids("Resources of the arch files", heads, rows)],
        notes=fairness({name: load_arch(name) for name in machines()}),
    )


def fairness(archs: Mapping[str, Arch]) -> list[str]:
    """What is the same on every machine, what is not though it should be, and what is not
    counted."""
    keys = {name: arch.resolved for name, arch in archs.items()}
    shared = {what: [own["components"].get(what) for own in keys.values()] for what in PARTS}
    shared |= {what: [own[what] for own in keys.values()] for what in SETTINGS}
    same = [what for what, found in shared.items() if all(one == found[0] for one in found)]
    notes = [f"the same on every machine: {', '.join(same)}"]
    notes += [f"not the same on every machine: {what}" for what in shared if what not in same]
    return [
        *notes,
        "index buffers have no size in the paper and are counted apart; registers of partial sums "
        "are not counted, nor are SCNN's accumulators, which do their work",
    ]


def sram_printed() -> int:
    """Bytes of Table IX's buffers."""
    printed = table("table9")
    slices = int(printed["dim_m"])
    sizes = {
        "input_gb": 1,
        "output_gb": 1,
        "weight_buffer_per_slice": slices,
    }
    return sum(
        copies * int(printed[name]["kbytes"]) * int(printed[name]["banks"]) * 1024
        for name, copies in sizes.items()
    )


def sram_bytes(arch: Arch) -> tuple[int, int]:
    """Bytes of the buffers that Table IX counts, and of index stores."""
    found = {name: buffer.capacity_bytes for name, buffer in buffers_of(arch).items()}
    index = sum(size for name, size in found.items() if name in INDEX_STORES)
    return sum(found.values()) - index, index


def split(arch: Arch) -> list[int]:
    """Bytes of the buffers nearest the array: of inputs, weights, outputs."""
    flows = ("input", "weight", "output")
    return [buffer_of(arch, flow).capacity_bytes for flow in flows]


FACTORS = {
    "smartdeal": ("pe_slices.slices", "pe_slices.lines", "mac_array.macs"),
    "bit_pragmatic": ("pe_array.filters", "pe_array.columns", "pe_array.lanes"),
    "diannao": ("nfu.inputs", "nfu.outputs"),
    "cambricon_x": ("pe_array.pes", "pe_array.multipliers"),
    "scnn": ("pe_array.rows", "pe_array.columns", "pe_array.weights", "pe_array.activations"),
}


def multipliers(arch: Arch) -> int:
    """The product of the keys that say how many there are."""
    components = arch.resolved["components"]
    keys = (key.split(".") for key in FACTORS[arch.machine])
    return prod(int(components[part][field]) for part, field in keys)
