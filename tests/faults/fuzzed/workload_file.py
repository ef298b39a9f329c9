"""Workload files, with profiles, with tensors beside them, of shapes alone, and of training: what
`validate` takes runs."""

import tempfile
from functools import cache
from pathlib import Path

import tiny_networks
import yaml
from byte_mutants import yaml_mutant
from validated_runs import run_validated

from archsim.formats.search import find
from archsim.runs.probe import PROBES

SUFFIX = ".yaml"
PLACES = (".yaml", ".py", ".safetensors")
EXAMPLES = 15


@cache
def seeds():
    files = [find("workloads", "tiny_sd"), *sorted(PROBES.glob("*.yaml"))]
    return [*(path.read_bytes() for path in files), *(each[0] for each in _measured())]


def mutate(rng, seed):
    return yaml_mutant(rng, seed, seeds())


def check(path):
    for name, (_, tensors) in zip(("tiny", "shapes"), _measured(), strict=True):
        if tensors:
            path.with_name(f"{name}.safetensors").write_bytes(tensors)
    run_validated(path)


@cache
def _measured():
    """A network and its tensors, and one of shapes alone, as bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = tiny_networks.write(folder, tiny_networks.residual())
        whole = path.read_bytes(), path.with_suffix(".safetensors").read_bytes()
        tree = yaml.safe_load(whole[0])
        del tree["tensors"]
        return [whole, (yaml.safe_dump(tree).encode(), b"")]
