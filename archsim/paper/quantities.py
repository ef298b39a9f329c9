"""The names that formulas of data/claims.yaml and data/reports.yaml may use: the printed tables,
plain functions, what shapes and arch files decide, and, through `context`, what takes a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from archsim.paper import edge, gates, kept, probe, ratios, size_tables, training
from archsim.paper import tables_machines as machine_tables
from archsim.paper.activity import activations
from archsim.paper.context import channels_pruned_on
from archsim.paper.formula import Names
from archsim.paper.networks import left_out, machines, networks
from archsim.paper.printed import data, exactly, printed, read
from archsim.paper.sensitivity import RATIOS, mover, raised
from archsim.paper.shapes import mobilenet_v2_shapes


def names(**asked: object) -> Names:
    """Every name, with those of what was asked for."""
    return {**_still(), **asked}


@cache
def _still() -> Mapping[str, Any]:
    """The names that depend on nothing that is asked for."""
    functions: Sequence[Callable[..., Any]] = (
        len, abs, read, exactly, printed, largest, smallest, nearest, either, before_comma,
        size_tables.ablation_rows, size_tables.ablation_row, size_tables.operations,
        size_tables.code_bits, size_tables.size, size_tables.mib, size_tables.resnet18_counts,
        size_tables.size_rows, size_tables.original_size, size_tables.basis_size,
        machines, networks, machine_tables.equal_settings,
        ratios.energy_gain, ratios.dram_accesses, ratios.speedup, ratios.compute_speedup,
        ratios.over, ratios.of, ratios.others, ratios.leads, mobilenet_v2_shapes,
        mover, raised, kept.sdalgo_lines, kept.not_run,
        activations, probe.input_share, training.gain, training.sizes,
        training.every_change, training.untrained, channels_pruned_on, left_out,
        gates.gate_libraries, gates.engine_share, gates.engines_of_line, gates.serial_over_parallel,
        gates.gate_periods, edge.edge_gain, edge.edge_order,
    )  # fmt: skip
    return {
        **{function.__name__: function for function in functions},
        **data("tables"),
        "shapes": data("shapes"),
        "labels": data("networks")["machines"],
        "size_rules": data("sizes"),
        "items": lambda mapping: list(mapping.items()),
        "max": lambda *found: max(_each(found), key=float),
        "min": lambda *found: min(_each(found), key=float),
        "mean": lambda found: ratios.mean(_each([found])),
        "geometric_mean": lambda found: ratios.geometric_mean(_each([found])),
        "resources": cache(machine_tables.resources),
        "probe_gains": cache(probe.gains),
        "line_of_smartdeal": cache(probe.line_of_smartdeal),
        "probe": {"channels": probe.CHANNELS, "filters": probe.FILTERS, "side": probe.SIDE},
        "kinds": list(probe.AXES),
        "sdalgo": kept.SDALGO_LABEL,
        "arms": training.ARMS,
        "ratio_names": list(RATIOS),
    }


def largest(found: Mapping[str, Any]) -> str:
    """The key of the largest value."""
    return max(found, key=lambda key: float(found[key]))


def smallest(found: Mapping[str, Any]) -> str:
    """The key of the smallest value."""
    return min(found, key=lambda key: float(found[key]))


def nearest(found: Mapping[str, Any], wanted: float) -> str:
    """The key of the value nearest to `wanted`."""
    return min(found, key=lambda key: abs(float(found[key]) - wanted))


def either(before: str, found: Sequence[str], after: str = "", between: str = "; ") -> str:
    """`found` as text with what stands around it; nothing if there is none."""
    return f"{before}{between.join(found)}{after}" if found else ""


def before_comma(text: str) -> str:
    """What a line is of."""
    return text.partition(",")[0]


def _each(found: Sequence[Any]) -> Sequence[Any]:
    """The arguments of `max` or `min`, or what their only one holds."""
    if len(found) > 1:
        return found
    (one,) = found
    return list(one.values()) if isinstance(one, Mapping) else list(one)
