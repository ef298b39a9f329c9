"""Bytes and trees with one thing wrong, drawn from a generator."""

import copy

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
    """A list in a list, many times."""
    found = []
    for _ in range(levels):
        found = [found]
    return found


def json_text(tree):
    """JSON of a tree however deep, whose one line is YAML too; numbers of 5,000 digits as well."""
    parts, stack = [], [tree]
    while stack:
        here = stack.pop()
        if isinstance(here, _Text):
            parts.append(here)
        elif isinstance(here, dict):
            stack.append(_Text("}"))
            for index, (key, value) in enumerate(reversed(here.items())):
                stack += [*([_Text(", ")] if index else []), value, _Text(f"{_plain(key)}: ")]
            stack.append(_Text("{"))
        elif isinstance(here, (list, tuple)):
            stack.append(_Text("]"))
            for index, value in enumerate(reversed(here)):
                stack += [*([_Text(", ")] if index else []), value]
            stack.append(_Text("["))
        else:
            parts.append(_plain(here))
    return "".join(parts)


class _Text(str):
    """What is written as it is."""

    __slots__ = ()


def _plain(value):
    import json

    return json.dumps(value)
