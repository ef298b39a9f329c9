"""Energy of a mapped netlist on a stream of inputs: it is simulated with the delays of its cells,
so that glitches count, and every transition of every net is priced by the liberty file."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtl.cell_power import Library, library
from rtl.netlist import Netlist
from rtl.tools import run

Ports = Mapping[str, int]  # name and bits of each input but the clock, first the highest bits


@dataclass(frozen=True)
class Energy:
    """Of one run, pJ. `logic` is all but registers, `registers` their outputs, what these drive and
    their data pins, `clock` their clock pins; `kept` is the part of `registers` and `clock` that
    belongs to registers of the names asked for."""

    logic: float
    registers: float
    clock: float
    kept: float
    kept_clock: float


def energy(netlist: Netlist, ports: Ports, words: Sequence[str], keep: str = "") -> Energy:
    """Run the netlist on one word of all `ports` (hex) per cycle. `keep` is a pattern of the names
    of the registers that are told apart."""
    folder = netlist.file.parent
    clocked = "DFFPOSX1" in netlist.cells
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    (folder / "tb_energy.v").write_text(_bench(netlist.module.top, ports, clocked))
    models = netlist.library.with_suffix(".v")
    run(
        ["iverilog", "-g2005", "-gspecify", "-o", "energy.vvp", "tb_energy.v", "netlist.v", models],
        folder,
    )
    run(["vvp", "-n", "energy.vvp"], folder)
    toggles = dict(_toggles(folder / "energy.vcd"))
    module = json.loads((folder / "whole.json").read_text())["modules"][netlist.module.top]
    return _priced(module, toggles, library(netlist.library), keep, cycles=len(words) * clocked)


def _bench(top: str, ports: Ports, clocked: bool) -> str:
    high = sum(ports.values())
    joined = []
    for name, bits in ports.items():
        joined.append(f".{name}(word[{high - 1}:{high - bits}])")
        high -= bits
    clock = ", .clk(clk)" if clocked else ""
    return f"""`timescale 1ns/10ps
module tb_energy;
    reg clk = 0;
    reg [{sum(ports.values()) - 1}:0] word;
    integer file, found;
    {top} dut ({", ".join(joined)}{clock});
    initial begin
        file = $fopen("words.txt", "r");
        $dumpfile("energy.vcd");
        $dumpvars(1, dut);
        while ($fscanf(file, "%h\\n", word) == 1) begin
            #50 clk = 1;
            #50 clk = 0;
        end
        $finish;
    end
endmodule
"""


def _toggles(vcd: Path) -> Iterator[tuple[str, int]]:
    """Transitions between 0 and 1 of every net, by its name, with its index if it is one of a
    vector."""
    head, _, body = vcd.read_text().partition("$enddefinitions $end")
    count: Counter[tuple[str, int]] = Counter()
    last: dict[str, str] = {}
    for line in body.splitlines():
        if not line or line[0] in "#$":
            continue
        value, code = line[1:].split() if line[0] == "b" else (line[0], line[1:])
        before = last.get(code, "x" * len(value)).rjust(len(value), "0")
        value = value.rjust(len(before), "0" if value[0] != "x" else "x")
        last[code] = value
        before = before.rjust(len(value), "0")
        for i, (old, new) in enumerate(zip(reversed(before), reversed(value), strict=True)):
            if old != new and old in "01" and new in "01":
                count[code, i] += 1
    for width, code, name in re.findall(r"\$var \w+ (\d+) (\S+) (\S+)", head):
        for i in range(int(width)):
            plain = name.removeprefix("\\")  # of an escaped identifier
            yield (f"{plain}[{i}]" if int(width) > 1 else plain), count[code, i]


def _priced(
    module: Mapping[str, object], toggles: Mapping[str, int], cells: Library, keep: str, cycles: int
) -> Energy:
    nets = {}
    names: dict[int, set[str]] = {}
    for name, net in module["netnames"].items():  # type: ignore[attr-defined]
        for i, bit in enumerate(net["bits"]):
            key = name if len(net["bits"]) == 1 else f"{name}[{i}]"
            names.setdefault(bit, set()).add(name)
            if key in toggles:
                nets[bit] = toggles[key]
    load: defaultdict[int, float] = defaultdict(float)
    found = list(module["cells"].values())  # type: ignore[attr-defined]
    unseen = [
        names[bit]
        for cell in found
        for pin, (bit,) in cell["connections"].items()
        if cells.pins[cell["type"]][pin].output and bit not in nets
    ]
    if unseen:
        raise ValueError(f"nets of the netlist are not in the simulation: {unseen[:5]}")
    for cell in found:
        for pin, (bit,) in cell["connections"].items():
            load[bit] += cells.pins[cell["type"]][pin].capacitance
    parts = dict.fromkeys(("logic", "registers", "clock", "kept", "kept_clock"), 0.0)
    for cell in found:
        holds = cell["type"] in cells.clocked
        outputs = [
            b for p, (b,) in cell["connections"].items() if cells.pins[cell["type"]][p].output
        ]
        kept = holds and bool(keep) and any(re.fullmatch(keep, n) for n in names[outputs[0]])
        for name, (bit,) in cell["connections"].items():
            pin = cells.pins[cell["type"]][name]
            if holds and name == "CLK":
                pj = 2 * cycles * (pin.toggle_pj(0) + pin.capacitance * cells.volts**2 / 2)
                parts["clock"] += pj
                parts["kept_clock"] += pj * kept
                continue
            wire = load[bit] * cells.volts**2 / 2 if pin.output else 0.0
            pj = nets.get(bit, 0) * (pin.toggle_pj(load[bit]) + wire)
            parts["registers" if holds else "logic"] += pj
            parts["kept"] += pj * kept
    return Energy(**parts)
