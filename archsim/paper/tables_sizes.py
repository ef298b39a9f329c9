"""Fig. 3 and Tables II to IV: sizes, operations and zeros.

What shapes and printed densities decide is computed here; what takes weights or images is read from
the files of `sdalgo paper`, or the missing command is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archsim.paper import ablation_table as ablation
from archsim.paper import kept
from archsim.paper import size_tables as sizes
from archsim.paper.printed import Printed, Span, table
from archsim.paper.report import Grids, Line, Report

SDALGO_LABEL = "sdalgo:"  # how lines begin that `sdalgo paper` computed
RULES = {
    "operations": "densities of single layers, which are not printed",
    "size": "what the index costs: a bit an element, as in row 4+",
    "bits": "the index: a bit an element, as appendix B says; none for all-zero slices gives more",
    "rate": "rounding of the printed sizes",
    "basis": "bits of a basis entry: 16 fit, the paper says 8",
    "original": "which layers are counted",
}


def fig3(out: Path) -> Report:
    """Zero bits, digits and vectors of activations."""
    lines, missing = sdalgo_lines(out, "fig3")
    return Report(
        "fig3", "Zeros in activations", table("figures")["fig3"]["where"], lines, missing=missing
    )


def table2(out: Path) -> Report:
    """Operations and sizes of fourteen ResNet18 models."""
    lines = []
    for row in ablation.rows():
        ours = ablation.operations(row)
        what = f"row {row.name}, MFLOPs"
        lines.append(_spanned(what, row.mflops, ours, RULES["operations"]))
        computed = ablation.size(row)
        if computed is None:
            bits = ablation.code_bits(row)
            what = f"row {row.name}, bits a non-zero for {row.size.text} MiB"
            meets = bits.meets(ablation.CODE_BITS)
            lines.append(Line(what, "2 to 3.5", bits.middle, None, meets, RULES["bits"]))
        else:
            size, how = computed
            lines.append(_spanned(f"row {row.name}, MiB", row.size, size, how))
    more, missing = sdalgo_lines(out, "table2")
    return Report(
        "table2",
        "Components of SmartDeal on ResNet18, CIFAR-10",
        table("table2")["where"],
        [*lines, *_labelled(more)],
        tables=[_arms()],
        notes=["accuracies need CIFAR-10 and re-training, energies an FPGA: not computed"],
        missing=missing,
    )


def size_table(name: str, out: Path) -> Report:
    """``table3`` or ``table4``: rates, code lengths and sizes."""
    lines: list[Line] = []
    missing = []
    for row in sizes.size_rows(name):
        if row.rate is not None:
            rate = row.implied_rate
            lines.append(_spanned(f"{row.label}, CR", row.rate, rate, RULES["rate"]))
        bits = row.code_bits
        meets = bits.meets(ablation.CODE_BITS)
        what = f"{row.label}, bits a non-zero"
        lines.append(Line(what, "2 to 3.5", bits.middle, None, meets, RULES["rate"]))
        if not sizes.is_there(row.workload):
            missing.append(f"sdalgo build {row.workload}")
        elif row.ordinal == 1:
            lines += _from_shapes(row)
    more, others = sdalgo_lines(out, name)
    return Report(
        name,
        "Sizes of decomposed networks, 10^6 bytes",
        table(name)["where"],
        [*lines, *_labelled(more)],
        notes=["accuracies need the data sets and re-training: not computed"],
        missing=[*dict.fromkeys(missing), *others],
    )


def _from_shapes(row: sizes.SizeRow) -> list[Line]:
    whole, basis = sizes.original_size(row), sizes.basis_size(row)
    close = abs(whole - row.original.value) <= 0.01 * row.original.value
    return [
        Line(
            f"{row.network}, 32-bit weights", row.original.text, whole,
            whole / row.original.value, close, RULES["original"],
        ),
        Line(
            f"{row.network}, B at {sizes.BASIS_BITS} bits, nothing pruned", row.basis.text, basis,
            _ratio(basis, row.basis), row.basis.met_by(basis), RULES["basis"],
        ),
    ]  # fmt: skip


def sdalgo_lines(out: Path, name: str) -> tuple[list[Line], list[str]]:
    """The lines that `sdalgo paper NAME` left, and the command if it has left none."""
    rows = kept.sdalgo_rows(out, name)
    if rows is None:
        return [], [f"sdalgo paper {name}"]
    return [_sdalgo_line(row) for row in rows if row.get("paper") is not None], []


def _sdalgo_line(row: Mapping[str, Any]) -> Line:
    return Line(
        what=f"{row['row']}, {row['quantity']}, {row['unit']}",
        paper=f"{row['paper']:g}",
        ours=row["ours"],
        ratio=row["ratio"],
        meets=row["meets"],
        moved_by=row["how"],
    )


def _labelled(lines: Sequence[Line]) -> list[Line]:
    """Lines of sdalgo beside our own: they say whose they are."""
    return [
        Line(f"{SDALGO_LABEL} {one.what}", one.paper, one.ours, one.ratio, one.meets, one.moved_by)
        for one in lines
    ]


def _arms() -> Grids:
    found = table("table2")
    rows = [(name, [text]) for name, text in found["components"].items()]
    return Grids("Rows of Table II", ["row", "components"], rows)


def _spanned(what: str, printed: Printed, ours: Span, moved_by: str) -> Line:
    ratio = _ratio(ours.middle, printed)
    return Line(what, printed.text, ours.middle, ratio, ours.meets(printed.span), moved_by)


def _ratio(ours: float, printed: Printed) -> float | None:
    return ours / printed.value if printed.value else None
