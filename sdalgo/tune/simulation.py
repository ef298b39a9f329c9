"""What a machine of archsim takes for a point: by files, and by archsim's command in a process of
its own. sdalgo knows formats, not machines."""

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from archsim.formats.errors import InputError
from archsim.formats.json_file import JsonError, parsed
from archsim.formats.lifeline import run_module
from archsim.formats.regular import open_input
from archsim.formats.search import find, roots

_REFUSED = 2
"""Exit status of archsim for what it cannot run; others are faults of it, or of the computer."""


class Refused(Exception):
    """A machine cannot run a point; the text says why."""


@dataclass(frozen=True)
class Simulated:
    """Energy and time of one inference."""

    energy_pj: float
    cycles: int


def simulate(workload: Path, arch: str, folder: Path) -> Simulated:
    """Run a workload on a machine, with `archsim run`.

    Args:
        arch: a name, or a file.
        folder: for archsim's results.

    Raises:
        Refused: the machine cannot run it.
        InputError: archsim failed in another way.
    """
    words = ["archsim", "run", "--workload", str(workload), "--arch", arch, "--out", str(folder),
             "--json", "--quiet", "--no-figures", "--no-cache"]  # fmt: skip
    done = run_module(words, {**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode == _REFUSED:
        raise Refused(" ".join(done.stderr.split()).removeprefix("archsim: "))
    try:
        totals = parsed(done.stdout.encode())["runs"][0]["totals"]
        return Simulated(energy_pj=float(totals["energy_pj"]), cycles=int(totals["cycles"]))
    except (JsonError, LookupError, TypeError) as error:
        said = done.stderr.strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise InputError.at("archsim run", f"ended without a result: {reason}") from error


def check_machine(arch: str, place: str) -> None:
    """Raise an InputError with the nearest name where there is no such machine."""
    try:
        path = find("archs", arch)
        with open_input(path):
            pass
    except InputError as error:
        message = "; ".join(f"{one.place}: {one.message}" for one in error.problems)
        raise InputError.at(place, f"arch: {message}") from error
    except OSError as error:
        raise InputError.at(place, f"arch: {path}: {error.strerror}") from error


def machine_digest(arch: str) -> str:
    """Name what decides a machine's answers: its file, all files of machines and prices that it may
    refer to, and the version of archsim's model."""
    digest = blake2b(digest_size=16)
    files = [find("archs", arch), Path(__file__).parents[2] / "archsim" / "version.py"]
    for root in roots("archs"):
        files += sorted(root.rglob("*.yaml"))
    for path in files:
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
