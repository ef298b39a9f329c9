"""Areas of the modules of rtl/ in cells of a library (data/rtl_area.yaml), and what they say of the
areas in the paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsim.paper.printed import data

ENGINES = {"two a line": 2, "one a line": 1, "one a slice": 0}
"""Where rebuild engines could be meant, and how many each line has; with none, a slice has one."""
TREE_INPUTS = 16


def gate_libraries() -> list[str]:
    """Names of the libraries."""
    return list(data("rtl_area")["libraries"])


def gate_area(library: str, module: str) -> float:
    """Area of a module, um2."""
    return float(data("rtl_area")["libraries"][library]["modules"][module]["um2"])


def sram_area(library: str, kbytes: float) -> float:
    """Area of so much SRAM beside that library's cells, um2."""
    return kbytes * 1024 * 8 * float(data("rtl_area")["libraries"][library]["sram_um2_per_bit"])


def engine_share(library: str, engines: str) -> float:
    """`share` with the areas of a library and the numbers of Table IX."""
    table: Mapping[str, Any] = data("tables")["table9"]
    slices = int(table["dim_m"])
    kbytes = _kbytes(table["input_gb"]) + _kbytes(table["output_gb"])
    kbytes += slices * _kbytes(table["weight_buffer_per_slice"])
    counted = Counted(slices, slices * int(table["dim_c"]), sram_area(library, kbytes))
    return share(
        gate_area(library, "rebuild_engine"), gate_area(library, "pe_line"), counted, engines
    )


@dataclass(frozen=True)
class Counted:
    """Slices and lines of an accelerator, and the area of its SRAM, um2."""

    slices: int
    lines: int
    sram: float


def share(engine: float, line: float, counted: Counted, engines: str) -> float:
    """Rebuild engines' share of the accelerator in percent, from the areas of an engine and of a
    line that holds two: lines with as many engines as a key of `ENGINES` says, and SRAM. Adder
    trees, selectors and control are left out, which makes the share larger than it is."""
    count = counted.lines * ENGINES[engines] or counted.slices
    logic = counted.lines * (line - 2 * engine) + count * engine
    return 100 * count * engine / (logic + counted.sram)


def _kbytes(buffer: Mapping[str, str]) -> int:
    return int(buffer["kbytes"]) * int(buffer["banks"])


def engines_of_line(library: str) -> float:
    """The share of a line that its two rebuild engines take, in percent."""
    return 200 * gate_area(library, "rebuild_engine") / gate_area(library, "pe_line")


def serial_over_parallel(library: str, weight_bits: int) -> float:
    """A bit-serial MAC's area over a parallel one's, which is a multiplier with its part of a tree,
    of the registers between them and of an accumulator: a sixteenth of DianNao's column."""
    parallel = gate_area(library, "diannao_column") / TREE_INPUTS
    return gate_area(library, f"mac_{weight_bits}") / parallel


def gate_periods(library: str) -> dict[str, float]:
    """The shortest clock period of each module in delays of an inverter that drives four: a number
    that changes little from one technology to the next."""
    found = data("rtl_area")["libraries"][library]
    unit = float(found["fo4_ns"])
    return {name: float(one["period_ns"]) / unit for name, one in found["modules"].items()}
