"""Area and clock period of every module, in every library: `make rtl-area`.

python -m rtl.area [LIBRARY ...] [--module NAME ...] writes archsim/paper/data/rtl_area.yaml, from
which docs/rtl_area.md is made; other libraries and modules that stand there are kept. A library is
a name of rtl/tools.py or the path of a liberty file.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import yaml

from rtl import page
from rtl.modules import MODULES
from rtl.netlist import fo4_ns, mapped, period_ns
from rtl.tools import FEATURE_NM, LIBRARIES, Missing, liberty, sram_um2_per_bit, versions

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "archsim" / "paper" / "data" / "rtl_area.yaml"
HEAD = "# Written by `make rtl-area`: um2 and ns of the modules of rtl/ in cells, without wires.\n"


def measured(name: str, library: Path, folder: Path) -> dict[str, Any]:
    """One module in one library."""
    netlist = mapped(MODULES[name], library, folder / name)
    parts = {part: round(area) for part, area in netlist.parts.items()}
    return {
        "what": MODULES[name].what,
        "um2": round(netlist.area),
        **parts,
        "period_ns": round(period_ns(netlist), 2),
    }


def table(libraries: list[str], modules: list[str], sram: float | None) -> dict[str, Any]:
    """What stands in the table, with these libraries and modules measured anew."""
    kept = yaml.safe_load(TABLE.read_text()) if TABLE.exists() else {"libraries": {}}
    kept["tools"] = versions()
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(2) as pool:
        for given in libraries:
            path, name = liberty(given), Path(given).stem
            if sram is None and name not in FEATURE_NM:
                raise Missing(f"{name}: how dense its SRAM is has to be said: --sram UM2_PER_BIT")
            folder = Path(made) / name
            found = dict(
                zip(modules, pool.map(measured, modules, repeat(path), repeat(folder)), strict=True)
            )
            known = kept["libraries"].setdefault(name, {"modules": {}})
            known["fo4_ns"] = round(fo4_ns(path, folder / "fo4"), 4)
            known["sram_um2_per_bit"] = round(sram or sram_um2_per_bit(name), 3)
            known["modules"] |= found
            known["modules"] = {
                each: known["modules"][each] for each in MODULES if each in known["modules"]
            }
    return kept


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("library", nargs="*", default=list(LIBRARIES))
    options.add_argument(
        "--sram", type=float, help="um2 per bit of SRAM beside a library of your own"
    )
    options.add_argument("--module", action="append", choices=list(MODULES))
    given = options.parse_args()
    try:
        found = table(given.library, given.module or list(MODULES), given.sram)
    except Missing as missing:
        sys.stderr.write(f"rtl.area: {missing}\n")
        return 2
    TABLE.write_text(HEAD + yaml.safe_dump(found, sort_keys=False, width=120))
    page.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
