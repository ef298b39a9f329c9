"""One stage cut into steps and transfers, as the schedule takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from archsim.machines.shared.geometry import Ints
from archsim.timing.runs import Span
from archsim.timing.steps import Steps


@dataclass(frozen=True)
class StagePlan:
    """One stage, ready to be queued. `anchor` and `tail` are the places in the results of its first
    and last layer.

    `loads[flow]` are bytes in order, `need` and `done` (n,) count them per step, `spans` are the
    same bytes and those of results by the runs they make in DRAM; `stores` (n,) are bytes for DRAM
    (`to_dram`) or to stay on chip, which leave in `bursts` (n,) transfers; `own[component]` (n,)
    are cycles in the array. `scale` is for how many steps of the machine one stands here.
    """

    anchor: int
    tail: int
    after: tuple[int, ...]
    steps: Steps
    loads: Mapping[str, Sequence[int]]
    need: Mapping[str, Sequence[int]]
    done: Mapping[str, Sequence[int]]
    own: Mapping[str, Ints]
    spans: Mapping[str, Sequence[Span]]
    stores: Ints
    bursts: Ints
    to_dram: bool = True
    scale: float = 1.0

    def held_at_once(self, flow: str, wider: float) -> int:
        """Most room that a step's bytes of a flow take together with those that have to stay, if
        each takes `wider` times as much.
        """
        ends = [0, *accumulate(int(nbytes * wider) for nbytes in self.loads[flow])]
        kept = [0, *self.done[flow]]
        needs = zip(self.need[flow], kept, strict=False)
        return max((ends[needed] - ends[gone] for needed, gone in needs), default=0)
