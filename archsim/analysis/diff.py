"""What two results, or two folders of results, differ in: numbers by layer and cause, and inputs.

Every number that a result holds is compared, whatever it is called. A part is weighed against what
it is a part of: the energy of a component against that of its layer, a cause of loss against the
time of its component. A part that is small on both sides then says nothing however much it moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsim.results.result import Result

MADE_BY = ("model", "archsim", "inputs_hash", "arch_hash", "workload_hash")
INPUTS = (
    "arch",
    "workload",
    "mode",
    "batch",
    "settings",
    "clock_mhz",
    "notes",
    "arch_resolved",
    "prices",
)
WHOLES = {"energy_by": "energy_pj", "dram_bytes_by": "dram_bytes"}
TIMES = ("busy", "lost", "idle")
"""Parts of the time of a component; they add up to it."""
WORDS = ("op", "fused_into")
Path = tuple[str, ...]


@dataclass(frozen=True)
class Move:
    """A number that is not the same in two results. `layer` is empty for a total of the run; `what`
    is the quantity and the part of it: ``("lost", "mac_array", "drain")``. A number that one of the
    two does not have is 0 there. `share` is the change as a part of its whole, of the larger of the
    two; `of_run` is the same against the whole of all layers."""

    layer: str
    phase: str
    what: Path
    a: float
    b: float
    share: float
    of_run: float


@dataclass(frozen=True)
class Difference:
    """Two results of one place. `moves` are the numbers that moved by more than the threshold, and
    `within` counts those that moved by less. `words` says what layers are no longer there or are of
    another kind, `inputs` maps what the results were made from to both values where they differ.
    `same_inputs` is None where an earlier archsim has not written a hash of them."""

    place: str
    same_inputs: bool | None
    moves: tuple[Move, ...]
    within: int
    words: tuple[str, ...]
    inputs: Mapping[str, tuple[Any, Any]]

    @property
    def changed(self) -> bool:
        return bool(self.moves or self.words)


@dataclass(frozen=True)
class FolderDifference:
    """Two folders, or two results: those of one place, and the places that only one has."""

    results: tuple[Difference, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.only_a or self.only_b or any(one.changed for one in self.results))


def folders(a: Mapping[str, Result], b: Mapping[str, Result], threshold: float) -> FolderDifference:
    """The difference of results by their places."""
    return FolderDifference(
        tuple(difference(place, a[place], b[place], threshold) for place in a if place in b),
        tuple(place for place in a if place not in b),
        tuple(place for place in b if place not in a),
    )


def difference(place: str, a: Result, b: Result, threshold: float) -> Difference:
    """What `b` has otherwise than `a`. Numbers count that moved by more than `threshold`, a share
    (0.01 is 1 %)."""
    layers, words = _pairs(a, b)
    run = _sizes(a.totals(), b.totals())
    found = [*_moves(("", ""), (a.totals(), b.totals()), run)]
    for key, pair in layers.items():
        found += _moves(key, pair, run)
    large = tuple(move for move in found if move.share > threshold)
    return Difference(
        place=place,
        same_inputs=a.inputs_hash == b.inputs_hash if a.inputs_hash and b.inputs_hash else None,
        moves=large,
        within=len(found) - len(large),
        words=tuple(words),
        inputs=_inputs(a, b),
    )


Layers = dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]


def _pairs(a: Result, b: Result) -> tuple[Layers, list[str]]:
    """The layers that both have, by phase and name, and what is to be said of the others."""
    first, second = _layers(a), _layers(b)
    said = [f"{name} ({phase}): only in A" for phase, name in first if (phase, name) not in second]
    said += [f"{name} ({phase}): only in B" for phase, name in second if (phase, name) not in first]
    both = {key: (first[key], second[key]) for key in first if key in second}
    for (phase, name), (one, two) in both.items():
        said += [
            f"{name} ({phase}): {word} {one[word]} in A, {two[word]} in B"
            for word in WORDS
            if one[word] != two[word]
        ]
    return both, said


def _layers(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    """The layers as a file has them. Of one name in one phase the second is called ``name #2``."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for layer in result.layers:
        key = layer.phase, layer.name
        seen[key] += 1
        name = layer.name if seen[key] == 1 else f"{layer.name} #{seen[key]}"
        found[layer.phase, name] = layer.to_dict()
    return found


def _moves(
    key: tuple[str, str],
    pair: tuple[Mapping[str, Any], Mapping[str, Any]],
    run: Mapping[Path, float],
) -> Iterator[Move]:
    """The numbers of a layer, (phase, name), that are not the same in both; `run` are the sizes of
    the whole run."""
    first, second = (dict(_numbers((), each)) for each in pair)
    for what, size in _sizes(*pair).items():
        one, two = first.get(what, 0), second.get(what, 0)
        if one != two:
            change = abs(two - one)
            yield Move(key[1], key[0], what, one, two, change / size, change / run.get(what, size))


def _sizes(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[Path, float]:
    """What a change of each number is weighed against: the larger of both numbers, or of both
    wholes where it is a part."""
    first, second = dict(_numbers((), a)), dict(_numbers((), b))
    sides = first, second, _wholes(first), _wholes(second)
    return {
        what: max(side.get(what, 0) for side in sides) for what in dict.fromkeys([*first, *second])
    }


def _numbers(path: Path, value: Any) -> Iterator[tuple[Path, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers((*path, str(key)), inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _wholes(numbers: Mapping[Path, float]) -> dict[Path, float]:
    """What each part is a part of, where it is one."""
    times: Counter[str] = Counter()
    for path, value in numbers.items():
        if path[0] in TIMES:
            times[path[1]] += int(value)
    found: dict[Path, float] = {}
    for path in numbers:
        if path[0] in WHOLES and len(path) > 1:
            found[path] = numbers.get((WHOLES[path[0]],), 0)
        elif path[0] in TIMES:
            found[path] = times[path[1]]
    return found


def _inputs(a: Result, b: Result) -> dict[str, tuple[Any, Any]]:
    """What the two were made by and from, where they differ; of nested values the keys that do."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in (*MADE_BY, *INPUTS):
        found |= _keys(name, getattr(a, name), getattr(b, name))
    return found


def _keys(path: str, one: Any, two: Any) -> dict[str, tuple[Any, Any]]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        found: dict[str, tuple[Any, Any]] = {}
        for key in dict.fromkeys([*one, *two]):
            found |= _keys(f"{path}.{key}", one.get(key), two.get(key))
        return found
    return {} if _plain(one) == _plain(two) else {path: (_plain(one), _plain(two))}


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def largest(moves: Iterable[Move], count: int) -> Sequence[Move]:
    """Of some numbers those that moved the run most, totals first."""
    return sorted(moves, key=lambda move: (bool(move.layer), -move.of_run))[:count]
