"""Which kind of input file something is, and its check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from archsim.formats.errors import InputError, Problem

# A key that only files of that kind have, in the order of the question.
KEYS: Mapping[str, tuple[str, ...]] = {
    "search": ("sampler", "evaluations", "together"),
    "sweep": ("workloads", "vary", "points"),
    "workload": ("layers",),
    "energy table": ("classes", "sram"),
    "DRAM preset": ("memory",),
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
    from archsim.arch.change_files import Ablations, Scenario, Switches, checked_sets
    from archsim.arch.memory_presets import load_preset
    from archsim.results.energy import load_energy

    loaders: Mapping[str, Callable[[Path], object]] = {
        "search": _search,
        "sweep": _sweep,
        "workload": _arrays,
        "energy table": load_energy,
        "DRAM preset": load_preset,
        "arch": _machine,
        "switches": partial(checked_sets, shape=Switches),
        "ablations": partial(checked_sets, shape=Ablations),
        "scenario": partial(checked_sets, shape=Scenario),
    }
    return loaders[kind]


def _sweep(path: Path) -> None:
    """Load everything that a sweep names, in every point.

    Raises:
        InputError: everything that is wrong with any of it.
    """
    from archsim.analysis.sweep.cases import design
    from archsim.analysis.sweep.spec import load_plan

    design(load_plan(path))


def _search(path: Path) -> None:
    """Load everything that a search names; InputError with everything that is wrong with it."""
    from archsim.analysis.search.search import planned
    from archsim.analysis.search.spec import load_search

    planned(*load_search(path))


def _arrays(path: Path) -> None:
    """Read or draw every array of a workload, as a run would.

    Raises:
        InputError: everything that is wrong with the file or, once that is right, its arrays.
    """
    from archsim.workload.tensor_check import FORMS
    from archsim.workload.workload import load_workload

    workload = load_workload(path)
    problems: list[Problem] = []
    for layer in workload.layers:
        tensors = workload.tensors(layer)
        for form in FORMS if layer.is_array else ():
            try:
                tensors.get(form)
            except InputError as error:
                problems += error.problems
        workload.release(layer)
    if problems:
        raise InputError(dict.fromkeys(problems))


def _machine(path: Path) -> None:
    """Load a machine and all that it names: its rule with its flows and components, its prices;
    and run a small layer of every kind on it.

    Raises:
        InputError: everything that is wrong with any of them.
    """
    from archsim.arch.arch import load_arch
    from archsim.machines.shared.machine import check_flows, load_machine
    from archsim.results.pricing import prices_of
    from archsim.runs.probe import probe

    arch = load_arch(path)
    check_flows(arch, load_machine(arch))
    prices_of(arch)
    probe(arch)
