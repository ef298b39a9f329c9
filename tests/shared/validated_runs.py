"""What `archsim validate` calls right, run: each kind of input file on small networks."""

import json
import traceback
import zlib
from functools import cache
from pathlib import Path

from archsim.arch.arch import load_arch
from archsim.arch.change_files import Ablations, Scenario, Switches, load_sets
from archsim.cli.kinds import check
from archsim.formats.errors import InputError
from archsim.formats.search import names
from archsim.machines.shared.tables import tables_of
from archsim.runs import probe
from archsim.runs.simulation import final, simulate, timed
from archsim.workload.workload import load_workload

LARGEST_MACS = 2e8
"""A network of more is a legal one that takes long."""
CHANGE_FILES = {"scenario": Scenario, "switches": Switches, "ablations": Ablations}
INFERENCE = ("diannao", "scnn", "bit_pragmatic", "cambricon_x", "smartdeal", "systolic")


def fault_of(path):
    """None where a file ran, nothing where it was refused with a place, else what was wrong."""
    try:
        run_validated(path)
    except InputError as error:
        places = [problem.place.split(":")[0] for problem in error.problems]
        placed = all(Path(place).suffix in {".yaml", ".py"} for place in places)
        said = all(problem.message for problem in error.problems)
        return "" if placed and said else f"no place: {error!s:.300}"
    except Exception:
        return traceback.format_exc(limit=-4)
    return None


def run_validated(path):
    """Check a file, run what it says, and write results as files would have them.

    Raises:
        InputError: `validate` refuses the file, or the run does.
    """
    kind = check(path)
    if kind == "arch":
        arch = load_arch(path)
        write(simulate(arch, network(arch.task)))
    elif kind == "energy table":
        priced_by(path)
    elif kind == "workload":
        on_a_machine(path)
    else:
        changed_by(path, CHANGE_FILES[kind])


@cache
def network(task):
    return load_workload(probe.PROBES / f"{task}.yaml")


def write(result):
    json.dumps(result.to_dict(), allow_nan=False)


@cache
def counted(machine):
    """A run of a shipped machine without prices."""
    arch = load_arch(machine)
    workload = network(arch.task)
    return timed(arch, workload, tables_of(arch, workload, None))


def priced_by(path):
    """Put the prices of a table on a run of every machine; most of them miss some in it, and one
    that can be priced is enough."""
    refused = []
    for machine in names("archs"):
        try:
            arch = load_arch(machine, {"energy": str(path)})
            write(final(counted(machine), arch, network(arch.task)))
        except InputError as error:
            refused.append(error)
    if len(refused) == len(names("archs")):
        raise refused[0]


def on_a_machine(path):
    """Run a workload on a machine that its bytes draw."""
    workload = load_workload(path)
    if sum(layer.macs for layer in workload.layers) * (workload.batch or 1) > LARGEST_MACS:
        return
    machine = INFERENCE[zlib.crc32(path.read_bytes()) % len(INFERENCE)]
    if workload.task == "training":
        machine = "training_accelerator"
    write(simulate(load_arch(machine), workload))


def changed_by(path, shape):
    """Run every machine under each named set of a file that concerns it, those apart that stand in
    a shipped file or have been run."""
    for changes, arch in _changed(path, shape):
        if (key := _key(changes, arch)) not in _known():
            write(simulate(load_arch(arch.path, changes), network(arch.task)))
            _known().add(key)


def _changed(path, shape):
    _, sets = load_sets(path, shape)
    archs = [load_arch(name) for name in names("archs")]
    own = [arch for arch in archs if shape.of_machine and arch.machine == path.stem]
    for one in sets:
        for arch in own or archs:
            if changes := one.on(arch.resolved):
                yield changes, arch


def _key(changes, arch):
    return json.dumps([arch.name, *([each.key, each.value] for each in changes)])


@cache
def _known():
    """The changes that are run elsewhere: most sets of a mutant are those of its file."""
    files = {Scenario: "scenarios", Switches: "switches", Ablations: "ablations"}
    return {
        _key(*each)
        for shape, folder in files.items()
        for path in names(f"archs/{folder}").values()
        for each in _changed(path, shape)
    }
