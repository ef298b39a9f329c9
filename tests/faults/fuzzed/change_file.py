"""Scenarios, switches and ablations: what `validate` takes changes machines that still run."""

from functools import cache

from byte_mutants import yaml_mutant
from validated_runs import run_validated

from archsim.formats.search import names

SUFFIX = ".yaml"
PLACES = (".yaml", ".py")
EXAMPLES = 5
FOLDERS = ("archs/scenarios", "archs/switches", "archs/ablations")


@cache
def seeds():
    return [path.read_bytes() for folder in FOLDERS for path in names(folder).values()]


def mutate(rng, seed):
    return yaml_mutant(rng, seed, seeds())


def check(path):
    run_validated(path)
