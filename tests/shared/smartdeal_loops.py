"""The rules of SmartDeal's array as plain loops, one multiplication at a time; slow on purpose.

Written from docs/machines/smartdeal.md alone and shares no code with archsim: nothing is
vectorised, a tile is a list of pixels, a job a list of lists of input values.
"""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Chip:
    """The keys of the arch file that decide about cycles and accesses."""

    slices: int = 64
    lines: int = 16
    macs: int = 8
    streams: int = 4
    serial: str = "booth"
    skip: str = "both"
    depthwise_rows: int | None = None
    basis_rows: int = 1
    per_line: int = 2
    scan_rows: int = 16
    input_width: int = 256
    weight_width: int = 32
    granularity: str = "row"


@dataclass(frozen=True)
class Job:
    """One coefficient row against one tile: its place in the filter, its line, its multiplications.

    `weights` is a list with, for each weight of the row, the inputs that share it.
    """

    row: int
    line: int
    weights: list
    inputs: int
    side_by_side: bool = False


def modified_booth(value):
    """Radix-4 modified Booth recoding: each overlapping group of three bits is one digit."""
    bit = [0] + [(value >> i) & 1 for i in range(10)]
    return sum(bit[i] + bit[i + 1] - 2 * bit[i + 2] != 0 for i in range(0, 10, 2))


def serial_steps(value, chip):
    return modified_booth(value) if chip.serial == "booth" else bin(abs(value)).count("1")


def step(values, chip):
    """Cycles of a weight that these inputs share."""
    return max([1, *(serial_steps(value, chip) for value in values)])


def job_cycles(job, chip):
    """0 for a job that is skipped because all it would read is zero."""
    values = [value for shared in job.weights for value in shared]
    dead = not any(values)
    if dead and chip.skip in ("both", "inputs"):
        return 0
    if job.side_by_side:
        return step(values, chip)
    return sum(step(shared, chip) for shared in job.weights)


@dataclass
class Group:
    """One convolution group: `rows[k][u]` are the codes (or raw weights) of a row of a filter.

    `tiles[t]` are the jobs of a tile, or `tiles[t][k]` where each slice has `own_inputs`;
    `pixels[t]` are its outputs, `width` the columns of the basis.
    """

    chip: Chip
    rows: list
    tiles: list
    pixels: list
    raw: bool
    width: int
    clusters: int = 1
    own_inputs: bool = False

    @property
    def seats(self):
        return self.chip.slices * self.clusters

    def nonzeros(self, k, u):
        return sum(code != 0 for code in self.rows[k][u])

    def rebuild(self, k, u):
        return 0 if self.raw else ceil(self.nonzeros(k, u) / self.chip.basis_rows)

    def kept(self, k, u):
        return self.nonzeros(k, u) > 0 or self.chip.skip in ("none", "inputs")

    def jobs(self, k, t):
        return self.tiles[t][k] if self.own_inputs else self.tiles[t]

    def lasting(self, filters, job):
        """Cycles of a job in slices that step together; 0 if none of their filters has its row."""
        length = job_cycles(job, self.chip)
        if not length or not any(self.kept(k, job.row) for k in filters):
            return 0
        return max([length, *(self.rebuild(k, job.row) for k in filters)])

    def groups(self):
        """Filters of each output-channel group, as the lists of filters of its streams."""
        streams = self.chip.slices if self.own_inputs else self.chip.streams
        per_stream = self.seats // streams
        for first in range(0, len(self.rows), self.seats):
            filters = range(first, min(first + self.seats, len(self.rows)))
            seats = [[k for k in filters if (k - first) // per_stream == s] for s in range(streams)]
            yield [stream for stream in seats if stream]

    def stream_time(self, filters, t):
        time = [0] * self.chip.lines
        for job in self.jobs(filters[0], t):
            time[job.line] += self.lasting(filters, job)
        return max(1, *time)

    def times(self):
        """[output group][stream][tile] cycles."""
        return [
            [[self.stream_time(filters, t) for t in range(len(self.tiles))] for filters in streams]
            for streams in self.groups()
        ]

    def every_job(self):
        """(filter, tile, job) of all jobs that are made."""
        for k in range(len(self.rows)):
            for t in range(len(self.tiles)):
                for job in self.jobs(k, t):
                    if self.kept(k, job.row) and job_cycles(job, self.chip):
                        yield k, t, job

    def busy(self):
        """B: cycles of all live jobs of all filters, each with its own non-zeros."""
        return sum(self.lasting([k], job) for k, _, job in self.every_job())

    def digits(self):
        """D: digits of all multiplications of live rows."""
        return sum(
            serial_steps(value, self.chip)
            for k in range(len(self.rows))
            for t in range(len(self.tiles))
            for job in self.jobs(k, t)
            if self.nonzeros(k, job.row)
            for shared in job.weights
            for value in shared
        )

    def macs_done(self):
        """Multiplications of the jobs that are made; padding is multiplied like any zero."""
        return sum(sum(len(shared) for shared in job.weights) for _, _, job in self.every_job())

    def fifo(self):
        return sum(job.inputs for _, _, job in self.every_job())

    def basis_entries(self):
        return (
            sum(self.nonzeros(k, job.row) for k, _, job in self.every_job() if not self.raw)
            * self.width
        )

    def input_bytes(self):
        """[output group][tile] bytes that the streams read: a job's inputs once a stream."""
        return [
            [
                sum(
                    job.inputs
                    for filters in streams
                    for job in self.jobs(filters[0], t)
                    if self.lasting(filters, job)
                )
                for t in range(len(self.tiles))
            ]
            for streams in self.groups()
        ]

    def scanned(self):
        return sum(len(streams) for streams in self.groups()) * len(self.rows[0]) * len(self.tiles)


def cycles(groups, chip):
    """The four readings of `sync`."""
    outputs = [streams for group in groups for streams in group.times()]
    lanes = chip.slices * chip.lines
    busy, digits = sum(group.busy() for group in groups), sum(group.digits() for group in groups)
    return {
        "tile": sum(max(column) for streams in outputs for column in zip(*streams, strict=True)),
        "group": sum(max(sum(stream) for stream in streams) for streams in outputs),
        "lines": ceil(busy / (lanes * groups[0].clusters)),
        "lanes": ceil(digits / (lanes * chip.macs)),
    }
