"""A slice of the Verilog as Icarus runs it: cases into files, its log into times and sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsim.analysis.cosim import icarus
from archsim.analysis.cosim.case import Case, Engine, Job
from archsim.analysis.cosim.operands import format_of
from archsim.machines.smartdeal.parts import Parts

BYTE, INPUT, OFFSET, TILE = 8, 9, 10, 16
DEPTH, TRIPLE = 24, 3
SLICE = ("booth_mac", "rebuild_engine", "pe_line", "adder_tree", "pe_slice")
"""The modules that a slice is made of."""


@dataclass(frozen=True)
class Log:
    """What the Verilog did in one case: cycles of its jobs, line by line in their order, when tiles
    opened, and the sums of the adder tree, (tiles, segments, positions).
    """

    starts: list[list[int]]
    ends: list[list[int]]
    opens: list[int]
    sums: list[list[int]]


def parameters(cases: Sequence[Case], machine: Parts) -> dict[str, int]:
    """The testbench's parameters: the machine's, and as wide as the cases need."""
    form, lines, macs = format_of(machine), machine.slices.lines, machine.array.macs
    rows = [len(e.codes) for case in cases for job in case.jobs for e in job.engines]
    wide = [len(job.values) for case in cases for job in case.jobs if not case.linear]
    columns = max([TRIPLE, *wide])
    deep = [_span(job, case, macs) for case in cases for job in case.jobs]
    return {
        "CASES": len(cases),
        "JOBS": max(1, sum(len(case.jobs) for case in cases)),
        "LINES": lines,
        "LEVELS": max(1, (lines - 1).bit_length()),
        "BARRIER": machine.slices.barrier_cycles,
        "MACS": macs,
        "DEPTH": max([DEPTH, 2 * macs, *deep]),
        "ROWS": max([TRIPLE, *rows]),
        "COLUMNS": columns,
        "WEIGHT": form.weight_bits,
        "LARGEST_SHIFT": form.largest_shift,
        "NEAREST": int(form.rounding == "nearest"),
        "CLIP": int(form.saturation == "clip"),
        # A slice that has stopped is one that takes so much longer than the rule says.
        "LIMIT": 1000 + 2 * max(int(case.opens[-1]) for case in cases),
    }


def _span(job: Job, case: Case, macs: int) -> int:
    """Inputs of the FIFO that a job needs."""
    weights = len(job.values)
    if case.steps is None:
        return weights * macs
    apart, move = case.steps
    return (weights - 1) * move + (macs - 1) * apart + 1


def fifo(job: Job, case: Case, macs: int) -> dict[int, int]:
    """What stands where in a bank."""
    apart, move = case.steps or (1, macs)
    weights, pixels = job.values.shape
    return {
        weight * move + pixel * apart: int(job.values[weight, pixel])
        for weight in range(weights)
        for pixel in range(pixels)
    }


def packed(fields: Sequence[tuple[int, int]]) -> str:
    """Hexadecimal of fields (value, bits), the first one highest; negative ones as complements."""
    word, bits = 0, 0
    for value, width in fields:
        word = word << width | (value & ((1 << width) - 1))
        bits += width
    return f"{word:0{-(-bits // 4)}x}"


def _lowest_first(values: Sequence[int], count: int, bits: int) -> tuple[int, int]:
    """Values as one field, the first one lowest, zeros behind."""
    word = 0
    for place, value in enumerate(values):
        word |= (value & ((1 << bits) - 1)) << (bits * place)
    return word, count * bits


def _of_engines(engines: Sequence[Engine], sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """The fields of a job that each cluster has its own of."""
    rows, columns = sizes["ROWS"], sizes["COLUMNS"]
    fields: dict[str, list[tuple[int, int]]] = {"codes": [], "raw": [], "basis": [], "offset": []}
    for engine in engines:
        flat = np.zeros((rows, columns), np.int64)
        if engine.basis is not None:
            flat[: engine.basis.shape[0], : engine.basis.shape[1]] = engine.basis[:, :columns]
        fields["codes"].append(_lowest_first(engine.codes, rows, BYTE))
        fields["raw"].append(_lowest_first(engine.raw[:columns], columns, BYTE))
        fields["basis"].append(_lowest_first(flat.reshape(-1).tolist(), rows * columns, BYTE))
        fields["offset"].append((engine.offset, OFFSET))
    return {
        name: _lowest_first([value for value, _ in found], 2, found[0][1])
        for name, found in fields.items()
    }


def _words(case: Case, line: int, sizes: dict[str, int]) -> Iterator[str]:
    """The jobs of a line in the words of tb_slice.v."""
    held: dict[int, tuple[int, int]] = {}
    turn = 1  # the engine that takes the first job
    for job in case.jobs:
        if job.line != line:
            continue
        own = (job.gate, job.basis)
        load = not job.raw and held.get(turn) != own
        held[turn] = own
        turn = turn if case.linear else 1 - turn
        engine = _of_engines(job.engines, sizes)
        bank = fifo(job, case, sizes["MACS"])
        inputs = sum((value & 0x1FF) << (INPUT * place) for place, value in bank.items())
        weights, pixels = job.values.shape
        yield packed(
            [
                (job.gate, TILE),
                (job.tile, TILE),
                (weights, BYTE),
                (sizes["MACS"] if case.linear else pixels, BYTE),
                (int(job.raw), 1),
                (job.need, BYTE),
                engine["codes"],
                engine["raw"],
                (int(load), 1),
                engine["basis"],
                engine["offset"],
                (inputs, INPUT * sizes["DEPTH"]),
            ]
        )


def write_stimuli(cases: Sequence[Case], sizes: dict[str, int], where: Path) -> None:
    """Write the three files that tb_slice.v reads."""
    jobs, first, heads = [], [0], []
    for case in cases:
        for line in range(sizes["LINES"]):
            jobs += list(_words(case, line, sizes))
            first.append(len(jobs))
        apart, move = case.steps or (1, 0)
        begins = sum(1 << line for line in case.begins)
        heads.append(
            packed(
                [
                    (case.tiles, 32),
                    (int(case.linear), 1),
                    (int(apart == 2), 1),
                    (2 if case.steps is None else move - 1, 2),
                    (begins, sizes["LINES"]),
                ]
            )
        )
    idle = "0" * 4  # a file may not be empty
    for name, words in (("jobs", jobs or [idle]), ("cases", heads)):
        (where / f"{name}.hex").write_text("\n".join(words) + "\n")
    (where / "lines.hex").write_text("\n".join(f"{place:x}" for place in first) + "\n")


def run_slice(
    cases: Sequence[Case], machine: Parts, where: Path, sources: Path | None = None
) -> list[Log]:
    """Run all cases in one process of the simulator; one log per case."""
    sizes = parameters(cases, machine)
    write_stimuli(cases, sizes, where)
    inputs = [where / f"{name}.hex" for name in ("jobs", "lines", "cases")]
    log = icarus.run("tb_slice", SLICE, sizes, inputs, sources)
    return read_log(log, len(cases), machine.slices.lines)


def read_log(path: Path, cases: int, lines: int) -> list[Log]:
    """What tb_slice.v wrote. A case that stopped has fewer tiles than it should."""
    logs = [
        Log([[] for _ in range(lines)], [[] for _ in range(lines)], [0], []) for _ in range(cases)
    ]
    for text in path.read_text().splitlines():
        kind, *words = text.split()
        if kind in {"S", "E"}:
            case, line, cycle = map(int, words)
            (logs[case].starts if kind == "S" else logs[case].ends)[line].append(cycle)
        elif kind == "T":
            logs[int(words[0])].opens.append(int(words[2]))
        elif kind == "O":
            # What is undefined (x) equals no number.
            values = [int(word) if word.lstrip("-").isdigit() else 1 << 62 for word in words[1:]]
            logs[int(words[0])].sums.append(values)
    return logs
