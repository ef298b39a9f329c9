"""What a point of a sweep costs, and what a matrix of machines and networks does.

    python -m benchmarks.sweep_cost [ROW ...]

Prints processor seconds, and the same in yardsticks of the same minute, beside their targets. A
yardstick sorts two million numbers three times; how long that takes differs by processor, and on
one that others use as well from minute to minute. Where numba is installed every row that it
concerns is measured twice, without it and with it. A ROW is a word of a row: point, warm, matrix,
deeplab, scnn.

The points are those of ResNet50 on SmartDeal, the mean of 50 within one sweep after another one of
the same kind, so that start-up, drawing and what the cache keeps are not in it. The whole commands
are processes of their own, start-up included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.__main__ import ARCHSIM, ONE_CORE, SEVEN
from benchmarks.same_results import FIVE

POINTS = 50
VARIED = {
    "dram": {"dram.bytes_per_cycle": [*range(14, 14 + POINTS + 1)]},
    "array": {"pe_slices.slices": [*range(8, 8 + 4 * (POINTS + 1), 4)]},  # four streams share them
}
DEEPLAB = ("run", "-w", "deeplab_v3_plus_sd", "-a", "scnn", "--set", "pe_array.banks_model=exact")
LAYERS = ("--layers", "layer1.0.*")
COMPILES = (
    "run",
    "-w",
    "resnet50_sd",
    *LAYERS,
    "-a",
    "scnn",
    "-a",
    "bit_pragmatic",
    "-a",
    "diannao",
)
QUIET = ("--quiet", "--jobs", "1", "--no-figures")


@dataclass(frozen=True)
class Row:
    """What is measured, and in how many seconds it should be done, without numba and with it."""

    word: str
    work: str
    command: tuple[str, ...]
    target: float | None
    fast: float | None = None
    warm: bool = False


def rows() -> list[Row]:
    """All rows."""
    here = (sys.executable, "-m", "benchmarks.sweep_cost", "--of")
    five = tuple(word for name in FIVE for word in ("-a", name))
    seven = tuple(word for name in SEVEN for word in ("-w", name))
    warm = ("run", "-w", "resnet50_sd", "-a", "smartdeal", "--quiet")
    return [
        Row("point", "a point: DRAM bandwidth", (*here, "dram"), 0.30),
        Row("point", "a point: prices", (*here, "prices"), 0.02),
        Row("point", "a point: the array", (*here, "array"), 1.2),
        Row("warm", "`archsim run`, everything kept", (*ARCHSIM, *warm), 0.7, warm=True),
        Row(
            "scnn", "ResNet50 on SCNN",
            (*ARCHSIM, "run", "-w", "resnet50_sd", "-a", "scnn", *QUIET), 4.0, 2.0,
        ),
        Row("deeplab", "DeepLabV3+ on SCNN, exactly", (*ARCHSIM, *DEEPLAB, *QUIET), None, 30.0),
        Row(
            "matrix", "five machines x seven networks",
            (*ARCHSIM, "compare", *five, *seven, *QUIET), 45.0, 27.0,
        ),
    ]  # fmt: skip


def yardstick() -> float:
    """Processor seconds of sorting two million numbers three times."""
    numbers = np.random.default_rng(0).random(2_000_000)
    start = time.process_time()
    for _ in range(3):
        np.sort(numbers)
    return time.process_time() - start


def of_points(kind: str, folder: Path) -> float:
    """Processor seconds of a point, the mean of POINTS in this process."""
    import archsim

    ((key, values),) = (VARIED.get(kind) or {"energy": tables(folder)}).items()
    archsim.sweep("resnet50_sd", "smartdeal", vary={key: values[:1]})
    start = time.process_time()
    frame = archsim.sweep("resnet50_sd", "smartdeal", vary={key: values[1:]})
    seconds = time.process_time() - start
    assert len(frame) == POINTS
    assert frame["cycles"].gt(0).all()
    return seconds / POINTS


def tables(folder: Path) -> list[str]:
    """Price tables, each with another price of DRAM."""
    files = [folder / f"prices_{at}.yaml" for at in range(POINTS + 1)]
    base = Path("archs/units/table1_28nm.yaml").resolve()
    for at, file in enumerate(files):
        file.write_text(
            f"format: archsim-energy/1\nname: table {at}\nsource: a benchmark\n"
            f"extends: {base}\nclasses:\n  Dram: {{read: {100 + at}, write: {100 + at}}}\n"
        )
    return [str(file) for file in files]


def measured(row: Row, fast: bool) -> float:
    """Processor seconds of a row, with an empty cache, or one that a first run has filled."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"ARCHSIM_CACHE": f"{folder}/cache", "ARCHSIM_FAST": str(int(fast))}
        words = row.command if "--of" in row.command else (*row.command, "--out", f"{folder}/out")
        # Python compiles its modules and numba its loops once an installation.
        compiles = (*ARCHSIM, *COMPILES, *QUIET, "--no-cache", "--out", f"{folder}/first")
        subprocess.run(compiles, env={**ONE_CORE, **own}, check=True)
        found = 0.0
        for _ in range(1 + row.warm):
            start = os.times()
            done = subprocess.run(
                words, env={**ONE_CORE, **own}, check=True, stdout=subprocess.PIPE, text=True
            )
            end = os.times()
            spent = end.children_user - start.children_user
            found = spent + end.children_system - start.children_system
        return float(json.loads(done.stdout)) if "--of" in words else found


def lines(chosen: Sequence[str]) -> Iterator[str]:
    """The rows of the Markdown table, as they are measured."""
    numba = find_spec("numba") is not None
    yield "| work | | target | seconds | yardsticks | one is |"
    yield "|---|---|---|---|---|---|"
    for row in rows():
        if chosen and row.word not in chosen:
            continue
        for fast, target in ((False, row.target), (True, row.fast)):
            if target is None or (fast and not numba):
                continue
            before = yardstick()
            seconds = measured(row, fast)
            one = (before + yardstick()) / 2
            how = "numba" if fast else ""
            cells = (row.work, how, f"{target:g} s", f"{seconds:.3g}", f"{seconds / one:.3g}")
            yield f"| {' | '.join(cells)} | {one:.2f} s |"


def main(words: Sequence[str], say: Callable[[str], Any]) -> None:
    """Print the table, or the seconds of a point."""
    if words[:1] == ["--of"]:
        with tempfile.TemporaryDirectory() as folder:
            say(json.dumps(of_points(words[1], Path(folder))))
        return
    for line in lines(words):
        say(line)


if __name__ == "__main__":
    main(sys.argv[1:], lambda text: print(text, flush=True))
