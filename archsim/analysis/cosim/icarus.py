"""Icarus Verilog: one testbench of rtl/tb, compiled and run over files in one process."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.search import roots

LONGEST_SECONDS = 3600


def folder() -> Path:
    """Where the Verilog is; InputError where there is none."""
    for root in roots("rtl"):
        if (root / "pe_slice.v").is_file():
            return root
    raise InputError.at("rtl", "no pe_slice.v there; reinstall archsim, or run it in its folder")


def tool(name: str, package: str = "iverilog") -> str:
    """The path of a program; InputError that says which package of Debian has it."""
    found = shutil.which(name)
    if found is None:
        raise InputError.at(name, f"is not installed; Debian has it: apt-get install {package}")
    return found


def run(
    top: str,
    modules: Sequence[str],
    sizes: Mapping[str, int],
    inputs: Sequence[Path],
    sources: Path | None = None,
) -> Path:
    """Run testbench `top` on files, each of which it takes by the name of the file; return its log,
    which lies beside the first of them.

    Args:
        modules: files of `sources` that it needs besides its own.
        sizes: its parameters.
        sources: another folder of Verilog than the shipped one.

    Raises:
        InputError: Icarus Verilog is missing, or does not compile or run it.
    """
    sources, where = sources or folder(), inputs[0].parent
    program, log = where / f"{top}.vvp", where / f"{top}.log"
    given = [f"-P{top}.{name}={value}" for name, value in sizes.items()]
    files = [str(sources / f"{name}.v") for name in (*modules, f"tb/{top}")]
    _command([tool("iverilog"), "-g2005", "-s", top, "-o", str(program), *given, *files])
    named = [f"+{path.stem}={path}" for path in inputs]
    _command([tool("vvp"), "-n", str(program), *named, f"+log={log}"])
    return log


def _command(words: list[str]) -> None:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InputError.at(
            words[0], f"took over {LONGEST_SECONDS} s; ask for fewer tiles"
        ) from error
    # What $readmemh cannot read is an error that the exit status does not tell.
    if done.returncode or "ERROR" in done.stdout + done.stderr:
        raise InputError.at(words[0], f"{(done.stderr or done.stdout).strip():.500}")
