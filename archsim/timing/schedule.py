"""A whole network as one program: the hops of its flows, with every stage's steps one after the
other.

Each inbound flow is a chain of hops from DRAM over its buffers; the compute hop joins them and
feeds the chain of the result flow. Hops run across layers, so the next layer's weights may come
while this one computes; its inputs wait until the layers that make them have written theirs
(`barrier: input`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.machine import buffers_of, share_of, storage_of
from archsim.machines.shared.tiles import whole_parts
from archsim.timing.paths import array_parts, inbound, links, outbound, ports_of
from archsim.timing.program import (
    Gate,
    Hop,
    Port,
    Program,
    Put,
    ServerSpec,
    StoreSpec,
    Take,
)
from archsim.timing.runs import cycles_by_runs
from archsim.timing.stage_plan import StagePlan

CAUSES = {"moving": "wait_input", "stationary": "wait_weight"}


def _one_by_one(store: int, tasks: int) -> Take:
    """Each task takes the next item."""
    counting = range(1, tasks + 1)
    return Take(store, counting, counting, "wait_input")


class Schedule:
    """Builds the program; `first_hops` names the flows whose first hop, by index, has gates."""

    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self.servers: dict[Port, int] = {}
        self.specs: list[ServerSpec] = []
        for name, part in arch.components.items():
            for port in ports_of(arch, name):
                self.servers[port] = len(self.specs)
                self.specs.append(ServerSpec(port, part.turns))

    def program(self, stages: Sequence[StagePlan], layers: int) -> Program:
        """Everything in order. One compute hop, then each flow's hops from DRAM inwards, then the
        results'.
        """
        arch = self.arch
        self.stages = stages
        self.scale = max((plan.scale for plan in stages), default=1.0)
        self.stores: list[StoreSpec] = []
        self.hops: list[Hop] = []
        self.first_hops: dict[int, str] = {}
        takes = [self._load_hops(flow) for flow in inbound(arch)]
        out_flow = outbound(arch)[0]
        out_store = self._add_store(out_flow, storage_of(arch, out_flow))
        self.hops.append(self._compute_hop(takes, out_flow, out_store))
        self._store_hops(out_flow, out_store)
        program = Program(self.specs, self.stores, self.hops, layers)
        gates = self._gates(program.index_of("compute"), program.index_of("store"))
        for index, flow in self.first_hops.items():
            self.hops[index] = self._gated(self.hops[index], flow, gates)
        return program

    def _add_store(self, flow: str, name: str) -> int:
        """The store of a flow on a buffer; flows that share a buffer have equal parts of it."""
        buffer = buffers_of(self.arch)[name]
        capacity = int(share_of(self.arch, name) * self.scale)
        # Bytes, not loads: were loads counted, how finely steps are cut would change the result.
        ahead = capacity * (buffer.slots - 1) // buffer.slots
        self.stores.append(StoreSpec(f"{name} ({flow})", ahead, capacity))
        return len(self.stores) - 1

    def _put(self, store: int, nbytes: Ints, own: Sequence[int]) -> Put:
        """What is larger than half a buffer streams through that half; through all of it where
        nothing may be filled ahead. `own` are how many of the transfers (N,) are each stage's.
        """
        spec = self.stores[store]
        room = min(spec.ahead, max(1, spec.capacity // 2)) or spec.capacity
        wider = [self._wider(plan) for plan in self.stages]
        held = (nbytes * np.repeat(wider, own)).astype(np.int64)
        return Put(store, np.minimum(held, room).tolist())

    def _wider(self, plan: StagePlan) -> float:
        """How much more room a stage's transfers take than they have bytes.

        A step that stands for several would find no room beside the one before, and nothing would
        overlap that does in the machine. So buffers are larger by as much as the largest steps,
        and what belongs to smaller ones takes as much more room.
        """
        return self.scale / plan.scale

    def _load_hops(self, flow: str) -> Take:
        """The chain of hops that brings one flow to the array, and what the array takes from its
        end.
        """
        nbytes = np.array([size for plan in self.stages for size in plan.loads[flow]], np.int64)
        own = [len(plan.loads[flow]) for plan in self.stages]
        layer = [plan.anchor for plan in self.stages for _ in plan.loads[flow]]
        taken: tuple[Take, ...] = ()
        wanted = self._wanted(flow)
        due = np.searchsorted(wanted.need, np.arange(len(layer)), side="right").tolist()
        if self._waits_for_stages(flow):
            self.first_hops[len(self.hops)] = flow
        for ports in links(self.arch, flow):
            buffer = ports[-1].component
            store = self._add_store(flow, buffer)
            if buffer == storage_of(self.arch, flow):
                self._widen(store, flow)
            self.hops.append(
                Hop(
                    name=f"{flow} to {buffer}",
                    servers=[self.servers[port] for port in ports],
                    cycles=[self._moving(port, nbytes, flow, own) for port in ports],
                    layer=layer,
                    latency=[self._latency(ports)] * len(layer),
                    takes=taken,
                    puts=(self._put(store, nbytes, own),),
                    due=due,
                    kind="pass" if ports[0].side else "fetch",
                )
            )
            taken = (_one_by_one(store, len(layer)),)
        return replace(wanted, store=len(self.stores) - 1)

    def _wanted(self, flow: str) -> Take:
        """Loads of a flow that each step of the array needs and gives up, counted from the start;
        whatever store they come from.
        """
        need, done, before = [], [], 0
        for plan in self.stages:
            need += [before + count for count in plan.need[flow]]
            done += [before + count for count in plan.done[flow]]
            before += len(plan.loads[flow])
        return Take(0, need, done, CAUSES[self.arch.flows[flow].role])

    def _widen(self, store: int, flow: str) -> None:
        """Lets a step have what it needs where the buffer is full of what stays.

        Operands of an add and partial sums pass by inputs that stay, and may find no room beside
        them; the traffic rule counts them all the same.
        """
        spec = self.stores[store]
        at_once = max(
            (plan.held_at_once(flow, self._wider(plan)) for plan in self.stages), default=0
        )
        self.stores[store] = replace(spec, capacity=max(spec.capacity, at_once))

    def _moving(
        self, port: Port, nbytes: Ints, flow: str = "", own: Sequence[int] = ()
    ) -> list[int]:
        """Cycles of each transfer (N,); `own` is how many of a `flow` are each stage's."""
        part = self.arch.components[port.component]
        if part.kind == "off_chip":
            spans = [plan.spans.get(flow, ()) for plan in self.stages]
            if (by_runs := cycles_by_runs(part, spans, nbytes, own)) is not None:
                return by_runs
        cycles = part.cycles_to_fill(nbytes) if port.side == "fill" else part.move_cycles(nbytes)
        moving: list[int] = cycles.astype(np.int64).tolist()
        return moving

    def _latency(self, ports: Sequence[Port]) -> int:
        return sum(self.arch.components[port.component].latency for port in ports)

    def _compute_hop(self, takes: list[Take], out_flow: str, out_store: int) -> Hop:
        arch = self.arch
        reading = [Port(storage_of(arch, flow), "read") for flow in inbound(arch)]
        filling = Port(storage_of(arch, out_flow), "fill")
        ports = list(dict.fromkeys([*reading, *map(Port, array_parts(arch)), filling]))
        stored = np.concatenate([plan.stores for plan in self.stages])
        cycles = []
        for port in ports:
            if port == filling:
                cycles.append(self._moving(port, stored))
                continue
            own = [
                plan.own.get(port.component, np.zeros(len(plan.steps), np.int64))
                for plan in self.stages
            ]
            cycles.append(np.concatenate(own).astype(np.int64).tolist())
        steps = [len(plan.steps) for plan in self.stages]
        layer = np.repeat([plan.anchor for plan in self.stages], steps).tolist()
        return Hop(
            "compute",
            [self.servers[port] for port in ports],
            cycles,
            layer,
            [0] * len(layer),
            takes,
            (self._put(out_store, stored, steps),),
            kind="compute",
        )

    def _store_hops(self, flow: str, store: int) -> None:
        """The chain of hops that carries results away, a task per burst of the steps that have
        any.
        """
        totals = np.concatenate([plan.stores for plan in self.stages]).astype(np.int64)
        bursts = np.concatenate([plan.bursts for plan in self.stages]).astype(np.int64)
        own = [int(plan.bursts.sum()) for plan in self.stages]
        nbytes = whole_parts(totals, bursts)
        to_dram = np.repeat([plan.to_dram for plan in self.stages], own)
        leaving = np.where(to_dram, nbytes, 0)
        layer = np.repeat([plan.tail for plan in self.stages], own).tolist()
        taken = self._bursts_of_steps(store)
        due = self._room_wanted()
        for ports in links(self.arch, flow):
            puts: tuple[Put, ...] = ()
            if ports[-1].side:
                store = self._add_store(flow, ports[-1].component)
                puts = (self._put(store, nbytes, own),)
            # A result that stays on chip passes the buffers and takes no time outside them.
            sizes = [nbytes if port.side else leaving for port in ports]
            self.hops.append(
                Hop(
                    name=f"{flow} from {ports[0].component}",
                    servers=[self.servers[port] for port in ports],
                    cycles=[
                        self._moving(port, size, flow, own)
                        for port, size in zip(ports, sizes, strict=True)
                    ],
                    layer=layer,
                    latency=np.where(to_dram, self._latency(ports), 0).tolist(),
                    takes=(taken,),
                    puts=puts,
                    due=due,
                    kind="pass" if puts else "store",
                )
            )
            taken = _one_by_one(store, len(nbytes))

    def _room_wanted(self) -> list[int]:
        """The step that would like the room of each burst of results: ping-pong, the next but
        one.
        """
        bursts = np.concatenate([plan.bursts for plan in self.stages])
        return (np.repeat(np.arange(len(bursts)), bursts) + 2).tolist()

    def _bursts_of_steps(self, store: int) -> Take:
        """What the array puts there as one item leaves burst by burst, and makes room at its
        end.
        """
        bursts = np.concatenate([plan.bursts for plan in self.stages])
        bursts = bursts[bursts > 0]
        need = np.repeat(np.arange(1, len(bursts) + 1), bursts)
        done = need - 1
        done[np.cumsum(bursts) - 1] += 1
        return Take(store, need.tolist(), done.tolist(), "wait_input")

    def _gates(self, computing: int, storing: int) -> list[Gate]:
        """What the loads of each stage wait for: the stages that make its operands, or all before
        it.
        """
        steps = np.cumsum([len(plan.steps) for plan in self.stages])
        stored = np.cumsum([int(plan.bursts.sum()) for plan in self.stages])
        gates: list[Gate] = []
        for index, plan in enumerate(self.stages):
            after = [index - 1] if self.arch.barrier == "layer" and index else list(plan.after)
            last = max(after, default=-1)
            if last < 0:
                gates.append(())
            else:
                # A stage without results to store, such as an update, is over when it has computed.
                gates.append(((computing, int(steps[last])), (storing, int(stored[last]))))
        return gates

    def _gated(self, hop: Hop, flow: str, gates: list[Gate]) -> Hop:
        """The hop whose loads wait for the gates of their stages."""
        column = [
            gate for plan, gate in zip(self.stages, gates, strict=True) for _ in plan.loads[flow]
        ]
        return replace(hop, gates=column)

    def _waits_for_stages(self, flow: str) -> bool:
        """Whether the loads of a flow have gates: all under `barrier: layer`, else what moves."""
        return self.arch.barrier == "layer" or self.arch.flows[flow].role == "moving"
