"""Shipped YAML files with one thing wrong: ``python tests/faults/mutations.py --count 20000``.

What `archsim validate` calls right is run, and must end or be refused with a place; what it refuses
must have a place too. Every file of archs/ and workloads/ has its share, large workloads a small
one, for the arrays of each have to be drawn. Prints a line per file; 1 where any was wrong.
"""

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LARGE_BYTES = 30_000  # a workload of more is drawn for seconds
LARGE_SHARE = 20  # mutants of each of those
CHANGES = {"ablations", "scenarios", "switches"}
CHANGES_SHARE = 150  # each runs up to seven machines


def main(arguments=None):
    """Try so many mutants of all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="Mutant K of a file has SEED + K.")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args(arguments)
    shares = shares_of(asked.count)
    wrong = 0
    with ProcessPoolExecutor(asked.jobs, initializer=_find_shared) as pool:
        tried = pool.map(partial(try_file, seed=asked.seed), shares, shares.values())
        for path, (refused, faults) in zip(shares, tried, strict=True):
            counts = f"{shares[path]} mutants, {refused} refused, {len(faults)} wrong"
            print(f"{path}: {counts}", flush=True)
            for fault in faults:
                print(f"  {fault}", flush=True)
            wrong += len(faults)
    print(f"{sum(shares.values())} mutants, {wrong} wrong")
    return int(wrong > 0)


def shares_of(count):
    """How many mutants each shipped file has, by its path in the repository; `count` in all."""
    paths = [*ROOT.glob("archs/**/*.yaml"), *ROOT.glob("workloads/*.yaml")]
    named = {path.relative_to(ROOT): path for path in sorted(paths)}
    shares = {}
    for name, path in named.items():
        if name.parts[0] == "workloads" and path.stat().st_size > LARGE_BYTES:
            shares[name] = min(LARGE_SHARE, count)
        elif CHANGES & {*name.parts}:
            shares[name] = min(CHANGES_SHARE, count)
    others = [name for name in named if name not in shares]
    left = max(0, count - sum(shares.values()))
    for place, name in enumerate(others):
        shares[name] = left // len(others) + (place < left % len(others))
    return shares


def try_file(name, count, seed):
    """How many mutants of a file were refused, and what was wrong with others."""
    from mutants import mutant
    from validated_runs import fault_of

    refused, faults = 0, []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / name.parts[0], Path(folder) / name.parts[0])
        for number in range(seed, seed + count):
            what, text = mutant(ROOT / name, number)
            path = Path(folder) / name
            path.write_text(text)
            outcome = fault_of(path)
            refused += outcome == ""
            faults += [f"{what}: {outcome}"] if outcome else []
    return refused, faults


def _find_shared():
    sys.path.insert(0, str(ROOT / "tests" / "shared"))


if __name__ == "__main__":
    sys.exit(main())
