"""Memory that has rows: the keys that describe it, and how many rows a stream of runs opens.

A *run* is a stretch of consecutive bytes that a stream moves without a jump. Consecutive accesses
go to the channels in turn, and consecutive rows of a channel to its banks in turn, so that rows are
opened while data of others pass. What this cannot hide is the slowest of three rates: a row every
tRRD, four rows every tFAW, and a row of each bank every tRC = tRAS + tRP.
"""

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Self

from pydantic import Field, model_validator

from archsim.arch.component import Bytes, Count
from archsim.formats.record import Record

Nanoseconds = Annotated[float, Field(gt=0, le=1e9)]
Picojoules = Annotated[float, Field(ge=0, le=1e12)]
Milliwatts = Annotated[float, Field(ge=0, le=1e9)]
GbytesPerS = Annotated[float, Field(ge=1e-3, le=1e6)]

ROWS_OF_WINDOW = 4
"""Rows that may be opened within tFAW, the four-activate window of JEDEC."""


class RowKeys(Record):
    """Keys of a memory with rows. Times in ns and energies in pJ; `*_mw`, `*_pj` and rates are one
    channel's. All are given, by a preset where the file does not, or none.
    """

    channels: Count | None = None
    channel_gbytes_per_s: GbytesPerS | None = None
    """10^9 bytes per second at which the data bus of a channel moves."""
    access_bytes: Bytes | None = None
    """The least that a channel moves: its bus width times the burst length."""
    row_bytes: Bytes | None = None
    """Bytes that an activation opens."""
    banks: Count | None = None
    trcd_ns: Nanoseconds | None = None
    tcl_ns: Nanoseconds | None = None
    trp_ns: Nanoseconds | None = None
    tras_ns: Nanoseconds | None = None
    trrd_ns: Nanoseconds | None = None
    tfaw_ns: Nanoseconds | None = None
    trefi_ns: Nanoseconds | None = None
    trfc_ns: Nanoseconds | None = None
    activate_pj: Picojoules | None = None
    """Of opening and closing one row."""
    read_pj_per_byte: Picojoules | None = None
    write_pj_per_byte: Picojoules | None = None
    read_io_pj_per_byte: Picojoules | None = None
    """Of drivers and termination, which the currents of a data sheet leave out."""
    write_io_pj_per_byte: Picojoules | None = None
    background_mw: Milliwatts | None = None
    """With rows open and the clock on, whether anything moves or not."""
    refresh_pj: Picojoules | None = None
    """Of one refresh command, every tREFI."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.trfc_ns and self.trefi_ns and self.trfc_ns >= self.trefi_ns:
            raise ValueError(
                f"a refresh of {self.trfc_ns:g} ns every {self.trefi_ns:g} ns leaves no time for "
                "data; trfc_ns must be below trefi_ns"
            )
        if self.row_bytes and self.access_bytes and self.row_bytes < self.access_bytes:
            raise ValueError(
                f"a row of {self.row_bytes} bytes is less than an access of {self.access_bytes}"
            )
        return self


ROW_KEYS = tuple(RowKeys.model_fields)


@dataclass(frozen=True)
class Rows:
    """The same, all of them given, and what follows from them."""

    channels: int
    channel_gbytes_per_s: float
    access_bytes: int
    row_bytes: int
    banks: int
    trcd_ns: float
    tcl_ns: float
    trp_ns: float
    tras_ns: float
    trrd_ns: float
    tfaw_ns: float
    trefi_ns: float
    trfc_ns: float
    activate_pj: float
    read_pj_per_byte: float
    write_pj_per_byte: float
    read_io_pj_per_byte: float
    write_io_pj_per_byte: float
    background_mw: float
    refresh_pj: float

    @property
    def peak_gbytes_per_s(self) -> float:
        """10^9 bytes per second of all channels while data pass, which is bytes per ns."""
        return self.channels * self.channel_gbytes_per_s

    @property
    def latency_ns(self) -> float:
        """From a command that opens a row to its first data."""
        return self.trcd_ns + self.tcl_ns

    @property
    def refresh_share(self) -> float:
        """Of the time, during which a channel refreshes and moves nothing."""
        return self.trfc_ns / self.trefi_ns

    @property
    def refresh_mw(self) -> float:
        """Mean power of refreshing one channel."""
        return self.refresh_pj / self.trefi_ns

    @property
    def row_ns(self) -> float:
        """The least time between two rows that a channel opens, in the mean over many."""
        bank = (self.tras_ns + self.trp_ns) / self.banks
        return max(self.trrd_ns, self.tfaw_ns / ROWS_OF_WINDOW, bank)

    def accesses(self, nbytes: int, runs: int) -> int:
        """Accesses that carry so many bytes in so many even runs, each of which begins with one."""
        runs = min(runs, nbytes)
        return runs * -(-nbytes // (runs * self.access_bytes)) if runs else 0

    def opened(self, nbytes: int, runs: int) -> int:
        """Rows opened: by a run of n accesses one in each of k = min(channels, n) channels, and
        one more for each `row_bytes` beyond these k accesses, wherever in a row a run begins.
        """
        runs = min(runs, nbytes)
        if not runs:
            return 0
        accesses = self.accesses(nbytes, runs)
        first = runs * min(self.channels, accesses // runs)
        return first + ceil((accesses - first) * self.access_bytes / self.row_bytes)

    def busy_ns(self, nbytes: int, runs: int) -> float:
        """How long the data bus is taken: by the data, or by waiting for rows where these are
        slower, and by refreshes in between.
        """
        data = self.accesses(nbytes, runs) * self.access_bytes / self.peak_gbytes_per_s
        rows = self.opened(nbytes, runs) * self.row_ns / self.channels
        return max(data, rows) / (1 - self.refresh_share)
