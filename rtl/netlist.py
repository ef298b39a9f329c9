"""Netlists of the modules: mapped by yosys to the cells of a liberty file, area by part, and the
clock period at which OpenSTA closes them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from rtl.modules import Module, sources
from rtl.tools import cell_areas, registers, run

# Buffers and sizes are chosen for a clock that no module reaches, that is for speed: ps.
PERIOD_PS = 1000
ARITHMETIC = "t:$add t:$sub t:$neg t:$mul t:$alu t:$macc"
DRIVE = "set_driving_cell BUFX2\nset_load 0.05 [all_outputs]\n"


@dataclass(frozen=True)
class Netlist:
    """A mapped module: the number of each cell, and the file of its Verilog."""

    module: Module
    library: Path
    cells: dict[str, int]
    arithmetic: dict[str, int]
    file: Path

    @property
    def area(self) -> float:
        """Of all cells, um2."""
        return _area(self.cells, self.library)

    @property
    def parts(self) -> dict[str, float]:
        """Areas of registers, of adders and multipliers, and of what is left: selection and
        control, um2. Arithmetic is mapped apart, so it is its share without what both sides of
        its border could have saved."""
        kept = registers(self.library)
        held = _area({c: n for c, n in self.cells.items() if c in kept}, self.library)
        added = min(_area(self.arithmetic, self.library), self.area - held)
        return {"registers": held, "adders": added, "control": self.area - held - added}


def _area(cells: dict[str, int], library: Path) -> float:
    areas = cell_areas(library)
    return sum(areas[cell] * count for cell, count in cells.items())


def mapped(module: Module, library: Path, folder: Path, *, by_part: bool = True) -> Netlist:
    """The module in cells of the library; all files that yosys writes are in `folder`. Without
    `by_part` its arithmetic is not told apart."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drive.sdc").write_text(DRIVE)
    (folder / "map.ys").write_text(
        "\n".join([*_whole(module, library), *(_apart(library) if by_part else []), ""])
    )
    run(["yosys", "-q", "map.ys"], folder)
    cells = _cells(folder / "whole.json", module.top)
    arithmetic = _cells(folder / "apart.json", "arithmetic") if by_part else {}
    return Netlist(module, library, cells, arithmetic, folder / "netlist.v")


def _to_cells(library: Path) -> list[str]:
    return [
        f"dfflibmap -liberty {library}",
        f"abc -liberty {library} -D {PERIOD_PS} -constr drive.sdc",
        "opt_clean -purge",
    ]


def _whole(module: Module, library: Path) -> list[str]:
    """Commands of yosys that map the module and keep what it was before gates."""
    return [
        *(f"read_verilog {path}" for path in sources()),
        *(f"chparam -set {key} {n} {module.top}" for key, n in module.parameters.items()),
        f"hierarchy -check -top {module.top}",
        f"synth -flatten -top {module.top} -run begin:fine",
        "design -save coarse",
        "synth -run fine:check",
        *_to_cells(library),
        "rename -enumerate",  # one name for a net in both files
        "write_json whole.json",
        "write_verilog -noattr -noexpr -nodec netlist.v",
    ]


def _apart(library: Path) -> list[str]:
    """Commands that map it again, with what adds and multiplies as a module of its own, whose cells
    can be counted."""
    return [
        "design -load coarse",
        f"select -set sums {ARITHMETIC}",
        "submod -name arithmetic @sums",
        "synth -run fine:check",
        *_to_cells(library),
        "write_json apart.json",
    ]


def _cells(file: Path, module: str) -> dict[str, int]:
    """The number of each cell of one module of a netlist that yosys has written."""
    found: dict[str, int] = {}
    for cell in (
        json.loads(file.read_text())["modules"].get(module, {"cells": {}})["cells"].values()
    ):
        found[cell["type"]] = found.get(cell["type"], 0) + 1
    return found


def period_ns(netlist: Netlist) -> float:
    """The shortest clock period that a netlist meets, from inputs and registers to registers and
    outputs, without wires."""
    clock = "clk" if re.search(r"\binput clk\b", netlist.file.read_text()) else ""
    script = netlist.file.with_suffix(".tcl")
    script.write_text(
        f"read_liberty {netlist.library}\nread_verilog {netlist.file}\n"
        f"link_design {netlist.module.top}\ncreate_clock -name clk -period 1 {clock}\n"
        "set_input_delay 0 -clock clk [all_inputs]\nset_output_delay 0 -clock clk [all_outputs]\n"
        "report_checks -path_delay max -format full -digits 3\n"
    )
    said = run(["sta", "-no_splash", "-exit", script.name], script.parent)
    slack = re.findall(r"(-?[\d.]+)\s+slack", said)
    return 1 - float(slack[0])


def fo4_ns(library: Path, folder: Path) -> float:
    """The delay of an inverter that drives four like it, in the middle of a chain of them: the unit
    in which delays of two technologies can be compared."""
    folder.mkdir(parents=True, exist_ok=True)
    stages = 20
    chain = [f"INVX1 s{i} (.A(n{i}), .Y(n{i + 1}));" for i in range(stages)]
    loads = [
        f"INVX1 l{i}_{j} (.A(n{i + 1}), .Y(u{i}_{j}));" for i in range(stages) for j in range(3)
    ]
    wires = [f"wire {n};" for n in re.findall(r"[nu]\d+(?:_\d+)?", " ".join([*chain, *loads]))]
    body = "\n".join([*dict.fromkeys(wires), *chain, *loads])
    ports = f"input in; output out; assign n0 = in; assign out = n{stages};"
    netlist = folder / "netlist.v"
    netlist.write_text(f"module fo4 (in, out);\n{ports}\n{body}\nendmodule\n")
    chained = Netlist(Module("fo4", "inverters"), library, {}, {}, netlist)
    return period_ns(chained) / stages
