"""archs/units/gate_ratio.yaml: Table I's multiplication and memories, and for every other action
its measured ratio to a multiplication (archsim/paper/data/rtl_energy.yaml), without clock pins,
which table1_28nm leaves out as well.
"""

from collections.abc import Mapping
from typing import Any

MULTIPLY_PJ = 0.124  # Table I
SUM_BYTES = 6  # archsim counts a partial sum's update as three bytes read and three written
HEAD = """\
# Written by `make rtl-energy`. Another reading of table1_28nm: Table I gives a multiplication and the memories, everything
# else is its ratio to an 8-bit multiplication in the mapped netlists of rtl/, on operands of MobileNetV2
# (docs/rtl_area.md), on every machine alike. Clock pins are left out, as leakage and the clock tree are in table1_28nm.
format: archsim-energy/1
name: gate_ratio
source: paper Table I (multiplication, memories); switching of the netlists of rtl/ (the rest)
sram:                                 # as table1_28nm
  base_pj: 1.36
  base_kbytes: 2
  pj_per_doubling: 0.363
  min_pj: 1.36
classes:
  Dram: {read: 100, write: 100}       # Table I per byte
"""


def ratios(table: Mapping[str, Any]) -> dict[str, float]:
    """Each action over a multiplication; partial sums' registers are apart, as `sum_byte` per byte
    read or written."""
    actions = table["actions"]
    unit = actions["multiply"]["pj"]
    found = {name: one["pj"] / unit for name, one in actions.items()}
    kept = {name: one["kept_pj"] / unit for name, one in actions.items()}
    for name in ("booth_step_8", "booth_step_17", "bit_step", "diannao_mac", "systolic_mac"):
        found[name] -= kept[name]
    return found | {
        "sum_byte": kept["booth_step_8"] / SUM_BYTES,
        "register_byte": kept["register_byte"],
        "rebuild_read": kept["rebuild"],
        "rebuild_add": found["rebuild"] - kept["rebuild"],
    }


def prices(table: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, str]]]:
    """Of each class and action: a ratio to a multiplication, and what it is of."""
    r = ratios(table)
    sums = (r["sum_byte"], "a byte of a partial sum, in the MAC's register")
    byte = (r["register_byte"], "a byte that passes a register")
    tree = (r["diannao_mac"], "DianNao's column per multiplication: multiplier, tree, registers")
    bits = (r["bit_step"], "Bit-Pragmatic's element per term: encoder, shifters, tree")
    return {
        "Nfu": {"mac": tree, "psum_access": sums},
        "BitSerialMacArray": {
            "booth_step": (r["booth_step_17"], "a digit in the bit-serial MAC with 17-bit weights"),
            "bit_step": (r["booth_step_17"], "as booth_step: one digit of a recoded operand"),
            "fifo": byte,
            "psum_access": sums,
        },
        "RebuildEngine": {
            "basis_read": (r["rebuild_read"], "the engine's registers, per code and column"),
            "shift_add": (r["rebuild_add"], "its selection, shift and sum, per code and column"),
        },
        "IndexSelector": {"scan": (r["add_8"], "an 8-bit addition's worth of comparison")},
        "PeSlices": {"tree_add": (r["add_24"], "a 24-bit addition")},
        "CambriconXPeArray": {
            "mac": tree,
            "index": (
                r["register_byte"] / 2 + r["add_8"],
                "half a byte of step, an 8-bit addition",
            ),
            "psum_access": sums,
        },
        "BitPragmaticPeArray": {"bit_step": bits, "psum_access": sums},
        "ScnnPeArray": {
            "mac": (1 + r["add_24"], "a multiplication, and a 24-bit addition at the bank"),
            "scatter": (0.0, "ISCA'17 gives the crossbar's area, not its energy"),
            "fifo": byte,
            "psum_access": sums,
        },
        "SystolicArray": {
            "mac": (r["systolic_mac"] - 2 * r["register_byte"], "its element without registers"),
            "operand_access": byte,
            "psum_access": sums,
            "accumulator_access": (1.36 / MULTIPLY_PJ, "the least SRAM of Table I"),
        },
        "PostProcessor": {"element": (1 + r["add_8"], "one scaling and addition")},
    }


def text(table: Mapping[str, Any]) -> str:
    """The file."""
    lines = [HEAD]
    for name, actions in prices(table).items():
        lines.append(f"  {name}:\n")
        for action, (ratio, what) in actions.items():
            pj = round(MULTIPLY_PJ * ratio, 4)
            value = f"{pj:g}" if ratio else f'{{pj: 0, reason: "{what}"}}'
            mark = f"  # {ratio:.3f}: {what}" if ratio else ""
            lines.append(f"    {action}: {value}{mark}\n")
    return "".join(lines)
