"""What runs together: an array layer with the element-wise layers fused behind it, or those alone.

A layer that works element by element or on a window is fused with the layer that produces its last
operand where it is that layer's only consumer; the producer's output then never leaves the chip.
Other operands come from DRAM. A softmax or a normalisation needs a whole row before its first
result, so it begins a stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsim.workload.layer import ROW_OPS, Layer


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


Rank = tuple[int, int]
"""When a layer runs: its stage, and its place in it."""


def last_operand(layer: Layer, ranks: Mapping[str, Rank]) -> int | None:
    """Which of the layer's inputs is produced last; None if it is fed from outside.

    Last in the order of running: a layer fused behind another runs with it, wherever it stands in
    the file.
    """
    if not layer.inputs:
        return None
    return max(range(len(layer.inputs)), key=lambda k: ranks[layer.inputs[k]])


def operands(layer: Layer, ranks: Mapping[str, Rank], fused: bool) -> list[tuple[str, int]]:
    """(producer, elements) that an element-wise layer reads besides what streams in from before it.

    A fused layer takes the operand produced last as it comes; one on its own reads all of them,
    each once, and a pool only the rows that its windows see. What is fed from outside has no
    producer, an empty name.
    """
    last = last_operand(layer, ranks)
    if last is None:
        return [("", layer.read_elements)]
    streamed = layer.inputs[last] if fused else None
    if layer.op == "pool":
        return [] if fused else [(layer.inputs[0], layer.read_elements)]
    views = layer.views or ("",) * len(layer.inputs)
    # The same part of a producer is read once, however often the layer names it.
    sizes = dict(zip(zip(layer.inputs, views, strict=True), layer.operands, strict=True))
    return [(name, size) for (name, _), size in sizes.items() if name != streamed]


def stages_of(layers: Sequence[Layer]) -> list[Stage]:
    """The stages of a network, in the order in which their first layers stand in the file."""
    consumers: dict[str, list[str]] = {layer.name: [] for layer in layers}
    for layer in layers:
        for name in dict.fromkeys(layer.inputs):
            consumers[name].append(layer.name)
    made = {layer.name: layer.result_elements for layer in layers}
    members: list[list[Layer]] = []
    ranks: dict[str, Rank] = {}
    for layer in layers:
        producer = _fusable_producer(layer, ranks, consumers)
        if producer is not None and _reads_more(layer, producer, made[producer]):
            producer = None
        stage = len(members) if producer is None else ranks[producer][0]
        if producer is None or members[stage][-1].name != producer:
            stage = len(members)
            members.append([])
        ranks[layer.name] = (stage, len(members[stage]))
        members[stage].append(layer)
    return [_stage(group, ranks) for group in members]


def ranks_of(stages: Sequence[Stage]) -> dict[str, Rank]:
    """When each layer runs."""
    return {
        layer.name: (number, place)
        for number, stage in enumerate(stages)
        for place, layer in enumerate(stage.layers)
    }


def _fusable_producer(
    layer: Layer, ranks: Mapping[str, Rank], consumers: Mapping[str, list[str]]
) -> str | None:
    last = last_operand(layer, ranks)
    if layer.is_array or layer.op in ROW_OPS or last is None:
        return None
    producer = layer.inputs[last]
    return producer if consumers[producer] == [layer.name] else None


def _reads_more(layer: Layer, producer: str, made: int) -> bool:
    """Whether a layer reads more values than the producer makes: those of a cache, from DRAM."""
    sizes = zip(layer.inputs, layer.operands, strict=False)
    return any(name == producer and size > made for name, size in sizes)


def _stage(group: list[Layer], ranks: Mapping[str, Rank]) -> Stage:
    own = ranks[group[0].name][0]
    after = {ranks[name][0] for layer in group for name in layer.inputs} - {own}
    anchor = group[0] if group[0].is_array else None
    return Stage(anchor, tuple(group[1:] if anchor else group), tuple(sorted(after)))


def _reads_it_alone(stage: Stage, made: Layer) -> bool:
    """Whether the array is the one that reads a result, and reads nothing from DRAM with it: the
    second operand of a matmul comes from there, and so does what a cache holds."""
    reader = stage.anchor
    if reader is None or reader.op == "matmul":
        return False
    by_posts = any(made.name in post.inputs for post in stage.posts)
    return not by_posts and not _reads_more(reader, made.name, made.result_elements)


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
        and stages[index + 1].after == (index,)
        and _reads_it_alone(stages[index + 1], stage.tail)
        and sum(sizes[index]) <= capacity
        for index, stage in enumerate(stages)
    ]
    for index, stage in enumerate(stages):
        reads_kept = bool(stage.after) and stays[stage.after[0]] and stage.after == (index - 1,)
        kept.append(Stage(stage.anchor, stage.posts, stage.after, reads_kept, stays[index]))
    return kept
