"""Energy tables: what `validate` takes puts prices on a run of some machine."""

from functools import cache

from byte_mutants import yaml_mutant
from validated_runs import run_validated

from archsim.formats.search import find

SUFFIX = ".yaml"
PLACES = (".yaml", ".py")
EXAMPLES = 20


@cache
def seeds():
    folder = find("archs", "diannao").parent / "units"
    return [path.read_bytes() for path in sorted(folder.glob("*.yaml"))]


def mutate(rng, seed):
    return yaml_mutant(rng, seed, seeds())


def check(path):
    run_validated(path)
