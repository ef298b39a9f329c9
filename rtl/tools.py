"""Programs outside Python that rtl/ calls, and the cells of a liberty file."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

QFLOW = Path("/usr/share/qflow/tech")
LIBRARIES = {
    "osu018": QFLOW / "osu018" / "osu018_stdcells.lib",
    "osu035": QFLOW / "osu035" / "osu035_stdcells.lib",
}
FEATURE_NM = {"osu018": 180, "osu035": 350}
SRAM_UM2_PER_BIT_45NM = 0.55  # [A] about one and a half 6T cells of 45 nm, with decoders
PACKAGES = {"yosys": "yosys", "sta": "opensta", "iverilog": "iverilog", "vvp": "iverilog"}
HOUR = 3600


class Missing(Exception):
    """A program or a library is not installed; the message says which package brings it."""


def need(program: str) -> None:
    """Raises Missing where a program is not there."""
    if not shutil.which(program):
        raise Missing(f"{program} is missing: apt-get install {PACKAGES[program]}")


def run(command: Sequence[str | Path], folder: Path) -> str:
    """What a command prints; a failure shows its last lines and raises CalledProcessError."""
    need(str(command[0]))
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=HOUR, check=False
    )
    if done.returncode:
        sys.stderr.write("\n".join([*done.stdout.splitlines()[-5:], done.stderr]))
        done.check_returncode()
    return done.stdout


def liberty(name: str) -> Path:
    """The file of a library by its name, or by its path."""
    path = LIBRARIES.get(name, Path(name))
    if not path.is_file():
        hint = f": apt-get install qflow-tech-{name}" if name in LIBRARIES else ""
        raise Missing(f"{path}: no such liberty file{hint}")
    return path


def sram_um2_per_bit(name: str) -> float:
    """Of SRAM in the technology of a library: that of 45 nm, by the square of the feature size."""
    return SRAM_UM2_PER_BIT_45NM * (FEATURE_NM[name] / 45) ** 2


def versions() -> dict[str, str]:
    """Of the tools that make the tables."""
    yosys = run(["yosys", "-V"], Path.cwd()).split()[1]
    return {"yosys": yosys, "opensta": run(["sta", "-version"], Path.cwd()).strip()}


def cell_areas(library: Path) -> dict[str, float]:
    """Area of each cell of a liberty file, in its unit: um2."""
    text = library.read_text()
    cells = re.split(r"^\s*cell\s*\(\s*\"?(\w+)\"?\s*\)", text, flags=re.M)[1:]
    found = {}
    for name, body in zip(cells[::2], cells[1::2], strict=True):
        area = re.search(r"\barea\s*:\s*([\d.]+)", body)
        if area:
            found[name] = float(area[1])
    return found


def registers(library: Path) -> set[str]:
    """The cells of a liberty file that hold a bit."""
    cells = re.split(r"^\s*cell\s*\(\s*\"?(\w+)\"?\s*\)", library.read_text(), flags=re.M)[1:]
    return {
        name
        for name, body in zip(cells[::2], cells[1::2], strict=True)
        if re.search(r"^\s*(ff|latch)\s*\(", body, flags=re.M)
    }
