"""From what ran to what is reported: actions, time and bytes of every layer
(docs/reference/formats.md, "Results").
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from archsim.arch.arch import Arch
from archsim.machines.shared.machine import buffers_of, post_steps, posts_of, storage_of
from archsim.timing.entries import Entry
from archsim.timing.paths import outbound, ports_of
from archsim.timing.plan import Planned
from archsim.timing.program import Outcome, Port, Program
from archsim.timing.runs import Span
from archsim.timing.stage_plan import StagePlan

Counts = dict[str, dict[str, int]]
NOTHING = Span(0, 0)


@dataclass(frozen=True)
class EntryRun:
    """An entry with everything that was decided about it."""

    planned: Planned
    queued: StagePlan

    @property
    def entry(self) -> Entry:
        """What the network asked for."""
        return self.planned.entry


def actions_of(run: EntryRun, arch: Arch) -> dict[str, Counts]:
    """Actions of each layer of an entry: what the rule counted, and what moving its bytes takes."""
    traffic, entry = run.planned.traffic, run.entry
    out, moving = outbound(arch)[0], next(iter(entry.tiles.moving))
    actions: dict[str, Counts] = {}
    for layer in entry.layers:
        counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        if layer is entry.stage.anchor:
            _add(counts, entry.tiles.actions)
            _add(
                counts,
                {storage_of(arch, moving): {"read": traffic.spilled, "write": traffic.spilled}},
            )
        for flow, span in traffic.reads[layer.name].items():
            _add_reads(counts, arch, moving if flow == "psum" else flow, span)
        if layer is not entry.stage.anchor:
            # What its array reads is counted by the rule, which knows no element-wise layer.
            operand = traffic.reads[layer.name].get(moving, NOTHING).nbytes
            _add(counts, {storage_of(arch, moving): {"read": operand}})
        for span in traffic.writes[layer.name].values():
            _add_writes(counts, arch, out, span)
        if layer is entry.layers[-1] and traffic.kept:
            _add(counts, {storage_of(arch, out): {"write": traffic.kept, "read": traffic.kept}})
            _add(counts, {storage_of(arch, moving): {"write": traffic.kept}})
        for name in posts_of(arch) if entry.forward else ():
            elements = post_steps(layer, arch) * entry.samples
            _add(counts, {name: {"element": elements}})
        actions[layer.name] = {
            name: {action: n for action, n in of.items() if n}
            for name, of in counts.items()
            if any(of.values())
        }
    return actions


def _add(
    counts: defaultdict[str, defaultdict[str, int]], more: Mapping[str, Mapping[str, int]]
) -> None:
    for name, of in more.items():
        for action, count in of.items():
            counts[name][action] += count


def _add_reads(
    counts: defaultdict[str, defaultdict[str, int]], arch: Arch, flow: str, span: Span
) -> None:
    """Bytes from DRAM into the flow's last buffer; buffers on the way are written and read."""
    path = arch.flows[flow].path
    last = storage_of(arch, flow)
    for name in path[: path.index(last) + 1]:
        part = arch.components[name]
        if part.kind == "off_chip":
            counts[name]["read"] += span.nbytes
            _add(counts, {name: part.actions_of_runs(*span)})
        elif part.kind == "storage":
            counts[name]["write"] += span.nbytes
            if name != last:
                counts[name]["read"] += span.nbytes


def _add_writes(
    counts: defaultdict[str, defaultdict[str, int]], arch: Arch, flow: str, span: Span
) -> None:
    for name in arch.flows[flow].path:
        part = arch.components[name]
        if part.kind == "off_chip":
            counts[name]["write"] += span.nbytes
            _add(counts, {name: part.actions_of_runs(*span)})
        elif part.kind == "storage":
            counts[name]["write"] += span.nbytes
            counts[name]["read"] += span.nbytes


def ends_of(program: Program, outcome: Outcome, stages: Sequence[StagePlan]) -> list[int]:
    """The cycle at which each stage and all before it are over."""
    computing, storing = program.index_of("compute"), program.index_of("store")
    step = store = latest = 0
    ends = []
    for plan in stages:
        step += len(plan.steps)
        latest = max(latest, outcome.leaves[computing][step - 1])
        store += int(plan.bursts.sum())
        if store:
            latest = max(latest, outcome.arrives[storing][store - 1])
        ends.append(latest)
    return ends


@dataclass(frozen=True)
class Times:
    """Instance-cycles by place of the layer in the file: `busy[i][component]`,
    `lost[i][component][cause]`. `elapsed` is how long each server ran, both sides of a buffer.
    """

    instances: dict[str, int]
    busy: list[dict[str, int]]
    lost: list[Counts]
    elapsed: dict[str, int]


def times_of(
    program: Program, outcome: Outcome, runs: Sequence[EntryRun], arch: Arch, rows: int
) -> Times:
    """Where the time of every component went."""
    instances = _instances(runs, arch)
    server = {spec.port: index for index, spec in enumerate(program.servers)}
    busy: list[dict[str, int]] = [{} for _ in range(rows)]
    lost: list[Counts] = [{} for _ in range(rows)]
    elapsed: dict[str, int] = {}
    for name in arch.components:
        ports = ports_of(arch, name)
        copies = instances[name] // len(ports)
        elapsed |= {port.name: sum(outcome.busy[server[port]]) for port in ports}
        for place in range(rows):
            ran = sum(outcome.busy[server[port]][place] for port in ports)
            blocked = sum(outcome.blocked[server[port]][place] for port in ports)
            if ran:
                busy[place][name] = ran * copies
            # The array's own waits are charged below, from its hop.
            if blocked and name != arch.compute:
                lost[place][name] = {"wait_output": blocked * copies}
    for run in runs:
        place = run.queued.anchor
        for name, count in run.entry.tiles.busy.items():
            busy[place][name] = count
        for name, causes in run.entry.tiles.lost.items():
            lost[place][name] = {cause: count for cause, count in causes.items() if count}
    alone = {run.queued.anchor for run in runs if run.entry.stage.anchor is None}
    _add_waits(program, outcome, (arch.compute, instances[arch.compute]), lost, alone)
    return Times(instances, busy, lost, elapsed)


def _instances(runs: Sequence[EntryRun], arch: Arch) -> dict[str, int]:
    copies = {name: buffer.count for name, buffer in buffers_of(arch).items()}
    instances = {name: copies.get(name, 1) * len(ports_of(arch, name)) for name in arch.components}
    for run in runs:
        instances.update(run.entry.tiles.instances)
    return instances


def _add_waits(
    program: Program,
    outcome: Outcome,
    array: tuple[str, int],
    lost: Sequence[Counts],
    alone: Collection[int],
) -> None:
    """Charges the array's multipliers with the time between steps, slow neighbours inside one, and
    the end. During steps of element-wise layers, `alone`, the array is idle.
    """
    name, instances = array
    computing = program.index_of("compute")
    hop = program.hops[computing]
    own = hop.cycles[[program.servers[s].port for s in hop.servers].index(Port(name))]
    starts, leaves = outcome.starts[computing], outcome.leaves[computing]

    def charge(place: int, cause: str, cycles: int) -> None:
        if cycles:
            book = lost[place].setdefault(name, {})
            book[cause] = book.get(cause, 0) + cycles * instances

    for place, waits in enumerate(outcome.waits[computing]):
        for cause, cycles in waits.items():
            charge(place, cause, cycles)
    for k, place in enumerate(hop.layer):
        if place not in alone:
            charge(place, "wait_output", leaves[k] - starts[k] - own[k])
    charge(hop.layer[-1], "drain", outcome.cycles - leaves[-1])
