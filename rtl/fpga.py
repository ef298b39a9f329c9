"""LUTs, registers and DSP slices of the modules on an FPGA: `make rtl-fpga`.

python -m rtl.fpga [--module NAME ...] writes archsim/paper/data/rtl_fpga.yaml; other modules that
stand there are kept.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from rtl import page
from rtl.modules import MODULES, Module, sources
from rtl.tools import Missing, run, versions

FAMILY = "xcup"  # UltraScale+: the ZU3EG of an Ultra96
TABLE = page.DATA / "rtl_fpga.yaml"
HEAD = "# Written by `make rtl-fpga`: primitives of the modules of rtl/, before placement.\n"
KINDS = {"lut": r"LUT\d", "ff": r"FD[RSCP]E", "dsp": r"DSP\w+", "carry": r"CARRY\d"}


def counted(module: Module, folder: Path) -> dict[str, int]:
    """Primitives of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    script = [
        *(f"read_verilog {path}" for path in sources()),
        *(f"chparam -set {key} {n} {module.top}" for key, n in module.parameters.items()),
        f"synth_xilinx -family {FAMILY} -flatten -top {module.top}",
        "write_json mapped.json",
    ]
    (folder / "map.ys").write_text("\n".join(script) + "\n")
    run(["yosys", "-q", "map.ys"], folder)
    mapped = json.loads((folder / "mapped.json").read_text())["modules"][module.top]["cells"]
    types = [cell["type"] for cell in mapped.values()]
    return {kind: sum(bool(re.fullmatch(p, t)) for t in types) for kind, p in KINDS.items()}


def table(names: list[str]) -> dict[str, Any]:
    """What stands in the table, with these modules counted anew."""
    modules = yaml.safe_load(TABLE.read_text())["modules"] if TABLE.exists() else {}
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            module = MODULES[name]
            modules[name] = {"what": module.what} | counted(module, Path(made) / name)
    modules = {name: modules[name] for name in MODULES if name in modules}
    return {"tools": {"yosys": versions()["yosys"]}, "family": FAMILY, "modules": modules}


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--module", action="append", choices=list(MODULES))
    try:
        found = table(options.parse_args().module or list(MODULES))
    except Missing as missing:
        sys.stderr.write(f"rtl.fpga: {missing}\n")
        return 2
    TABLE.write_text(HEAD + yaml.safe_dump(found, sort_keys=False))
    page.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
