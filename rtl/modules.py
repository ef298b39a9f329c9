"""The modules of rtl/ that are synthesised, each with its parameters."""

from dataclasses import dataclass, field
from pathlib import Path

RTL = Path(__file__).parent


@dataclass(frozen=True)
class Module:
    """A Verilog module with parameters; `what` says what it is."""

    top: str
    what: str
    parameters: dict[str, int] = field(default_factory=dict)


MODULES = {
    "multiplier": Module("multiplier", "multiplier, 8 x 8 bits, signed"),
    "adder": Module("adder", "adder, 8 bits", {"BITS": 8}),
    "adder_24": Module("adder", "adder, 24 bits", {"BITS": 24}),
    "mac_8": Module(
        "booth_mac", "bit-serial MAC, 8-bit weights, 24-bit sum", {"WEIGHT": 8, "SUM": 24}
    ),
    "mac_17": Module(
        "booth_mac", "bit-serial MAC, 17-bit weights, 32-bit sum", {"WEIGHT": 17, "SUM": 32}
    ),
    "rebuild_engine": Module("rebuild_engine", "rebuild engine, 17-bit weights", {"WEIGHT": 17}),
    "rebuild_engine_pipelined": Module(
        "rebuild_engine",
        "rebuild engine with a register behind its shift, 17-bit weights",
        {"WEIGHT": 17, "PIPELINE": 1},
    ),
    # Five output rows: those of a depthwise tile with 3x3 kernels on 16 lines.
    "index_selector": Module(
        "index_selector",
        "index selector: 16 rows per cycle, 5 output rows, window of 16 words",
        {"ROWS": 16, "SEGMENTS": 5, "WORDS": 16},
    ),
    "pe_line": Module(
        "pe_line", "line: 8 MACs of 17 bits, 2 rebuild engines, FIFO", {"WEIGHT": 17, "SUM": 32}
    ),
    "sum_tree": Module(
        "sum_tree", "adder tree over 16 products", {"LEAVES": 16, "BITS": 16, "LEVELS": 4}
    ),
    "diannao_column": Module("diannao_column", "DianNao column: 16 multipliers, tree, 24-bit sum"),
    "bit_pragmatic_column": Module(
        "bit_pragmatic_column", "Bit-Pragmatic element: 16 serial lanes, tree, 24-bit sum"
    ),
    "systolic_pe": Module("systolic_pe", "systolic element: multiplier, 24-bit sum, registers"),
}


def sources() -> list[Path]:
    """All synthesizable files."""
    return sorted(RTL.glob("*.v"))
