"""Kill commands as they run, and run them again: ``python tests/faults/kills.py --each 100``.

Each command is killed after every call that changes a folder, and then at random times, by SIGKILL
or SIGTERM, all its processes or the first alone. Afterwards no file may be half written and no
process be left, and the same command must end with the same files as one that was never disturbed.
Prints a table; 1 where anything is wrong.
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

SHARED = Path(__file__).parent.parent / "shared"
HEADS = ("command", "calls", "kills", "hit while it ran", "half files", "other results", "left")


def main(arguments=None):
    """Kill the commands that are asked for."""
    sys.path.insert(0, str(SHARED))
    from small_commands import COMMANDS, write_inputs

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=100, help="Kills at random times per command.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS, action="append")
    parser.add_argument("--no-calls", action="store_true", help="Random times alone.")
    parser.add_argument(
        "--seconds", type=float, default=3600.0, help="For all; a slow command gets fewer kills."
    )
    asked = parser.parse_args(arguments)
    names = asked.command or [*COMMANDS]
    wrong = 0
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        inputs = write_inputs(Path(folder) / "inputs")
        until = time.monotonic() + asked.seconds
        for place, name in enumerate(names):
            share = (until - time.monotonic()) / (len(names) - place)
            wrong += _row(name, inputs, Path(folder) / "work", asked, share)
    return int(wrong > 0)


def _row(name, inputs, folder, asked, seconds):
    """Try a command and print its row; how many kills went wrong."""
    from killed_commands import Trial

    trial = Trial(name, inputs, folder)
    calls = [] if asked.no_calls else [*_after_calls(trial)]
    kills = [*_at_random_times(trial, random.Random(f"{name} {asked.seed}"), asked.each, seconds)]
    every = [*calls, *kills]
    half = sum(bool(verdict.half) for _, verdict in every)
    different = sum(bool(verdict.different) for _, verdict in every)
    hit = sum(verdict.hit for _, verdict in kills)
    left = sum(bool(verdict.left) for _, verdict in kills)
    row = (name, len(calls), len(kills), hit, half, different, left)
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    bad = [(when, v.faults) for when, v in every if v.faults]
    for when, faults in bad:
        print(f"{name}, {when}: {faults}", file=sys.stderr, flush=True)
    return len(bad)


def _after_calls(trial):
    for count in itertools.count(1):
        verdict = trial.after_call(count)
        if verdict is None:
            return
        yield f"call {count}", verdict


def _at_random_times(trial, rng, each, seconds):
    from killed_commands import ENDINGS

    until = time.monotonic() + seconds
    for _ in range(each):
        at, (number, group) = rng.uniform(0, trial.seconds), rng.choice(ENDINGS)
        if time.monotonic() < until:
            yield f"{number.name} at {at:.3f} s, group {group}", trial.at(at, number, group)


if __name__ == "__main__":
    sys.exit(main())
