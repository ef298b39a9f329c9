"""Mutation testing: do the tests notice when one operator or number of the simulator is changed?

`pip install cosmic-ray`, then `python benchmarks/mutation.py --sample 60`. Mutants are drawn from
all that cosmic-ray makes of the folders, with a fixed seed; each runs the golden results and then
the tests beside its folder, until one fails, in a copy of the repository. docs/testing.md has the
score.
"""

import argparse
import ast
import os
import random
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parents[1]
COPIED = ("archsim", "sdalgo", "tests", "archs", "workloads", "docs", "pyproject.toml")
GOLDEN = "tests/runs/test_golden.py"
TESTS = {
    "archsim/machines/bit_pragmatic": "tests/machines/bit_pragmatic tests/machines",
    "archsim/machines/cambricon_x": "tests/machines/cambricon_x tests/machines",
    "archsim/machines/diannao.py": "tests/machines/diannao",
    "archsim/machines/scnn": "tests/machines/test_sparse_machines.py tests/machines/scnn",
    "archsim/machines/smartdeal": "tests/machines/smartdeal tests/machines/test_keys_matter.py",
    "archsim/machines/training_accelerator": "tests/machines/training_accelerator",
    "archsim/machines/shared": "tests/results tests/timing/test_traffic.py tests/machines",
    "archsim/timing": "tests/timing tests/results",
    "archsim/results": "tests/results tests/timing tests/cli/test_trace.py",
}


def spans(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations stand: `int | None` is an operator that no test can see."""
    kept = []
    for node in ast.walk(ast.parse(path.read_text())):
        for name in ("annotation", "returns"):
            note = getattr(node, name, None)
            if note is not None:
                end = (note.end_lineno, note.end_col_offset)
                kept.append(((note.lineno, note.col_offset), end))
    return kept


def mutants(folder: str) -> list[MutationSpec]:
    """All mutants of a folder or file, those of annotations apart."""
    path = Path(folder)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    with use_db(":memory:", WorkDB.Mode.create) as database:
        init(files, database, {})
        made = [item.mutations[0] for item in database.work_items]
    notes = {file: spans(file) for file in files}
    made.sort(key=lambda one: (one.module_path, one.start_pos, one.operator_name, one.occurrence))
    return [
        one for one in made
        if not any(first <= one.start_pos < last for first, last in notes[one.module_path])
    ]  # fmt: skip


def run(sample: int, seed: int, timeout_s: float, python: str) -> None:
    """Print each survivor with its change as it is found, and the score of each folder."""
    drawn = [(folder, one) for folder in TESTS for one in mutants(folder)]
    print(f"{len(drawn)} mutants, {sample} of them drawn with seed {seed}", flush=True)
    killed, tried = Counter(), Counter()
    for folder, one in random.Random(seed).sample(drawn, min(sample, len(drawn))):
        options = "-q -x -p no:cacheprovider -p no:randomly"
        command = f"{shlex.quote(python)} -m pytest {options} {GOLDEN} {TESTS[folder]}"
        result = mutate_and_test([one], command, timeout_s)
        tried[folder] += 1
        killed[folder] += result.test_outcome != TestOutcome.SURVIVED
        print(result.test_outcome.value, one.module_path, one.start_pos, one.operator_name)
        if result.test_outcome == TestOutcome.SURVIVED:
            print(result.diff)
        sys.stdout.flush()
    for folder in tried:
        print(f"{folder}: {killed[folder]} of {tried[folder]} killed")
    print(f"all: {killed.total()} of {tried.total()} killed")


def main() -> None:
    """Mutate a copy, so that an interrupted run leaves nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=600, help="seconds per mutant")
    parser.add_argument("--python", default=sys.executable, help="runs the tests")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                left = shutil.ignore_patterns("__pycache__", "*.safetensors", "*.sd")
                shutil.copytree(source, Path(folder) / name, ignore=left)
            else:
                shutil.copy(source, folder)
        os.chdir(folder)
        os.environ["PYTHONPATH"] = folder
        run(chosen.sample, chosen.seed, chosen.timeout, chosen.python)


if __name__ == "__main__":
    main()
