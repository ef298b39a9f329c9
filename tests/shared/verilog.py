"""Verilog of rtl/ under iverilog: a testbench is compiled once and reads its tiles from a file."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

RTL = Path(__file__).parents[2] / "rtl"


def compiled(
    bench: str, folder: Path, changes: Mapping[str, tuple[str, str]] | None = None
) -> Path:
    """The testbench rtl/tb/`bench`.v and what it instantiates, as a program for vvp in `folder`.
    `changes` are files of rtl/ and what to replace in them, once each."""
    rtl = folder / "rtl"
    shutil.copytree(RTL, rtl, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py"))
    for name, (old, new) in (changes or {}).items():
        text = (rtl / name).read_text()
        assert text.count(old) == 1, f"{name} has not one {old!r}"
        (rtl / name).write_text(text.replace(old, new))
    program = folder / f"{bench}.vvp"
    command = ["iverilog", "-g2005", "-o", program, "-y", rtl, rtl / "tb" / f"{bench}.v"]
    subprocess.run(command, check=True, timeout=60)
    return program


def played(program: Path, tiles: Iterable[str]) -> list[list[str]]:
    """What the testbench prints of all tiles, as words of lines."""
    stimuli = program.with_suffix(".txt")
    stimuli.write_text("\n".join(tiles) + "\n")
    found = subprocess.run(
        ["vvp", "-n", program, f"+tiles={stimuli}"],
        check=True,
        timeout=300,
        capture_output=True,
        text=True,
    )
    return [line.split() for line in found.stdout.splitlines()]


def word(values: Sequence[int], bits: int) -> str:
    """Signed numbers packed into one, the first in the lowest bits, in hex."""
    mask = (1 << bits) - 1
    return f"{sum((int(value) & mask) << (i * bits) for i, value in enumerate(values)):x}"
