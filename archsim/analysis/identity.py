"""The difference between two runs in named parts, from what the runs counted themselves.

Cycles: for N multipliers, ``cycles = (busy + sum of lost + idle) / N``, so the difference of two
machines is that of their causes of loss, of their idle time, and of the useful work, which is

    busy / N  =  multiplications x share that is made x cycles each takes / N.

A product's difference is shared out among its factors by their logarithms (the logarithmic mean
Divisia index), which depends on no order and leaves nothing over. Energy: the parts are what each
role of component spends, DRAM by flow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from archsim.analysis.roles import energy_by_role
from archsim.results.result import Result

CAUSES = {
    "unmapped": "multipliers without work",
    "lane_sync": "multipliers that wait for their neighbours",
    "line_sync": "lines that wait for each other",
    "slice_sync": "slices that wait for each other",
    "rebuild": "rebuilds that outlast their jobs",
    "bank_conflict": "conflicts of accumulator banks",
    "wait_input": "waiting for inputs",
    "wait_weight": "waiting for weights",
    "wait_output": "waiting to store results",
    "drain": "last bytes on their way",
}


@dataclass(frozen=True)
class Work:
    """What the compute array of a run did, in instance-cycles unless said otherwise."""

    instances: int
    macs: int
    macs_done: int
    busy: int
    lost: Mapping[str, int]
    idle: int


def work_of(result: Result) -> Work:
    """The array's account of a run."""
    totals = result.totals()
    name = compute_of(result)
    return Work(
        instances=totals["instances"][name],
        macs=totals["macs"],
        macs_done=totals["macs_done"],
        busy=totals["busy"].get(name, 0),
        lost=totals["lost"].get(name, {}),
        idle=totals["idle"][name],
    )


def compute_of(result: Result) -> str:
    """The component at which results begin."""
    flows = result.arch_resolved["flows"].values()
    return next(str(flow["path"][0]) for flow in flows if flow["role"] == "result")


def cycle_parts(a: Result, b: Result) -> dict[str, float]:
    """Cycles by which `b` takes longer than `a`, by cause; they add up to the whole difference."""
    one, two = work_of(a), work_of(b)
    parts = _factors(one, two)
    for cause in dict.fromkeys([*one.lost, *two.lost]):
        before = one.lost.get(cause, 0) / one.instances
        parts[CAUSES.get(cause, cause)] = two.lost.get(cause, 0) / two.instances - before
    parts["array idle: element-wise layers, start"] = (
        two.idle / two.instances - one.idle / one.instances
    )
    return parts


def energy_parts(a: Result, b: Result) -> dict[str, float]:
    """pJ by which `b` takes more than `a`, by role; DRAM by flow."""
    one, two = _energies(a), _energies(b)
    return {name: two.get(name, 0.0) - one.get(name, 0.0) for name in dict.fromkeys([*one, *two])}


def _energies(result: Result) -> dict[str, float]:
    roles = energy_by_role(result)
    dram = roles.pop("DRAM")
    flows = result.dram_bytes_by
    whole = sum(flows.values())
    parts = {f"DRAM: {flow}": dram * n / whole for flow, n in flows.items()} if whole else {}
    return parts | roles


def _factors(one: Work, two: Work) -> dict[str, float]:
    """The difference of useful work, by factor."""
    first, second = one.busy / one.instances, two.busy / two.instances
    if not (one.busy and two.busy and one.macs_done and two.macs_done):
        return {"useful work": second - first}
    ratios = {
        "number of multipliers": one.instances / two.instances,
        "multiplications in the network": two.macs / one.macs,
        "multiplications skipped": (two.macs_done / two.macs) / (one.macs_done / one.macs),
        "cycles a multiplication takes": (two.busy / two.macs_done) / (one.busy / one.macs_done),
    }
    mean = first if first == second else (second - first) / log(second / first)
    return {name: mean * log(ratio) for name, ratio in ratios.items()}
