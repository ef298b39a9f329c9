"""The rows of Table II on the FPGA of archs/edge/fpga.yaml, from what it prints of each model: its
size, its operations, and the word in which it computes (VI-A).

An inference reads its weights and every layer's inputs from DRAM once and writes every layer's
outputs once; an operation is half a multiply-accumulate. No buffer, no index and no static power is
in it, so gains are larger than a board's meter can show; their order is what is compared.
"""

from typing import Any

from archsim.arch.arch import load_arch
from archsim.paper.printed import data
from archsim.paper.shapes import MIB
from archsim.paper.size_tables import AblationRow, ablation_row, ablation_rows
from archsim.results.pricing import prices_of

MACHINE = "edge/fpga"
BYTES_8, BYTES_32 = 1, 4
EIGHT_BITS = frozenset({"7", "8", "8d", "SD", "SD-", "SDt", "SDtd"})
"""Rows whose activations have 8 bits; the others compute in 32-bit floating point (VI-A)."""
FLOAT_OVER_INT8 = 20.0
"""A multiply-accumulate of 32-bit floating point over one of 8-bit integers: 3.7 + 0.9 pJ over
0.2 + 0.03 pJ in 45 nm (Horowitz, "Computing's energy problem", ISSCC 2014)."""
SIDES = {3: 32, 64: 32, 128: 16, 256: 8, 512: 4}  # of planes by channels, on 32 x 32 images


def activation_elements() -> int:
    """Elements that the convolutions of ResNet18 read and write."""
    total = 0
    for layer in data("shapes")["resnet18"]["layers"].values():
        filters, channels, *_ = (int(part) for part in layer["shape"].split("x"))
        total += channels * SIDES[channels] ** 2 + filters * int(layer["side"]) ** 2
    return total


def edge_energy(row: AblationRow) -> float:
    """Energy of an inference, pJ."""
    word = BYTES_8 if row.name in EIGHT_BITS else BYTES_32
    nbytes = row.size.value * MIB + word * activation_elements()
    macs = row.mflops.value * 1e6 / 2
    return nbytes * _price("dram", "read") + macs * _mac_pj(word)


def _mac_pj(word: int) -> float:
    """A post-processor's element is a multiply-accumulate in the table of prices."""
    return _price("post", "element") * (FLOAT_OVER_INT8 if word == BYTES_32 else 1.0)


def _price(component: str, action: str) -> float:
    arch = load_arch(MACHINE)
    found: Any = prices_of(arch).price(arch.components[component], action, arch.widths)
    return float(found)


def edge_gain(name: str) -> float:
    """A row's energy efficiency over row 1's."""
    return edge_energy(ablation_row("1")) / edge_energy(ablation_row(name))


def edge_order() -> float:
    """Spearman's rank correlation of our gains and the printed ones, of the rows that print one."""
    rows = [row for row in ablation_rows() if row.efficiency is not None]
    printed = _ranks([row.efficiency.value for row in rows if row.efficiency])
    ours = _ranks([edge_gain(row.name) for row in rows])
    off = sum((a - b) ** 2 for a, b in zip(printed, ours, strict=True))
    return 1 - 6 * off / (len(rows) * (len(rows) ** 2 - 1))


def _ranks(values: list[float]) -> list[int]:
    """Places in rising order; no two are equal here."""
    places = sorted(range(len(values)), key=lambda i: values[i])
    return [places.index(i) for i in range(len(values))]
