"""Bytes and trees with one thing wrong, drawn from a generator."""

import copy
import json
from contextlib import suppress
from functools import cache

import yaml
from damaged_bytes import damaged
from mutants import NUMBERS, OTHERS, places, value_at

from archsim.formats.sealed import sealed

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)
DEEP = 3000
UNITS = (1000, 1024, 8, 1e6, 1e9, 1 / 8, 1e-3, 1 / 1024, 1e-6, 1e-9, -1, 2, 0.5)
"""What a number is off by that was meant in another unit."""
EXTRA = ("__metadata__", "\ud800", "a" * 5000, float("nan"), float("inf"), -(2**70), "../x", "con")


def bytes_mutant(rng, data):
    """`data` with a few bytes changed, moved, lost or added."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(found) + 1)
        span = rng.choice((1, 1, 4, 8, 64))
        match rng.randrange(6):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at : at + span] = bytes(rng.choice(INTERESTING) for _ in range(span))
            case 2:
                del found[at : at + span]
            case 3:
                found[at:at] = rng.randbytes(span)
            case 4:
                found[at:at] = found[: rng.randrange(len(found) + 1)][:4096]
            case _:
                del found[at:]
    return bytes(found)


def tree_mutant(rng, tree):
    """A tree of mappings and lists with one thing in it changed, added or lost."""
    tree = copy.deepcopy(tree)
    every = [*places(tree)]
    if not every:
        return rng.choice(OTHERS)
    at = rng.choice(every)
    parent = value_at(tree, at[:-1])
    match rng.randrange(8):
        case 0:
            del parent[at[-1]]
        case 1:
            parent[at[-1]] = [parent[at[-1]]]
        case 2:
            parent[at[-1]] = copy.deepcopy(value_at(tree, rng.choice(every)))
        case 3:
            parent[at[-1]] = rng.choice(OTHERS)
        case 4:
            parent[at[-1]] = rng.choice(EXTRA)
        case 5 if isinstance(parent, list):
            parent.append(copy.deepcopy(rng.choice(parent)))
        case 5:
            key = rng.choice(EXTRA)
            parent[key if isinstance(key, str) else str(key)] = rng.choice((*NUMBERS, *OTHERS))
        case 6:
            parent[at[-1]] = nested(rng.choice((3, 30, DEEP)))
        case _:
            parent[at[-1]] = rng.choice(NUMBERS)
    return tree


def value_mutant(rng, tree, others=()):
    """A tree with a number in another unit, or with a part that stands elsewhere: moved, a second
    time, or taken from a tree of `others`."""
    tree = copy.deepcopy(tree)
    every = [*places(tree)]
    numbers = [at for at in every if type(value_at(tree, at)) in {int, float}]
    if numbers and rng.random() < 0.6:
        at = rng.choice(numbers)
        old = value_at(tree, at)
        wrong = rng.random() < 0.4 or abs(old) > 1e200
        new = rng.choice(NUMBERS) if wrong else old * rng.choice(UNITS)
        whole = type(old) is int and new == int(new)
        value_at(tree, at[:-1])[at[-1]] = int(new) if whole else new
        return tree
    at, to = rng.choice(every), rng.choice(every)
    part = copy.deepcopy(value_at(tree, at))
    if others and rng.random() < 0.5:
        other = rng.choice(others)
        part = copy.deepcopy(value_at(other, rng.choice([*places(other)])))
    goal = value_at(tree, to[:-1])
    if rng.random() < 0.5:
        del value_at(tree, at[:-1])[at[-1]]
        goal = tree  # what it was in may be gone
    if isinstance(goal, list):
        goal.insert(rng.randrange(len(goal) + 1), part)
    else:
        goal[str(rng.choice((at, to))[-1])] = part
    return tree


def yaml_mutant(rng, seed, seeds):
    """The bytes of a YAML file with one thing or two wrong, also from others of `seeds`."""
    if rng.random() < 0.15:
        return bytes_mutant(rng, seed)
    tree, others = yaml.safe_load(seed), _trees(tuple(seeds))
    for _ in range(rng.choice((1, 1, 1, 2))):
        tree = value_mutant(rng, tree, others) if rng.random() < 0.6 else tree_mutant(rng, tree)
        if not (isinstance(tree, (dict, list)) and tree):
            break
    return json_text(tree).encode("utf-8", "surrogatepass")


@cache
def _trees(seeds):
    return [yaml.safe_load(seed) for seed in seeds]


def sealed_mutant(rng, seed):
    """The bytes of a sealed JSON file with one thing wrong: values under the old checksum, values
    under a new one, which only types and ranges can tell, or bytes."""
    if rng.random() < 0.3:
        return next(damaged(seed, 1, rng.randrange(2**32)))
    tree = json.loads(seed)
    change = value_mutant if rng.random() < 0.5 else tree_mutant
    tree = change(rng, tree)
    if rng.random() < 0.7 and isinstance(tree, dict):
        with suppress(TypeError, ValueError, RecursionError):
            return sealed(json.loads(json_text(tree)))
    return json_text(tree).encode("utf-8", "surrogatepass")


def nested(levels):
    """The JSON of a list in a list, many times, which `json_text` writes as it is."""
    return _Text("[" * levels + "]" * levels)


def json_text(tree):
    """JSON of a tree on one line, which is YAML too."""
    if isinstance(tree, _Text):
        return str(tree)
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{json.dumps(k)}: {json_text(v)}' for k, v in tree.items())}}}"
    if isinstance(tree, (list, tuple)):
        return f"[{', '.join(map(json_text, tree))}]"
    return json.dumps(tree)


class _Text(str):
    """What is written as it is."""

    __slots__ = ()
