"""Whether a machine can run and be priced: a small layer of every kind through its rule.

What only a run can find in an arch file is a price that is missing, and a rule that fails or takes
nothing. A rule may refuse kinds of layers that its machine has no way for; that is no mistake.
"""

from collections import Counter
from pathlib import Path

from archsim.arch.arch import Arch
from archsim.arch.machine_files import blamed
from archsim.formats.errors import InputError
from archsim.machines.shared.tables import tables_of
from archsim.results.energy import price_actions
from archsim.results.pricing import prices_of
from archsim.results.result import Result
from archsim.runs.simulation import timed
from archsim.workload.workload import Workload, load_workload

PROBES = Path(__file__).parent / "probes"


def probe(arch: Arch) -> None:
    """Run the probe of the machine's task, and price all that it counts.

    Raises:
        InputError: every price that is missing; where the rule fails, its line; what it says where
            it takes no layer at all.
    """
    workload = load_workload(PROBES / f"{arch.task}.yaml")
    counts: dict[str, Counter[str]] = {}
    for result in _runs(arch, workload):
        for name, actions in result.totals()["actions"].items():
            counts.setdefault(name, Counter()).update(actions)
    price_actions(prices_of(arch), arch.components, counts, arch.widths)


def _runs(arch: Arch, workload: Workload) -> list[Result]:
    """The whole network, or each of its layers that the machine takes.

    Raises:
        InputError: it takes none that multiplies.
    """
    with blamed(arch.machine_path):
        try:
            return [_run(arch, workload)]
        except InputError as error:
            problems = [*error.problems]
        ran = []
        for layer in workload.layers:
            try:
                ran.append(_run(arch, workload.of_layers(layer.name)))
            except InputError as error:
                problems += error.problems
    if not any(layer.macs for result in ran for layer in result.layers):
        raise InputError(dict.fromkeys(problems))
    return ran


def _run(arch: Arch, workload: Workload) -> Result:
    return timed(arch, workload, tables_of(arch, workload, None))
