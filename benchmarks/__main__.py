"""Print the table of budgets with what was measured here, and on what.

    python -m benchmarks [--install]

Every row is a fresh process on one core with nothing kept from before, the better of two runs: its
processor seconds, which a busy computer changes less than the clock on the wall, and its peak
memory. Start-up is the same command on a workload of no size, figures included. With --install the
core is installed into a new environment as well, which fetches packages.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archsim.arch.arch import load_arch
from archsim.formats.search import names
from benchmarks.deep_and_large import chain, large, planes, trained

RUNS = 2
LARGE_SECONDS = 60.0
PLANE_SECONDS = 300.0
MEGA = 1e6
KIB = 1024
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ONE_CORE.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command compiles every module again
ARCHSIM = (sys.executable, "-m", "archsim")
OUT = "OUT"  # stands for a new folder
SEVEN = (
    "vgg11_sd", "resnet50_sd", "mobilenet_v2_sd", "efficientnet_b0_sd", "vgg19_sd", "resnet164_sd",
    "deeplab_v3_plus_sd",
)  # fmt: skip
SDALGO_CORE = str(Path(__file__).with_name("sdalgo_core.py"))


@dataclass(frozen=True)
class Measured:
    """Processor seconds, those of its children included, and peak resident megabytes."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Budget:
    """One row: what is run, what it may take, and the command that does nothing but start; None
    where there is no budget or no start-up to tell apart."""

    work: str
    command: Sequence[str]
    seconds: float
    megabytes: float | None = None
    start: Sequence[str] | None = None


def budgets() -> list[Budget]:
    """The rows that one command each can measure."""
    core = (sys.executable, SDALGO_CORE)
    machines = [name for name in names("archs") if load_arch(name).task == "inference"]
    return [
        Budget("`archsim --help`", (*ARCHSIM, "--help"), 0.5),
        *(
            _network(f"ResNet50 on {name}", 8.0 if name == "scnn" else 3.0, 500, "--arch", name)
            for name in machines
        ),
        _network("ResNet50 on all inference machines", 12.0, 1000),
        Budget(
            "all inference machines x seven networks",
            _matrix(*SEVEN),
            60.0,
            start=_matrix("tiny_sd"),
        ),
        Budget("`sdalgo` core, ResNet50", core, 4.0, start=(*core, "--weights-only")),
    ]


def heavy_budgets(folder: Path) -> list[Budget]:
    """Rows of workloads that are written to `folder`: thousands of layers, and large single ones.

    A large layer may take its time: what is bounded is its memory.
    """
    deep = chain(folder, 3200)
    machines = [name for name in names("archs") if load_arch(name).task == "inference"]
    return [
        Budget("3,200 layers on diannao", _run(deep, "diannao"), 10.0, 300),
        Budget("3,200 layers on smartdeal", _run(deep, "smartdeal"), 20.0, 300),
        Budget("5,000 layers on diannao", _run(chain(folder, 5000), "diannao"), 16.0, 400),
        *(
            Budget(f"{layer} on {name}", _run(path, name), LARGE_SECONDS, 600)
            for layer, path in large(folder).items()
            for name in machines
        ),
        *(
            Budget(f"{layer}, trained", _run(path, "training_accelerator"), LARGE_SECONDS, 600)
            for layer, path in trained(folder).items()
        ),
        *(
            Budget(f"{layer} on {name}", _run(path, name), PLANE_SECONDS, 4000)
            for layer, path in planes(folder).items()
            for name in machines
        ),
    ]


def _run(workload: Path, machine: str) -> tuple[str, ...]:
    quiet = ("--quiet", "--jobs", "1", "--out", OUT, "--no-cache", "--no-figures")
    return (*ARCHSIM, "run", *quiet, "--workload", str(workload), "--arch", machine)


def _network(work: str, seconds: float, megabytes: float, *arguments: str) -> Budget:
    def run(workload: str) -> tuple[str, ...]:
        quiet = ("--quiet", "--jobs", "1", "--out", OUT)
        return (*ARCHSIM, "run", *quiet, "--workload", workload, *arguments)

    return Budget(work, run("resnet50_sd"), seconds, megabytes, run("tiny_sd"))


def _matrix(*workloads: str) -> tuple[str, ...]:
    named = (word for name in workloads for word in ("--workload", name))
    return (*ARCHSIM, "compare", "--quiet", "--jobs", "1", "--out", OUT, *named)


def measure(command: Sequence[str]) -> Measured:
    """Run `command` in a process of its own, with an empty cache and an empty results folder."""
    with tempfile.TemporaryDirectory() as folder:
        placed = [folder if word == OUT else word for word in command]
        return _measure(placed, {**ONE_CORE, "ARCHSIM_CACHE": f"{folder}/cache"})


def _measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    pid = os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Measured(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB / MEGA)


def best(command: Sequence[str]) -> Measured:
    """The faster of the runs."""
    return min((measure(command) for _ in range(RUNS)), key=lambda one: one.seconds)


def install() -> tuple[Measured, float]:
    """Install the core into a new environment; the megabytes of the environment come second."""
    with tempfile.TemporaryDirectory() as folder:
        measure((sys.executable, "-m", "venv", folder))
        python = f"{folder}/bin/python"
        done = measure(
            (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".")
        )
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return done, sum(path.stat().st_size for path in files) / MEGA


def processor() -> str:
    """The name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    names = (
        [
            line.partition(":")[2].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        if info.exists()
        else []
    )
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def line(budget: Budget) -> str:
    """The row of the Markdown table, measured."""
    got = best(budget.command)
    start = best(budget.start).seconds if budget.start else 0.0
    fits = budget.megabytes is None or got.megabytes <= budget.megabytes
    holds = got.seconds - start <= budget.seconds and fits
    cells = (
        budget.work,
        _said(budget.seconds, budget.megabytes),
        f"{start:.2f} s" if budget.start else "",
        _said(got.seconds - start, got.megabytes),
        "yes" if holds else "no",
    )
    return f"| {' | '.join(cells)} |"


def _said(seconds: float, megabytes: float | None) -> str:
    return f"{seconds:.2f} s" + (f", {megabytes:.0f} MB" if megabytes is not None else "")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; with ``--help`` or a wrong word the process ends here."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--install", action="store_true", help="also install the core, which fetches packages"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], say: Callable[[str], object]) -> None:
    """Measure every row and print the table."""
    asked = options(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    say(f"{processor()}, CPython {platform.python_version()}\n")
    say("| work | budget | start-up | measured | holds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for budget in [*budgets(), *heavy_budgets(Path(folder))]:
            say(line(budget))
    if asked.install:
        got, size = install()
        holds = "yes" if got.seconds <= 60 and size <= 250 else "no"
        said = f"{_said(60, 250)} | | {_said(got.seconds, size)}"
        say(f"| core install, without torch | {said} | {holds} |")


if __name__ == "__main__":
    main(sys.argv[1:], lambda text: print(text, flush=True))
