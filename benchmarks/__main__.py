"""Print the table of budgets with what was measured here, and on what.

    python -m benchmarks [--install]

Every row is a fresh process on one core with nothing kept from before, start-up and figures
included, the better of two runs: its processor seconds, which a busy computer changes less than the
clock on the wall, and its peak memory. With --install the core is installed into a new environment
as well, which fetches packages.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RUNS = 2
MEGA = 1e6
KIB = 1024
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ARCHSIM = (sys.executable, "-m", "archsim")
SDALGO_CORE = str(Path(__file__).with_name("sdalgo_core.py"))


@dataclass(frozen=True)
class Measured:
    """Processor seconds, those of its children included, and peak resident megabytes."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Budget:
    """One row: what is run, and what it may take; None where memory has no budget."""

    work: str
    command: Sequence[str]
    seconds: float
    megabytes: float | None = None


def budgets(out: str) -> list[Budget]:
    """The rows that one command each can measure."""

    def run(*arguments: str) -> tuple[str, ...]:
        return (*ARCHSIM, "run", "--quiet", "--out", out, "--workload", "resnet50_sd", *arguments)

    machines = sorted(path.stem for path in Path("archs").glob("*.yaml"))
    return [
        Budget("archsim --help", (*ARCHSIM, "--help"), 0.5),
        *(
            Budget(
                f"resnet50_sd on {name}", run("--arch", name), 8.0 if name == "scnn" else 3.0, 500
            )
            for name in machines
            if name != "training_accelerator"
        ),
        Budget("resnet50_sd on all inference machines", run(), 12.0, 1000),
        Budget("sdalgo core, conv layers of ResNet50", (sys.executable, SDALGO_CORE), 4.0),
    ]


def measure(command: Sequence[str]) -> Measured:
    """Run `command` in a process of its own, with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        return _measure(command, {**ONE_CORE, "ARCHSIM_CACHE": cache})


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


def row(work: str, budget: str, measured: str, holds: bool) -> str:
    """A line of the Markdown table."""
    return f"| {work} | {budget} | {measured} | {'yes' if holds else 'no'} |"


def _said(seconds: float, megabytes: float | None) -> str:
    return f"{seconds:.3g} s" + (f", {megabytes:.0f} MB" if megabytes is not None else "")


def main(arguments: Sequence[str], say: Callable[[str], object]) -> None:
    """Measure every row and print the table."""
    say(f"{processor()}, CPython {platform.python_version()}\n")
    say("| work | budget | measured: processor s, peak MB | holds |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as out:
        for budget in budgets(out):
            got = best(budget.command)
            holds = got.seconds <= budget.seconds and (
                budget.megabytes is None or got.megabytes <= budget.megabytes
            )
            say(
                row(
                    budget.work,
                    _said(budget.seconds, budget.megabytes),
                    _said(got.seconds, got.megabytes),
                    holds,
                )
            )
    if "--install" in arguments:
        got, size = install()
        say(
            row(
                "core install, without torch",
                _said(60, 250),
                _said(got.seconds, size),
                got.seconds <= 60 and size <= 250,
            )
        )


if __name__ == "__main__":
    main(sys.argv[1:], lambda line: print(line, flush=True))
