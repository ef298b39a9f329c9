"""Off-chip memory."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from archsim.arch.component import Cycles, Kind
from archsim.arch.memory_rows import ROW_KEYS, RowKeys, Rows
from archsim.arch.movers import Mover


class Dram(Mover, RowKeys):
    """Off-chip memory: one data bus that all flows share.

    Latency delays the arrival of data and never occupies the bus. Without a `preset` bandwidth and
    latency are all there is to it, and a byte costs what the energy table says. A `preset`, the
    name or path of a file (docs/reference/formats.md, "DRAM with rows"), makes it a memory with
    rows: bandwidth and latency follow from its keys and the clock, each key may be given beside
    it, and energy is that of the preset.
    """

    kind: ClassVar[Kind] = "off_chip"
    instead: ClassVar[Mapping[str, str]] = {"bytes_per_cycle": "preset"}

    latency_cycles: Cycles = 0
    preset: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = [key for key in ROW_KEYS if getattr(self, key) is not None]
        if self.preset is None and given:
            raise ValueError(f"{given[0]} describes a memory with rows; name its preset too")
        missing = [key for key in ROW_KEYS if key not in given]
        if self.preset is not None and missing:
            raise ValueError(f"the preset {self.preset!r} does not say {', '.join(missing)}")
        return self

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keys of rows only where there are rows."""
        keys: dict[str, Any] = handler(self)
        return {key: value for key, value in keys.items() if value is not None}

    @cached_property
    def rows(self) -> Rows | None:
        """What it knows of its rows; None of a memory without."""
        if self.preset is None:
            return None
        return Rows(**{key: getattr(self, key) for key in ROW_KEYS})

    @property
    def latency(self) -> int:
        return self.latency_cycles

    @property
    def _ns_per_cycle(self) -> float:
        """Of the arch's clock, which is in the bandwidth."""
        return self.bytes_per_cycle / self.rows.peak_gbytes_per_s if self.rows else 0.0

    def cycles_of_runs(self, nbytes: int, runs: int) -> float | None:
        """Cycles of the bus, with waiting for rows and for refreshes."""
        return self.rows.busy_ns(nbytes, runs) / self._ns_per_cycle if self.rows else None

    def actions_of_runs(self, nbytes: int, runs: int) -> Mapping[str, int]:
        """The rows that are opened."""
        return {"activate": self.rows.opened(nbytes, runs)} if self.rows else {}

    @property
    def actions_per_cycle(self) -> Mapping[str, int]:
        """A cycle of each channel, with its clock on and its share of refreshes."""
        if self.rows is None:
            return {}
        return {"background": self.rows.channels, "refresh": self.rows.channels}

    @property
    def own_prices(self) -> Mapping[str, float]:
        """pJ per byte, per row opened, and per cycle of a channel; 1 mW is 1 pJ per ns."""
        if self.rows is None:
            return {}
        return {
            "read": self.rows.read_pj_per_byte + self.rows.read_io_pj_per_byte,
            "write": self.rows.write_pj_per_byte + self.rows.write_io_pj_per_byte,
            "activate": self.rows.activate_pj,
            "background": self.rows.background_mw * self._ns_per_cycle,
            "refresh": self.rows.refresh_mw * self._ns_per_cycle,
        }
