"""docs/rtl_area.md, made from the tables that rtl.area, rtl.energy and rtl.fpga have written."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from archsim.paper.gates import ENGINES, engine_share, engines_of_line, serial_over_parallel

ROOT = Path(__file__).parent.parent
DATA = ROOT / "archsim" / "paper" / "data"
PAGE = ROOT / "docs" / "rtl_area.md"
FO4_28NM_PS = 15  # [A] of a 28 nm process at its nominal voltage
HEAD = """# Area, delay and energy of the RTL

Written by `make rtl-area`, `make rtl-energy` and `make rtl-fpga` from the modules of `rtl/`; do not edit. Areas and delays are of
mapped cells without wires, clock tree and layout.
"""


def write() -> None:
    """The page, with a section for each table that is there."""
    sections = {"rtl_area": _area, "rtl_energy": _energy, "rtl_fpga": _fpga}
    text = [HEAD]
    for name, section in sections.items():
        file = DATA / f"{name}.yaml"
        if file.is_file():
            text += section(yaml.safe_load(file.read_text()))
    PAGE.write_text("\n".join(text))


def rows(heads: Iterable[str], body: Iterable[Iterable[object]]) -> Iterator[str]:
    """A table."""
    heads = list(heads)
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in body:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


def _tools(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found["tools"].items())


def _area(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Area and clock period\n\nTools: {_tools(found)}. The libraries are of Debian's packages `qflow-tech-*`. "
    yield "osu035's cells are those of osu018 at twice the size, so its areas are no second opinion; its delays are.\n"
    for library, known in found["libraries"].items():
        fo4 = known["fo4_ns"]
        yield f"### {library}\n\nAn inverter that drives four takes {1000 * fo4:.0f} ps.\n"
        yield from rows(
            ["module", "um2", "registers", "adders", "selection and control", "period, ns", "MHz", "FO4"],
            [
                [one["what"], *(one[key] for key in ("um2", "registers", "adders", "control")),
                 one["period_ns"], f"{1000 / one['period_ns']:.0f}", f"{one['period_ns'] / fo4:.0f}"]
                for one in known["modules"].values()
            ],
        )  # fmt: skip
    yield "`adders` are additions and multiplications, mapped apart. "
    limit = 1000 / FO4_28NM_PS
    late = [
        one["what"].split(",")[0].split(":")[0]
        for one in found["libraries"]["osu018"]["modules"].values()
        if one["period_ns"] / found["libraries"]["osu018"]["fo4_ns"] > limit
    ]
    yield f"1 GHz is {limit:.0f} FO4 in 28 nm, taking one as {FO4_28NM_PS} ps [A]. No module reaches it in these libraries;"
    yield f"in 28 nm these would still miss it: {', '.join(late) or 'none'}."
    yield "The path of a rebuild engine runs from the choice of a code over the shift to the sum and its saturation."
    yield "With a register behind the shift (`PIPELINE = 1`) a row takes one cycle more, and it closes at"
    yield f"{_pipelined(found)}.\n"
    yield from _shares(found)


def _pipelined(found: Mapping[str, Any]) -> str:
    """What a register behind the shift of a rebuild engine does to its period and its area."""
    said = []
    for library, known in found["libraries"].items():
        plain, other = (known["modules"].get(f"rebuild_engine{end}") for end in ("", "_pipelined"))
        if plain and other:
            said.append(
                f"{other['period_ns']} ns or {other['period_ns'] / known['fo4_ns']:.0f} FO4 "
                f"with {100 * (other['um2'] / plain['um2'] - 1):.0f} % more area in {library}"
            )
    return "; ".join(said)


def _shares(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Rebuild engines and bit-serial multipliers\n"
    yield "Share of the area: lines with their engines, and 772 KB of SRAM [A: 0.55 um2 per bit in 45 nm, about one and a half 6T"
    yield "cells, by the square of the feature size]. The paper has 0.64 %.\n"
    libraries = list(found["libraries"])
    yield from rows(
        ["", *libraries],
        [
            [f"engines, {engines}, % of the accelerator"]
            + [f"{engine_share(library, engines):.2f}" for library in libraries]
            for engines in ENGINES
        ]
        + [["two engines, % of a line"] + [f"{engines_of_line(name):.1f}" for name in libraries]]
        + [
            [f"bit-serial MAC, {bits}-bit weights, over a parallel one"]
            + [f"{serial_over_parallel(library, bits):.2f}" for library in libraries]
            for bits in (8, 17)
        ],
    )
    yield "A parallel MAC is a sixteenth of DianNao's column: a multiplier with its part of the tree, of registers and of an"
    yield "accumulator.\n"


def _energy(found: Mapping[str, Any]) -> Iterator[str]:
    unit = found["actions"]["multiply"]["pj"]
    yield f"## Energy\n\nTools: {_tools(found)}; cells of {found['library']}. Mapped netlists are simulated with the delays of"
    yield f"their cells, glitches included, on {found['operands']}; each transition is priced by the liberty file (internal energy"
    yield f"at a slew of 0.18 ns, and the pins it drives). An 8-bit multiplication takes {unit:.2f} pJ.\n"
    yield from rows(
        ["action", "over a multiplication", "with clock pins", "of which registers named", "with clock pins"],
        [
            [name] + [f"{pj / unit:.3f}" for pj in (
                one["pj"], one["pj"] + one["clock_pj"], one["kept_pj"], one["kept_pj"] + one["kept_clock_pj"])]
            for name, one in found["actions"].items()
        ],
    )  # fmt: skip
    yield "Registers named are partial sums (of `rebuild` the basis and the row, of `register_byte` a byte that passes).\n"


def _fpga(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"## FPGA\n\nTools: {_tools(found)}, `synth_xilinx -family {found['family']}`.\n"
    yield from rows(
        ["module", "LUT", "FF", "DSP", "carry"],
        [
            [one["what"], *(one[kind] for kind in ("lut", "ff", "dsp", "carry"))]
            for one in found["modules"].values()
        ],
    )
