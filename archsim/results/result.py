"""What one run of one workload on one machine counted (docs/reference/formats.md, "Results").

A result holds counts; ratios are derived from them when they are asked for. `to_dict` is the file
format: plain numbers and text in a fixed order, so that the same run gives the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import fsum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StrictFloat, StrictInt, TypeAdapter, ValidationError

from archsim.arch.component import Kind
from archsim.formats.widths import less_defaults, with_defaults
from archsim.results.settings import settings_in
from archsim.results.written import WrittenArch, WrittenPrices, check_names, check_time
from archsim.version import MODEL, VERSION

if TYPE_CHECKING:
    import pandas as pd

Count = Annotated[int, Field(strict=True, ge=0)]
Counts = Mapping[str, Count]
Amount = Annotated[StrictInt | StrictFloat, Field(ge=0, allow_inf_nan=False)]
"""Not negative, and an integer where it was computed as one: a file is read as it was written."""
OPS_PER_MAC = 2  # a multiplication and an addition


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """One phase of one layer. Energies in pJ, `*_bytes` in bytes, `busy` and `lost` in
    instance-cycles; `macs_done` are the multiplications made that reach an output."""

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

    def to_dict(self) -> dict[str, Any]:
        """The layer as it stands in a results file."""
        return {name: _plain(getattr(self, name)) for name in self._keys()}

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
    and of SRAM: both None where an earlier archsim has not written them. `notes` is
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
        sums = _sum_maps(layer.energy_by for layer in self.layers)
        parts = [*self.arch_resolved.get("components", ())]
        known = [name for name in parts if name in sums]
        return {name: sums[name] for name in dict.fromkeys([*known, *sums])}

    @property
    def dram_bytes_by(self) -> dict[str, int]:
        """DRAM bytes per flow."""
        return _sum_maps(layer.dram_bytes_by for layer in self.layers)

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
            "macs": self.macs,
            "macs_done": sum(layer.macs_done for layer in self.layers),
            "cycles": self.cycles,
            "compute_cycles": sum(layer.compute_cycles for layer in self.layers),
            "energy_pj": self.energy_pj,
            "energy_by": self.energy_by,
            "dram_bytes": self.dram_bytes,
            "dram_bytes_by": self.dram_bytes_by,
            "sram_bytes": sum(layer.sram_bytes for layer in self.layers),
            "actions": _sum_nested(layer.actions for layer in self.layers),
            "busy": _sum_maps(layer.busy for layer in self.layers),
            "lost": _sum_nested(layer.lost for layer in self.layers),
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
            **{name: _plain(getattr(self, name)) for name in head},
            "totals": _plain(self.totals()),
            "layers": [layer.to_dict() for layer in self.layers],
            "arch_resolved": _plain(less_defaults(self.arch_resolved)),
            "kinds": _plain(self.kinds),
            "changed": _plain(self.changed),
            "prices": _plain(self.prices),
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
            "arch_resolved": with_defaults(data["arch_resolved"]),
            "notes": notes,
            "batch": data.get("batch"),
            "settings": data["settings"] if "settings" in data else settings_in(notes),
            "changed": None if changed is None else tuple(changed),
            "prices": data.get("prices"),
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
        check_names(found.arch_resolved, found.kinds, parts)
        lost = [{k: sum(one.values()) for k, one in each.lost.items()} for each in found.layers]
        for spent in (found.idle, *lost, *(layer.busy for layer in found.layers)):
            check_time(found.cycles, found.instances, spent)
        return found

    def table(self) -> pd.DataFrame:
        """One row a layer, in the file's order: the plain counts, then `dram_bytes.<flow>` and
        `energy_pj.<component>`."""
        import pandas as pd

        rows = []
        for layer in self.layers:
            row = layer.to_dict()
            for gone in ("actions", "busy", "lost"):
                del row[gone]
            row |= {f"dram_bytes.{k}": v for k, v in row.pop("dram_bytes_by").items()}
            row |= {f"energy_pj.{k}": v for k, v in row.pop("energy_by").items()}
            rows.append(row)
        counted = {name for row in rows for name in row if "." in name}
        frame = pd.DataFrame(rows)
        return frame.fillna(dict.fromkeys(sorted(counted), 0))


@cache
def _checker() -> TypeAdapter[Result]:
    """Built when the first file is read, so that the command line starts fast."""
    return TypeAdapter(Result)


def _sum_maps(maps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Key-wise sums; keys in the order of their first appearance."""
    total: dict[str, Any] = {}
    for one in maps:
        for key, value in one.items():
            total[key] = total.get(key, 0) + value
    return total


def _sum_nested(maps: Iterable[Mapping[str, Counts]]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for one in maps:
        for key, inner in one.items():
            sums = total.setdefault(key, {})
            for name, count in inner.items():
                sums[name] = sums.get(name, 0) + count
    return total


def _plain(value: Any) -> Any:
    """`value` in the types of JSON. numpy's scalars become int and float: which of the two a count
    was computed in must not show in the file."""
    if type(value) in {int, str, float}:
        return value
    if type(value) is dict or isinstance(value, Mapping):  # the first is the faster test
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    return value.item()
