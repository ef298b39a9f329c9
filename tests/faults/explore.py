"""Property tests with other draws, round after round: ``python tests/faults/explore.py --seed 7``.

`make test` draws the same examples each time. Here each round has a seed of its own, which is told,
and a test that fails prints the example that it fails on.
"""

import argparse
import itertools
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(seed):
    """What a round runs."""
    chosen = ["-m", "hypothesis", "--hypothesis-profile", "explore", f"--hypothesis-seed={seed}"]
    return [sys.executable, "-m", "pytest", "-q", "-n", "auto", *chosen]


def main(arguments=None):
    """Run rounds until the time is over; 1 where a test failed. The last round is cut off."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=0, help="Round K has seed SEED * 1000 + K.")
    asked = parser.parse_args(arguments)
    until = time.monotonic() + asked.seconds
    for number in itertools.count(asked.seed * 1000):
        try:
            left = until - time.monotonic()
            done = subprocess.run(
                command(number), cwd=ROOT, timeout=left, check=False, capture_output=True, text=True
            )
        except subprocess.TimeoutExpired:
            print(f"property tests: round {number} was cut off by the end of the time", flush=True)
            return 0
        print(f"property tests, seed {number}: {done.stdout.splitlines()[-1]}", flush=True)
        if done.returncode:
            print(done.stdout, done.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
