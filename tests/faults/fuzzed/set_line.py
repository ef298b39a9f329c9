"""Lines of ``--set PATH=VALUE``: a machine runs under them and its result can be read again, or a
line is refused by itself or by the place in a file that it contradicts.

A file is what a user typed, as JSON: the machine, and the lines.
"""

import json
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from byte_mutants import UNITS, bytes_mutant, json_text, nested
from mutants import NUMBERS, OTHERS, places, value_at
from validated_runs import network

from archsim.analysis import inputs
from archsim.arch.arch import load_arch
from archsim.formats.errors import InputError
from archsim.formats.search import names
from archsim.results.settings import file_stem
from archsim.results.store import Stored, read_stored, save
from archsim.runs.simulation import simulate

SUFFIX = ".json"
PLACES = (".yaml", ".py")
TEXTS = (
    "", " ", "~", "null", "'8'", '"8"', "'", '"', "[", "[1, 2", "{a: 1}", "{a: 1", "- 1", "a: b",
    "&a 1", "*a", "!!int 8", "!x 1", "# 8", "8 # x", "|", ">", "%", "@", "\t", "\n", "8\n9", "---",
    "--- 8\n--- 9", "0x10", "0o10", "010", "1_000", "1e3", "8.", ".5", "+8", ".inf", "-.inf",
    ".nan", "yes", "=", "8=9", "8,9", "\x00", "\x7f", "\ud800", "\N{SNOWMAN}", "9" * 5000,
    "a" * 5000, "../x", "/", "con", "input", "dram", "layer", "false", "-0", "-0.0", "1e-999",
)  # fmt: skip
KEYS = ("", ".", "..", "a..b", "components", "flows", "__class__", "x" * 5000, "a b", "-o", "--set")


@cache
def seeds():
    """One per shipped machine: its name, the paths that can be set and the values they have."""
    found = []
    for name in names("archs"):
        tree = load_arch(name).resolved
        values = [[*map(str, at), value_at(tree, at)] for at in places(tree)]
        found.append(json.dumps({"arch": name, "values": values}).encode())
    return found


def mutate(rng, seed):
    machine = json.loads(seed)
    every = [each for one in seeds() for each in json.loads(one)["values"]]
    lines = []
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        *path, value = rng.choice(machine["values"] if rng.random() < 0.9 else every)
        lines.append(_line(rng, _key(rng, path, machine["values"]), _value(rng, value, every)))
    return json.dumps({"arch": machine["arch"], "set": lines}).encode()


def _key(rng, path, values):
    """A path as people write it, or nearly so."""
    if path[0] in {"components", "flows"} and rng.random() < 0.6:
        path = path[1:]
    elif path[0] == "components" and len(path) > 1 and rng.random() < 0.2:
        classes = {tuple(at): value for *at, value in values if at[-1] == "class"}
        path = [classes.get((*path[:2], "class"), path[1]), *path[2:]]
    if rng.random() < 0.1:
        odd = rng.choice(KEYS)
        path = rng.choice(([odd], [*path, odd], [odd, *path], path[:-1] or [odd], path[::-1]))
    return ".".join(map(str, path))


def _value(rng, old, every):
    """The text of a value: in another unit, of another kind, from elsewhere, or no YAML at all."""
    kind = rng.randrange(8)
    if kind < 3 and type(old) in {int, float}:
        new = old * rng.choice(UNITS)
        return json_text(int(new) if type(old) is int and new == int(new) else new)
    if kind == 3:
        return json_text(rng.choice(every)[-1])
    if kind == 4:
        return rng.choice(TEXTS)
    if kind == 5:
        return json_text(rng.choice(([old], {"x": old}, nested(rng.choice((3, 30, 3000))))))
    if kind == 6:
        return bytes_mutant(rng, json_text(old).encode()).decode("utf-8", "surrogateescape")
    return json_text(rng.choice((*NUMBERS, *OTHERS)))


def _line(rng, key, value):
    return rng.choice((f"{key}={value}",) * 8 + (f" {key} = {value} ", key, f"{key}=", f"={value}"))


def check(path):
    typed = json.loads(path.read_bytes())
    try:
        choice = inputs.choices([typed["arch"]], (), None, typed["set"])[0]
        result = simulate(choice.changed, network(choice.changed.task))
    except InputError as error:
        strange = [each for each in error.problems if not _placed(each, typed["set"])]
        assert not strange, f"no place is named: {strange}"
        return
    stem = file_stem(choice.changed.path.stem, choice.settings)
    with tempfile.TemporaryDirectory() as folder:
        stored = Stored("network", stem, replace(result, settings=choice.settings))
        again = read_stored(save(Path(folder), stored))
    assert again.result == stored.result
    assert again.machine == typed["arch"]


def _placed(problem, lines):
    """Whether a problem names a line, or a place in a file."""
    at_line = any(problem.place == f"--set {line}" for line in lines)
    return problem.message and (at_line or Path(problem.place.split(":")[0]).suffix in PLACES)
