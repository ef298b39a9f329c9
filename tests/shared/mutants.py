"""Shipped files with one thing wrong, drawn from a seed: a value of another kind or size, a key
that is gone, entries in another order."""

import copy
import json
import random

import yaml

NUMBERS = (
    0,
    -1,
    1,
    2,
    3,
    2**16,
    2**31,
    2**40,
    2**63,
    10**400,
    1e-9,
    1e-320,
    5e-324,
    0.5,
    1e308,
    1.5,
)
OTHERS = (None, True, "", "x", "Nfu", "../x", "dram", [], {}, [[]], {"x": 1})


def places(value, at=()):
    """The path of everything in a tree of mappings and lists, the tree itself apart."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield (*at, key)
        if isinstance(each, (dict, list)):
            yield from places(each, (*at, key))


def mutant(path, seed):
    """What was done to the file, and its text as JSON, which is YAML."""
    draw = random.Random(f"{path.name} {seed}")
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree = copy.deepcopy(tree)
    every = [*places(tree)]
    numbers = [at for at in every if type(value_at(tree, at)) in {int, float}]
    at = draw.choice(numbers if numbers and draw.random() < 0.5 else every)
    parent = value_at(tree, at[:-1])
    old = parent[at[-1]]
    done = draw.choice(("number", "number", "number", "other", "wrap", "drop", "shuffle", "swap"))
    if done == "drop":
        del parent[at[-1]]
    elif done == "shuffle" and isinstance(old, list) and len(old) > 1:
        draw.shuffle(old)
    elif done == "wrap":
        parent[at[-1]] = [old]
    elif done == "swap":
        parent[at[-1]] = copy.deepcopy(value_at(tree, draw.choice(every)))
    else:
        parent[at[-1]] = draw.choice(OTHERS if done == "other" else NUMBERS)
    return f"{path.name} {seed}: {done} at {'.'.join(map(str, at))}", json.dumps(tree)


def value_at(tree, at):
    for key in at:
        tree = tree[key]
    return tree
