"""Energy per action of the mapped modules on operands of a real network: `make rtl-energy`.

python -m rtl.energy TENSORS [--library osu018] writes archsim/paper/data/rtl_energy.yaml: each
action as a ratio to an 8-bit multiplication, without and with clock pins. TENSORS is the file that
`sdalgo build mobilenet_v2_sd` makes.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rtl import gate_prices, operands, page
from rtl.modules import MODULES
from rtl.netlist import mapped
from rtl.operands import Sample, Stream
from rtl.switching import Energy, energy
from rtl.tools import Missing, liberty, versions

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "archsim" / "paper" / "data" / "rtl_energy.yaml"
PRICES = ROOT / "archs" / "units" / "gate_ratio.yaml"
HEAD = "# Written by `make rtl-energy`: pJ per action of the modules of rtl/, without wires.\n"


SAMPLES = 12  # filters at a pixel, of layers from the first to the last; the same for every module


@dataclass(frozen=True)
class Run:
    """A module on a stream; `keep` are the names of the registers that hold partial sums."""

    module: str
    stream: Callable[[list[Sample]], Stream]
    keep: str = ""


RUNS = {
    "multiply": Run("multiplier", operands.multiplications),
    "add_8": Run("adder", operands.additions),
    "add_24": Run("adder_24", operands.accumulations),
    "booth_step_8": Run("mac_8", lambda found: operands.booth_steps(found, 8), "sum"),
    "booth_step_17": Run("mac_17", lambda found: operands.booth_steps(found, 17), "sum"),
    "rebuild": Run("rebuild_engine", operands.rebuilt_rows, "entries|row|.*sum"),
    "bit_step": Run("bit_pragmatic_column", operands.bit_steps, "sum"),
    "diannao_mac": Run("diannao_column", operands.column_steps, "result"),
    "systolic_mac": Run("systolic_pe", operands.systolic_steps, "sum"),
    "register_byte": Run("systolic_pe", operands.systolic_steps, "below"),
}


def measured(name: str, tensors: Path, library: Path, folder: Path) -> dict[str, float]:
    """pJ per action: of all but clock pins, of the registers asked for, and of clock pins."""
    run = RUNS[name]
    stream = run.stream(operands.samples(tensors, SAMPLES))
    netlist = mapped(MODULES[run.module], library, folder / name, by_part=False)
    sys.stderr.write(f"rtl.energy: {name}, {len(stream.words)} cycles\n")
    found: Energy = energy(netlist, stream.ports, stream.words, run.keep)
    parts = {
        "pj": found.logic + found.registers,
        "kept_pj": found.kept,
        "clock_pj": found.clock,
        "kept_clock_pj": found.kept_clock,
    }
    return {"cycles": len(stream.words), "actions": stream.actions} | {
        part: round(pj / stream.actions, 5) for part, pj in parts.items()
    }


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("tensors", type=Path)
    options.add_argument("--library", default="osu018")
    options.add_argument("--action", action="append", choices=list(RUNS), help="others are kept")
    given = options.parse_args()
    try:
        library = liberty(given.library)
        found: dict[str, Any] = {
            "tools": versions(),
            "library": library.stem.removesuffix("_stdcells"),
            "operands": "1x1 layers of mobilenet_v2_sd",
        }
        with tempfile.TemporaryDirectory() as made:
            kept = yaml.safe_load(TABLE.read_text())["actions"] if given.action else {}
            found["actions"] = {
                name: measured(name, given.tensors, library, Path(made))
                if name in (given.action or RUNS)
                else kept[name]
                for name in RUNS
            }
    except Missing as missing:
        sys.stderr.write(f"rtl.energy: {missing}\n")
        return 2
    TABLE.write_text(HEAD + yaml.safe_dump(found, sort_keys=False, width=120))
    PRICES.write_text(gate_prices.text(found))
    page.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
