"""Tensors beside a workload: shapes, types, names and offsets changed, and bytes."""

from fuzzed import safetensors, workload_file
from validated_runs import run_validated

SUFFIX = ".safetensors"
PLACES = (".yaml", ".safetensors")
EXAMPLES = 30


def seeds():
    return [workload_file._measured()[0][1]]


def mutate(rng, seed):
    return safetensors.mutate(rng, seed)


def check(path):
    whole = workload_file._measured()[0][0]
    beside = path.with_suffix(".yaml")
    beside.write_bytes(whole.replace(b"tiny.safetensors", path.name.encode()))
    run_validated(beside)
