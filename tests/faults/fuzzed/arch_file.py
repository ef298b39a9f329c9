"""Arch files: what `validate` takes runs, and what it refuses has a place."""

from functools import cache

from byte_mutants import yaml_mutant
from validated_runs import run_validated

from archsim.formats.search import names

SUFFIX = ".yaml"
PLACES = (".yaml", ".py")
EXAMPLES = 15


@cache
def seeds():
    return [path.read_bytes() for path in names("archs").values()]


def mutate(rng, seed):
    return yaml_mutant(rng, seed, seeds())


def check(path):
    run_validated(path)
