"""Which kind of input file something is, and its check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from archsim.formats.errors import InputError

# A key that only files of that kind have, in the order of the question.
KEYS: Mapping[str, tuple[str, ...]] = {
    "workload": ("layers",),
    "energy table": ("classes", "sram"),
    "arch": ("components", "flows", "machine"),
    "switches": ("switches",),
    "ablations": ("groups",),
    "scenario": ("set", "machines"),
}


def check(path: Path) -> str:
    """The kind of the file, which is right; InputError with everything that is wrong with it."""
    kind = _kind(path)
    _loader(kind)(path)
    return kind


def _kind(path: Path) -> str:
    from archsim.formats.source import read

    document = read(path)
    if isinstance(document.value, Mapping):
        for kind, keys in KEYS.items():
            if any(key in document.value for key in keys):
                return kind
    expected = "; ".join(f"{kind}: {', '.join(keys)}" for kind, keys in KEYS.items())
    raise InputError.at(document.place(), f"no kind of file has these keys ({expected})")


def _loader(kind: str) -> Callable[[Path], object]:
    from archsim.analysis.changes import check_ablations, check_scenario, check_switches
    from archsim.arch.arch import load_arch
    from archsim.results.energy import load_energy
    from archsim.workload.workload import load_workload

    loaders: dict[str, Callable[[Path], object]] = {
        "workload": load_workload,
        "energy table": load_energy,
        "arch": load_arch,
        "switches": check_switches,
        "ablations": check_ablations,
        "scenario": check_scenario,
    }
    return loaders[kind]
