"""What runs together: an array layer with the element-wise layers fused behind it, or those alone.

A pool, add, mul, concat or resize is fused with the layer that produces its last operand where it
is that layer's only consumer; the producer's output then never leaves the chip. Other operands come
from DRAM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.layer import Layer


@dataclass(frozen=True)
class Stage:
    """Layers that run as one. `anchor` has weights, or is None for element-wise layers on their
    own.

    `after` are the stages whose results it reads; `keeps_input` says that those are still on chip
    and `keeps_output` that its result stays there.
    """

    anchor: Layer | None
    posts: tuple[Layer, ...]
    after: tuple[int, ...] = ()
    keeps_input: bool = False
    keeps_output: bool = False

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*([self.anchor] if self.anchor else []), *self.posts)

    @property
    def tail(self) -> Layer:
        """The layer whose output the stage writes."""
        return self.layers[-1]


def last_operand(layer: Layer, position: dict[str, int]) -> int | None:
    """Which of the layer's inputs was produced last; None if it is fed from outside."""
    if not layer.inputs:
        return None
    return max(range(len(layer.inputs)), key=lambda k: position[layer.inputs[k]])


def operands(layer: Layer, position: dict[str, int], fused: bool) -> list[tuple[str, int]]:
    """(producer, elements) that an element-wise layer reads besides what streams in from before it.

    An add, mul or concat takes the operand produced last as it comes; a pool or resize on its own
    reads its input. What is fed from outside has no producer, an empty name.
    """
    last = last_operand(layer, position)
    if last is None:
        return [("", layer.input_elements)]
    if layer.op in {"pool", "resize"}:
        return [] if fused else [(layer.inputs[0], layer.input_elements)]
    return [
        (name, size)
        for k, (name, size) in enumerate(zip(layer.inputs, layer.operands, strict=True))
        if k != last
    ]


def stages_of(layers: Sequence[Layer]) -> list[Stage]:
    """The stages of a network, in the order in which their first layers stand in the file."""
    position = {layer.name: index for index, layer in enumerate(layers)}
    consumers: dict[str, list[str]] = {layer.name: [] for layer in layers}
    for layer in layers:
        for name in dict.fromkeys(layer.inputs):
            consumers[name].append(layer.name)
    members: list[list[Layer]] = []
    stage_of: dict[str, int] = {}
    for layer in layers:
        producer = _fusable_producer(layer, position, consumers)
        if producer is not None and members[stage_of[producer]][-1].name == producer:
            stage_of[layer.name] = stage_of[producer]
            members[stage_of[producer]].append(layer)
        else:
            stage_of[layer.name] = len(members)
            members.append([layer])
    return [_stage(group, stage_of) for group in members]


def _fusable_producer(
    layer: Layer, position: dict[str, int], consumers: dict[str, list[str]]
) -> str | None:
    last = last_operand(layer, position)
    if layer.is_array or last is None:
        return None
    producer = layer.inputs[last]
    return producer if consumers[producer] == [layer.name] else None


def _stage(group: list[Layer], stage_of: dict[str, int]) -> Stage:
    own = stage_of[group[0].name]
    after = {stage_of[name] for layer in group for name in layer.inputs} - {own}
    anchor = group[0] if group[0].is_array else None
    return Stage(anchor, tuple(group[1:] if anchor else group), tuple(sorted(after)))


def keep_on_chip(
    stages: Sequence[Stage], sizes: Sequence[tuple[int, int]], capacity: int
) -> list[Stage]:
    """`interlayer: keep_if_fits`: a result stays where its stage's inputs and it fit the input
    buffer together, and the stage right after it alone reads it, as its only operand. `sizes` are
    (input, output) bytes of each stage.
    """
    kept = []
    readers: list[list[int]] = [[] for _ in stages]
    for index, stage in enumerate(stages):
        for producer in stage.after:
            readers[producer].append(index)
    stays = [
        stage.anchor is not None
        and readers[index] == [index + 1]
        and stages[index + 1].anchor is not None
        and stages[index + 1].after == (index,)
        and sum(sizes[index]) <= capacity
        for index, stage in enumerate(stages)
    ]
    for index, stage in enumerate(stages):
        reads_kept = bool(stage.after) and stays[stage.after[0]] and stage.after == (index - 1,)
        kept.append(Stage(stage.anchor, stage.posts, stage.after, reads_kept, stays[index]))
    return kept
