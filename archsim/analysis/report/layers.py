"""The layers of a result as columns of numbers, the form in which a page carries thousands of them.

Whatever a layer counts becomes a column, so that a count that archsim learns later is shown too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archsim.results.result import LayerResult, Result

WORDS = ("name", "op", "phase", "fused_into")
LEFT_OUT = ("actions",)
"""Most of a result's bytes, and what they cost is `energy_by`."""
JOINT = "\x1f"  # between the parts of a column's name; no name of a component has it


def words(result: Result) -> dict[str, list[str]]:
    """What each layer is, a list for each of `WORDS`."""
    return {word: [getattr(layer, word) or "" for layer in result.layers] for word in WORDS}


def counts(result: Result) -> dict[str, list[float]]:
    """The counts of each layer by name, the parts of nested ones after `JOINT`:
    ``lost.mac_array.drain``. What no layer has more than 0 of is left out, scalars excepted."""
    every = [dict(_counted(layer)) for layer in result.layers]
    names = dict.fromkeys(name for each in every for name in each)
    columns = {name: [each.get(name, 0) for each in every] for name in names}
    return {name: own for name, own in columns.items() if JOINT not in name or any(own)}


def _counted(layer: LayerResult) -> Iterator[tuple[str, float]]:
    for name, value in layer.to_dict().items():
        if name not in (*WORDS, *LEFT_OUT):
            yield from _numbers((name,), value)


def _numbers(name: Sequence[str], value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers((*name, key), inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield JOINT.join(name), value
