"""Bytes and trees with one thing wrong, drawn from a generator."""

import copy
import json

from mutants import NUMBERS, OTHERS, places, value_at

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)
DEEP = 3000
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
