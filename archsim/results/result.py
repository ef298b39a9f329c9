"""What one run of one workload on one machine counted (docs/reference/formats.md, "Results").

A result holds counts; ratios are derived from them when they are asked for. `to_dict` is the file
format: plain numbers and text in a fixed order, so that the same run gives the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StrictFloat, StrictInt, TypeAdapter, ValidationError

from archsim.arch.component import Kind
from archsim.results.frames import as_html, layer_table
from archsim.results.result_file import result_at
from archsim.results.settings import settings_in
from archsim.results.silicon import CLOCK_TREE
from archsim.results.sums import plain, sum_maps, sum_nested
from archsim.results.written import WrittenArch, WrittenPrices, check_names, check_time
from archsim.version import MODEL, VERSION

if TYPE_CHECKING:
    import pandas as pd

Count = Annotated[int, Field(strict=True, ge=0)]
Counts = Mapping[str, Count]
Amount = Annotated[StrictInt | StrictFloat, Field(ge=0, allow_inf_nan=False)]
"""Not negative, and an integer where it was computed as one: a file is read as it was written."""
PRICED = frozenset({"leakage_pj", "leakage_by"})
"""Keys of a layer that are not there where the prices have no leakage."""
AT_REST = "leakage of all parts"
"""What stands beside components where energy is split; no component can be called so."""
OPS_PER_MAC = 2  # a multiplication and an addition


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """One phase of one layer. Energies in pJ, `*_bytes` in bytes, `busy` and `lost` in
    instance-cycles; `macs_done` are the multiplications made that reach an output.

    `energy_pj` is the sum of `energy_by`, which is of actions, and of `leakage_by`, which is power
    at rest times the layer's time, and the clock tree. That is None where the prices have no
    leakage, and has None for a part whose leakage they do not know."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    op: str
    phase: str
    fused_into: str | None = None
    macs: Count
    macs_done: Count
    cycles: Count
    compute_cycles: Count
    energy_pj: Amount
    energy_by: Mapping[str, Amount]
    dram_bytes: Count
    dram_bytes_by: Counts
    sram_bytes: Count
    actions: Mapping[str, Counts]
    busy: Counts
    lost: Mapping[str, Counts]
    leakage_pj: Amount | None = None
    leakage_by: Mapping[str, Amount | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The layer as it stands in a results file."""
        found = {name: plain(getattr(self, name)) for name in self._keys()}
        return {name: one for name, one in found.items() if one is not None or name not in PRICED}

    @classmethod
    @cache
    def _keys(cls) -> tuple[str, ...]:
        return tuple(each.name for each in dataclasses.fields(cls))


@dataclass(frozen=True, kw_only=True)
class Result:
    """One network on one machine.

    `cycles` is the length of the run; `instances` and `idle` (instance-cycles) are per component.
    `kinds` says what each component is (`archsim.arch.component.Kind`), which a reader cannot know
    of a class that came with a user's machine. `batch` is None where an earlier archsim has not
    written it. `settings` are what the run was asked for beside its files
    (`archsim.results.settings`); `changed` are the full paths of all keys that differ from the arch
    file, those of a scenario included, and `prices` the pJ per action of each component
    and of SRAM: both None where an earlier archsim has not written them. `area_by` is mm2 of each
    part on the chip, None of one whose area the prices do not know; it is None where they have no
    areas. `notes` is
    what has to be said wherever the numbers are shown; `inputs_hash` is of all that the numbers
    depend on, the program included, and `model` is the version of the model that made them.
    """

    arch: str
    arch_hash: str
    arch_resolved: WrittenArch
    kinds: Mapping[str, Kind]
    clock_mhz: Annotated[Amount, Field(gt=0)]
    workload: str
    workload_hash: str
    mode: Literal["profile", "measured", "shapes"]
    cycles: Count
    instances: Counts
    idle: Counts
    layers: tuple[LayerResult, ...]
    batch: Annotated[int, Field(strict=True, ge=1)] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] | None = ()
    prices: WrittenPrices | None = field(default_factory=dict)
    area_by: Mapping[str, Amount | None] | None = None
    notes: tuple[str, ...] = ()
    inputs_hash: str = ""
    archsim: str = field(default=VERSION)
    model: Count = field(default=MODEL)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def energy_pj(self) -> float:
        return fsum(layer.energy_pj for layer in self.layers)

    @property
    def dram_bytes(self) -> int:
        return sum(layer.dram_bytes for layer in self.layers)

    @property
    def energy_by(self) -> dict[str, float]:
        """pJ per component, in the order of the arch file."""
        sums = sum_maps(layer.energy_by for layer in self.layers)
        parts = [*self.arch_resolved.get("components", ())]
        known = [name for name in parts if name in sums]
        return {name: sums[name] for name in dict.fromkeys([*known, *sums])}

    @property
    def leakage_by(self) -> dict[str, float | None] | None:
        """pJ at rest of each part, None of one that is not known; None where nothing is."""
        layers = [layer.leakage_by for layer in self.layers if layer.leakage_by is not None]
        if not layers:
            return None
        sums = sum_maps({k: v for k, v in each.items() if v is not None} for each in layers)
        return {name: sums.get(name) for each in layers for name in each}

    @property
    def leakage_pj(self) -> float | None:
        """What of `energy_pj` is leakage and clock tree; None where no price has any."""
        known = [layer.leakage_pj for layer in self.layers if layer.leakage_pj is not None]
        return fsum(known) if known else None

    @property
    def area_mm2(self) -> float | None:
        """Of all parts that have an area; `without_area` names the others on the chip."""
        return None if self.area_by is None else fsum(one or 0.0 for one in self.area_by.values())

    @property
    def energy_parts(self) -> dict[str, float]:
        """`energy_by` and, where prices have leakage, that: they add up to `energy_pj`."""
        at_rest = self.leakage_pj
        return {**self.energy_by, **({} if at_rest is None else {AT_REST: at_rest})}

    @property
    def without_area(self) -> list[str]:
        """Parts of the chip whose area is not in `area_mm2`."""
        return [name for name, one in (self.area_by or {}).items() if one is None]

    @property
    def without_leakage(self) -> list[str]:
        """Parts of the chip whose leakage is not in `leakage_pj`."""
        return [name for name, one in (self.leakage_by or {}).items() if one is None]

    @property
    def gops_per_mm2(self) -> float | None:
        """10^9 operations a second on each mm2 of the area that is known."""
        return self.gops / self.area_mm2 if self.area_mm2 else None

    @property
    def dram_bytes_by(self) -> dict[str, int]:
        """DRAM bytes per flow."""
        return sum_maps(layer.dram_bytes_by for layer in self.layers)

    @property
    def milliseconds(self) -> float:
        return self.cycles / self.clock_mhz / 1e3

    @property
    def millijoules(self) -> float:
        return self.energy_pj / 1e9

    @property
    def gops(self) -> float:
        """10^9 operations a second, of the network as it stands: skipped work counts as done."""
        return OPS_PER_MAC * self.macs / (self.milliseconds * 1e6) if self.cycles else 0.0

    @property
    def gops_per_watt(self) -> float:
        """Operations per joule / 10^9, over the energy that is modelled."""
        return OPS_PER_MAC * self.macs * 1e3 / self.energy_pj if self.energy_pj else 0.0

    def totals(self) -> dict[str, Any]:
        """The sums over all layers, and the ratios that follow from them."""
        return {
            **self._counted(),
            **({} if self.leakage_pj is None else _named(self, "leakage_pj", "leakage_by")),
            **({} if self.area_by is None else _named(self, "area_mm2", "area_by", "gops_per_mm2")),
        }

    def _counted(self) -> dict[str, Any]:
        """What stands in every result."""
        return {
            "macs": self.macs,
            "macs_done": sum(layer.macs_done for layer in self.layers),
            "cycles": self.cycles,
            "compute_cycles": sum(layer.compute_cycles for layer in self.layers),
            "energy_pj": self.energy_pj,
            "energy_by": self.energy_by,
            "dram_bytes": self.dram_bytes,
            "dram_bytes_by": self.dram_bytes_by,
            "sram_bytes": sum(layer.sram_bytes for layer in self.layers),
            "actions": sum_nested(layer.actions for layer in self.layers),
            "busy": sum_maps(layer.busy for layer in self.layers),
            "lost": sum_nested(layer.lost for layer in self.layers),
            "idle": dict(self.idle),
            "instances": dict(self.instances),
            "milliseconds": self.milliseconds,
            "millijoules": self.millijoules,
            "gops": self.gops,
            "gops_per_watt": self.gops_per_watt,
        }

    def to_dict(self) -> dict[str, Any]:
        """The whole result as JSON-ready values, in the order of the file."""
        head = (
            "archsim", "model", "arch", "arch_hash", "workload", "workload_hash", "inputs_hash",
            "mode", "batch", "settings", "clock_mhz", "notes",
        )  # fmt: skip
        return {
            **{name: plain(getattr(self, name)) for name in head},
            "totals": plain(self.totals()),
            "layers": [layer.to_dict() for layer in self.layers],
            "arch_resolved": plain(self.arch_resolved),
            "kinds": plain(self.kinds),
            "changed": plain(self.changed),
            "prices": plain(self.prices),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """The inverse of `to_dict`, of files of an earlier archsim too. KeyError or TypeError where
        `data` is no result, or holds a type or a number that none can have."""
        totals = data["totals"]
        notes = tuple(data["notes"])
        changed = data.get("changed")
        same = (
            "archsim", "model", "arch", "arch_hash", "arch_resolved", "kinds", "clock_mhz",
            "workload", "workload_hash", "mode",
        )  # fmt: skip
        fields = {
            **{name: data[name] for name in same},
            "notes": notes,
            "batch": data.get("batch"),
            "settings": data["settings"] if "settings" in data else settings_in(notes),
            "changed": None if changed is None else tuple(changed),
            "prices": data.get("prices"),
            "area_by": totals.get("area_by"),
            "inputs_hash": data.get("inputs_hash", ""),
            **{name: totals[name] for name in ("cycles", "instances", "idle")},
            "layers": data["layers"],
        }
        try:
            found = _checker().validate_python(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise TypeError(f"{place}: {first['msg']}") from error
        parts = {name for layer in found.layers for name in layer.energy_by}
        at_rest = {name for layer in found.layers for name in layer.leakage_by or ()}
        parts |= (at_rest - {CLOCK_TREE}) | {*(found.area_by or ())}
        check_names(found.arch_resolved, found.kinds, parts)
        lost = [{k: sum(one.values()) for k, one in each.lost.items()} for each in found.layers]
        for spent in (found.idle, *lost, *(layer.busy for layer in found.layers)):
            check_time(found.cycles, found.instances, spent)
        return found

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """The result in a file that `archsim run` wrote; InputError where it is damaged, changed or
        something else."""
        return result_at(Path(path), cls.from_dict)

    def table(self) -> pd.DataFrame:
        """One row per layer; the columns are those of `archsim.results.frames.layer_table`."""
        return layer_table([layer.to_dict() for layer in self.layers])

    def __repr__(self) -> str:
        return f"<Result: {self.workload} on {self.arch}, {self.cycles:,} cycles>"

    def _repr_html_(self) -> str:
        title = f"{self.workload} on {self.arch}"
        return as_html(title, self.totals(), self.notes, [each.to_dict() for each in self.layers])


@cache
def _checker() -> TypeAdapter[Result]:
    """Built when the first file is read, so that the command line starts fast."""
    return TypeAdapter(Result)


def _named(result: Result, *names: str) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names}
