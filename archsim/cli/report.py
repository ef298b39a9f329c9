"""The tables that a run prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from archsim.formats import console
from archsim.formats.console import Table

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison, Refusal
    from archsim.analysis.normalise import Normalised
    from archsim.results.result import LayerResult, Result

NONE = "-"
UNKNOWN = "unknown"
NOT_AVAILABLE = "n/a"
TOTAL = "total"
MODES = {
    "profile": "drawn from profile",
    "measured": "measured tensors",
    "shapes": "shapes of layers alone",
}
MILLI_PJ = 1e9  # pJ in a millijoule
MEGA = 1e6
ROOM_FOR_SHARES = 3  # so many machines fit side by side with a second column each


def head(scenario: str | None, sets: Sequence[str]) -> None:
    """What changes the machines, where anything does."""
    if scenario:
        console.say(f"scenario: {scenario}")
    if sets:
        console.say(f"overrides: {', '.join(sets)}")


def show_workload(found: Comparison, group: str, verbose: int) -> None:
    """Everything about one workload: what it is made from, the normalised table, where the energy
    goes and, if asked for, where the time goes and each layer."""
    rows = found.of(group)
    if rows:
        result = rows[0].result
        layers = len({layer.name for layer in result.layers})
        console.say(f"{group}: {MODES[result.mode]}, {layers} layers, {result.macs / 1e9:.4g} GMAC")
        for line in dict.fromkeys(note for row in rows for note in row.result.notes):
            console.say(f"  {line}")
        console.say()
        console.show(comparison(rows, found.refused(group)))
    show_refusals(found, group)
    note_unlike(found, group)
    if len(rows) > 1 and all(row.reference is None and not row.unlike for row in rows):
        console.note("not normalised: the machine to normalise to is not in this run")
    if rows:
        console.show(energy_by_component(rows))
    if any(row.result.area_by for row in rows):
        console.show(area_by_component(rows))
    for row in rows:
        if len({layer.phase for layer in row.result.layers}) > 1:
            console.show(phases_of(row))
    for row in rows if verbose else ():
        console.show(time_by_component(row))
    for row in rows if verbose > 1 else ():
        console.show(layers_of(row))


def note_unlike(found: Comparison, group: str = "") -> None:
    """Why results of a group, or of all, are not held against the reference."""
    for row in found.rows.values():
        if row.unlike and group in {"", row.stored.group}:
            console.note(f"not normalised: {row.label} on {row.stored.group}: {row.unlike}")


def show_refusals(found: Comparison, group: str) -> None:
    """Why machines have no numbers for a workload."""
    refusals = {stem: one for (name, stem), one in found.refusals.items() if name == group}
    for stem, refusal in refusals.items():
        console.say(f"{NOT_AVAILABLE}: {group} on {found.label(stem)}: {refusal.reason}")
    if refusals:
        console.say()


def comparison(rows: Sequence[Normalised], refusals: Sequence[Refusal] = ()) -> Table:
    """A machine a row; the ratios to the reference beside each count where there is one."""
    reference = next((row.reference.arch for row in rows if row.reference), None)
    columns: list[tuple[str, Callable[[Normalised], str]]] = [
        ("cycles", lambda row: f"{row.result.cycles:,}"),
        ("speed-up", lambda row: ratio(row.speedup)),
        ("energy mJ", lambda row: number(row.result.millijoules)),
        ("energy", lambda row: ratio(row.energy)),
        ("DRAM MB", lambda row: number(row.result.dram_bytes / MEGA)),
        ("DRAM", lambda row: ratio(row.dram)),
        ("GOPS", lambda row: number(row.result.gops)),
        ("GOPS/W", lambda row: number(row.result.gops_per_watt)),
    ]
    if any(row.result.area_by for row in rows):
        columns += [
            ("mm2", lambda row: _known(row.result.area_mm2)),
            ("GOPS/mm2", lambda row: _known(row.result.gops_per_mm2)),
        ]
    if reference is None:
        columns = [column for column in columns if column[0] not in {"speed-up", "energy", "DRAM"}]
    lines = [[row.label, *(show(row) for _, show in columns)] for row in rows]
    lines += [[each.machine, NOT_AVAILABLE, *[NONE] * (len(columns) - 1)] for each in refusals]
    title = f"normalised to {reference}" if reference else ""
    return Table(title, ["machine", *(name for name, _ in columns)], lines)


def energy_by_component(rows: Sequence[Normalised]) -> Table:
    """A component a row, a machine a column: mJ and, of a few machines, the share of the whole."""
    from archsim.results.result import AT_REST

    parts = [row.result.energy_parts for row in rows]
    names = [
        name
        for name in dict.fromkeys(name for part in parts for name in part)
        if any(part.get(name) for part in parts)
    ]
    names.sort(key=AT_REST.__eq__)  # the last of all machines' parts
    width = 2 if len(rows) <= ROOM_FOR_SHARES else 1
    heads = [head for row in rows for head in (f"{row.label} mJ", "share")[:width]]
    table = []
    for name in [*names, TOTAL]:
        line = [name]
        for row, part in zip(rows, parts, strict=True):
            whole = row.result.energy_pj
            line += _with_share(whole if name == TOTAL else part.get(name), whole)[:width]
        table.append(line)
        table += _memory_lines(name, rows, width)
    return Table("energy by component", ["component", *heads], table)


def _memory_lines(name: str, rows: Sequence[Normalised], width: int) -> list[list[str]]:
    """The parts of a memory with rows, each a row below it."""
    from archsim.results.energy_parts import memory_parts

    found = [memory_parts(row.result).get(name, {}) for row in rows]
    lines = []
    for part in dict.fromkeys(part for parts in found for part in parts):
        line = [f"  {part}"]
        for row, parts in zip(rows, found, strict=True):
            line += _with_share(parts.get(part), row.result.energy_pj)[:width]
        lines.append(line)
    return lines


def area_by_component(rows: Sequence[Normalised]) -> Table:
    """A component a row, a machine a column: mm2, and a word where the prices have none."""
    areas = [row.result.area_by or {} for row in rows]
    names = dict.fromkeys(name for own in areas for name in own)
    table = [[name, *(_area(own, name) for own in areas)] for name in names]
    table.append([TOTAL, *(_known(row.result.area_mm2) for row in rows)])
    return Table("area by component, mm2", ["component", *(row.label for row in rows)], table)


def _area(areas: Mapping[str, float | None], name: str) -> str:
    found = areas.get(name)
    return (UNKNOWN if name in areas else NONE) if found is None else number(found)


def _known(value: float | None) -> str:
    return NONE if value is None else number(value)


def phases_of(row: Normalised) -> Table:
    """A phase of training a row: time, work, energy, and DRAM bytes by flow."""
    layers = row.result.layers
    flows = list(dict.fromkeys(flow for layer in layers for flow in layer.dram_bytes_by))
    whole = row.result.energy_pj
    lines = []
    for phase in (*dict.fromkeys(layer.phase for layer in _phase_order(layers)), TOTAL):
        own = [layer for layer in layers if phase in {layer.phase, TOTAL}]
        moved = [sum(layer.dram_bytes_by.get(flow, 0) for layer in own) for flow in flows]
        cells = [
            f"{sum(layer.cycles for layer in own):,}",
            number(sum(layer.macs_done for layer in own) / 1e9),
            *_with_share(fsum(layer.energy_pj for layer in own), whole),
            *(number(amount / MEGA) for amount in (sum(moved), *moved)),
        ]
        lines.append([phase, *cells])
    heads = ["phase", "cycles", "GMAC", "energy mJ", "share", "DRAM MB"]
    return Table(f"{row.label}: phases", [*heads, *(f"{flow} MB" for flow in flows)], lines)


def _phase_order(layers: Sequence[LayerResult]) -> list[LayerResult]:
    """In the order in which a layer with all phases runs them."""
    most = max(layers, key=lambda one: sum(other.name == one.name for other in layers))
    return [*(layer for layer in layers if layer.name == most.name), *layers]


def time_by_component(row: Normalised) -> Table:
    """Where each component's instance-cycles went: busy, lost to each cause, idle, in per cent."""
    totals = row.result.totals()
    causes = list(dict.fromkeys(cause for lost in totals["lost"].values() for cause in lost))
    lines = []
    for name, instances in totals["instances"].items():
        whole = row.result.cycles * instances
        lost = totals["lost"].get(name, {})
        counts = [
            totals["busy"].get(name, 0),
            *(lost.get(cause, 0) for cause in causes),
            totals["idle"].get(name, 0),
        ]
        shares = [f"{100 * count / whole:.1f}" if count else NONE for count in counts]
        lines.append([name, f"{instances:,}", *shares])
    return Table(
        f"{row.label}: where time goes, % of instance-cycles",
        ["component", "instances", "busy", *causes, "idle"],
        lines,
    )


def layers_of(row: Normalised) -> Table:
    """A layer a row."""
    lines = [_layer_line(layer) for layer in row.result.layers]
    return Table(
        f"{row.label}: layers",
        ["layer", "op", "phase", "MMAC", "cycles", "compute", "energy uJ", "DRAM kB"],
        lines,
        left=3,
    )


def refusals_as_json(found: Comparison) -> dict[str, Any]:
    """The machines that cannot run a workload, where there are any."""
    refused = [
        {"folder": group, "arch": refusal.machine, "reason": refusal.reason}
        for (group, _), refusal in found.refusals.items()
    ]
    return {"not_available": refused} if refused else {}


def as_json(found: Comparison) -> list[dict[str, Any]]:
    """The normalised rows for programs; layers stand in the files."""
    return [
        {
            "workload": row.result.workload,
            "folder": row.stored.group,
            "file": f"{row.stored.stem}.json",
            "arch": row.stored.machine,
            "name": row.result.arch,
            "batch": row.result.batch,
            "settings": dict(row.stored.settings),
            "mode": row.result.mode,
            "notes": list(row.result.notes),
            "normalised_to": row.reference.arch if row.reference else None,
            **({"not_normalised": row.unlike} if row.unlike else {}),
            "speedup": row.speedup,
            "energy": row.energy,
            "dram": row.dram,
            "totals": _totals(row.result),
        }
        for group in found.groups
        for row in found.of(group)
    ]


def number(value: float) -> str:
    """Four significant digits, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.2e}"


def ratio(value: float | None) -> str:
    """A multiple of the reference, to about three digits."""
    if value is None:
        return NONE
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 4
    return f"{value:,.{digits}f}x"


def _with_share(energy_pj: float | None, whole_pj: float) -> list[str]:
    if energy_pj is None:
        return [NONE, ""]
    share = 100 * energy_pj / whole_pj if whole_pj else 0.0
    return [number(energy_pj / MILLI_PJ), f"{share:.1f} %"]


def _layer_line(layer: LayerResult) -> list[str]:
    name = f"{layer.name} (in {layer.fused_into})" if layer.fused_into else layer.name
    return [
        name,
        layer.op,
        layer.phase,
        number(layer.macs / MEGA),
        f"{layer.cycles:,}",
        f"{layer.compute_cycles:,}",
        number(layer.energy_pj / 1e6),
        number(layer.dram_bytes / 1e3),
    ]


def _totals(result: Result) -> dict[str, Any]:
    plain: dict[str, Any] = result.to_dict()["totals"]
    return plain
