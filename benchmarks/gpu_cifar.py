"""ResNet-18 and MobileNetV2 on CIFAR-10, all arms, in parts that each end in minutes of a GPU.

    python -m benchmarks.gpu_cifar --list
    python -m benchmarks.gpu_cifar resnet18-fine_tuning-0 --data FILE.npz --out DIR
    python -m benchmarks.gpu_cifar --table DIR...

A part is a network, a task and a seed. It pre-trains, trains every arm from there and tests them:
nothing of one part is needed by another, so each may run on a machine that is bare and goes away.
DIR gets `PART.json`, the settings and, once all arms are tested, what came out; `PART.log.jsonl`,
an epoch a line, is there after every arm and minute. Networks stay in --scratch. Schedules are
those of the shipped files with fewer epochs, which the JSON says. No part has been run on a GPU.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from sdalgo.training.checkpoint import LOG
from sdalgo.training.config import Experiment, load_experiment
from sdalgo.training.experiment import Runner
from sdalgo.training.schedule import Schedule
from sdalgo.training.summary import spread

NETWORKS = ("resnet18", "mobilenet_v2")
TASKS = ("fine_tuning", "adaptation")
SEEDS = (0, 1, 2)
PRETRAINED, TRAINED = 30, 20  # epochs of 22 500 images
READINGS = Path("cifar10_resnet20_fine_tuning")
"""The shipped file whose arms are all readings of the switch."""
MINUTE = 60.0


def parts() -> list[str]:
    """Names of all parts."""
    return [f"{net}-{task}-{seed}" for net in NETWORKS for task in TASKS for seed in SEEDS]


def experiment(asked: argparse.Namespace) -> Experiment:
    """Return what a part trains: a shipped file with fewer epochs, and all readings as arms.

    Raises:
        InputError: there is no such part.
    """
    if asked.part not in parts():
        raise InputError.at(asked.part, f"no such part; --list names them: {parts()[0]} ...")
    name, task, seed = asked.part.split("-")
    shipped = load_experiment(Path(f"cifar10_{name}_{task}"))
    values = shipped.model_dump(mode="json")
    first, then = asked.epochs
    return Experiment.model_validate(values | {
        "name": asked.part, "seeds": [int(seed)], "arms": load_experiment(READINGS).arms,
        "data": values["data"] | {
            "folder": str(asked.data), "train": asked.images, "test": asked.images
        },
        "pretrain": shorter(shipped.pretrain, first), "train": shorter(shipped.train, then),
        "memory_format": "channels_last",
        "autocast": "bfloat16" if asked.device == "cuda" else "none",  # CPUs may lack its units
    })  # fmt: skip


def shorter(schedule: Schedule, epochs: int) -> dict[str, Any]:
    """Return a schedule of so many epochs that begins to average at the same share of them."""
    start = schedule.swa_start
    if start is not None:
        start = max(1, min(epochs, round(start * epochs / max(1, schedule.epochs))))
    return schedule.model_dump() | {"epochs": epochs, "swa_start": start}


class Kept:
    """What stays of a part: its JSON after each arm and each minute, and the log of its epochs."""

    def __init__(self, part: str, out: Path, scratch: Path, settings: dict[str, Any]) -> None:
        self.begun = self.last = time.monotonic()
        self.file, self.log = out / f"{part}.json", out / f"{part}.log.jsonl"
        self.runs = scratch / part
        self.found: dict[str, Any] = {"part": part, "settings": settings, "finished": False}
        out.mkdir(parents=True, exist_ok=True)
        self.write()

    def write(self) -> None:
        """Write the JSON and the log as they are now."""
        self.last = time.monotonic()
        self.found["seconds"] = round(self.last - self.begun, 1)
        write_atomically(self.file, json.dumps(self.found, indent=1).encode() + b"\n")
        write_atomically(self.log, "".join(self.epochs()).encode())

    def epochs(self) -> Iterator[str]:
        """A line an epoch of each run so far."""
        for log in sorted(self.runs.glob(f"*/{LOG}")):
            for line in log.read_text().splitlines():
                yield json.dumps({"run": log.parent.name, **json.loads(line)}) + "\n"

    def tick(self, epoch: int, epochs: int, run: str) -> None:
        """Say where a training is, once a minute."""
        if time.monotonic() - self.last >= MINUTE:
            self.write()
            self.say(f"{run}: epoch {epoch} of {epochs}")

    def say(self, line: str) -> None:
        """Say it, with the seconds since the start."""
        print(f"{time.monotonic() - self.begun:7.1f} s  {line}", flush=True)


def train(asked: argparse.Namespace) -> None:
    """Run one part."""
    made = experiment(asked)
    kept = Kept(asked.part, asked.out, asked.scratch, made.model_dump(mode="json"))

    def told(line: str) -> None:
        kept.write()
        kept.say(line)

    kept.found["arms"] = Runner(made, kept.runs, kept.tick, told, asked.device).run()["arms"]
    kept.found["finished"] = True
    kept.write()


def table(folders: list[Path]) -> str:
    """Mean and spread of the test accuracy of each arm over the finished parts of some folders."""
    accuracy: dict[tuple[str, str], list[float]] = {}
    for file in sorted(path for folder in folders for path in folder.glob("*.json")):
        found = json.loads(file.read_text())
        if not found.get("finished"):
            continue
        network, task, _ = found["part"].split("-")
        for row in found["arms"]:
            key = f"{network} {task}", row["arm"]
            accuracy.setdefault(key, []).append(100 * row["test_accuracy"])
    if not accuracy:
        raise InputError.at(", ".join(map(str, folders)), "no finished part")
    lines = [f"{'part':28} {'arm':14} seeds   top-1   +-"]
    for (which, arm), values in accuracy.items():
        mean, apart = statistics.fmean(values), spread(values)
        lines.append(f"{which:28} {arm:14} {len(values):5d}  {mean:6.2f}  {apart:4.2f}")
    return "\n".join(lines)


def main() -> int:
    """Run what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("--out", type=Path, default=Path("results/gpu_cifar"))
    parser.add_argument("--scratch", type=Path, default=Path("results/gpu_cifar/runs"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--epochs", nargs=2, type=int, default=(PRETRAINED, TRAINED))
    parser.add_argument("--images", type=int, help="of the training and the test set; all")
    asked = parser.parse_args()
    try:
        if asked.list or asked.table:
            print(table(asked.table) if asked.table else "\n".join(parts()))
        elif asked.part:
            train(asked)
        else:
            parser.error("a part, --list or --table")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
