"""Arch files: what `validate` takes runs, and what it refuses has a place."""

from functools import cache

import yaml
from byte_mutants import yaml_mutant
from validated_runs import run_validated

from archsim.formats.search import names

SUFFIX = ".yaml"
PLACES = (".yaml", ".py")
EXAMPLES = 15


def seeds():
    return [path.read_bytes() for path in names("archs").values()]


def mutate(rng, seed):
    return yaml_mutant(rng, seed, _trees())


def check(path):
    run_validated(path)


@cache
def _trees():
    return [yaml.safe_load(seed) for seed in seeds()]
