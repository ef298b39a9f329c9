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
    output_register: bool = True
    fill: str = "group"
    barrier: int = 1
    empty_tiles: str = "cycle"
    tree_positions: int = 1


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
    bit = [0] + [(int(value) >> i) & 1 for i in range(18)]  # nine digits, the last of a sign 0
    return sum(bit[i] + bit[i + 1] - 2 * bit[i + 2] != 0 for i in range(0, 18, 2))


def serial_steps(value, chip):
    return modified_booth(value) if chip.serial == "booth" else bin(abs(int(value))).count("1")


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
    side_by_side: bool = False

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
        return length if any(self.kept(k, job.row) for k in filters) else 0

    def rebuilding(self, filters, job):
        """Cycles of its rebuild: the slowest of the filters that step together, at least one."""
        return max([1, *(self.rebuild(k, job.row) for k in filters)])

    @property
    def ahead(self):
        """Whether a row is rebuilt while the job before runs: into an engine that is free."""
        return self.chip.output_register or self.chip.per_line >= 2 * self.clusters

    @property
    def tree(self):
        """Cycles in which the adder tree takes the sums of a tile."""
        if self.side_by_side:
            return ceil(self.clusters / self.chip.tree_positions)
        return ceil(self.chip.macs / self.chip.tree_positions)

    def groups(self):
        """Filters of each output-channel group, as the lists of filters of its streams."""
        streams = self.chip.slices if self.own_inputs else self.chip.streams
        per_stream = self.seats // streams
        for first in range(0, len(self.rows), self.seats):
            filters = range(first, min(first + self.seats, len(self.rows)))
            seats = [[k for k in filters if (k - first) // per_stream == s] for s in range(streams)]
            yield [stream for stream in seats if stream]

    def run(self, together, fill):
        """Walks one line after the other through each tile of an output group, as a clock would.

        `together` are the streams of filters that meet at the barrier. Returns when each stream is
        through, [stream][tile], counted from when the tile opened, and when the tile after the last
        would open.
        `free[s][l]` is when line l may begin to rebuild the row of its next job.
        """
        opens, took = 0, [[] for _ in together]
        free = [[1 if fill else -(10**9)] * self.chip.lines for _ in together]
        for t in range(len(self.tiles)):
            for s, filters in enumerate(together):
                through = opens + (self.chip.empty_tiles == "cycle")
                clock = [opens] * self.chip.lines
                for job in self.jobs(filters[0], t):
                    length = self.lasting(filters, job)
                    if not length:
                        continue
                    line = job.line
                    there = free[s][line] + self.rebuilding(filters, job)
                    begins = max(clock[line], there)
                    clock[line] = begins + length
                    free[s][line] = begins if self.ahead else clock[line]
                    through = max(through, clock[line])
                took[s].append(through - opens)
            spent = max(one[t] for one in took) + self.chip.barrier
            opens += max(spent, self.tree)
        return took, opens

    def times(self, together=True):
        """[output group][stream][tile] cycles, the first tile without its fill; streams meet at the
        barrier or run each by itself.
        """
        made = []
        for streams in self.groups():
            found = []
            for those in [streams] if together else [[one] for one in streams]:
                took = self.run(those, self.chip.fill == "group")[0]
                bare = self.run(those, False)[0]
                found += [[first[0], *rest[1:]] for first, rest in zip(bare, took, strict=True)]
            made.append(found)
        return made

    def fills(self):
        """[output group] what the rebuilds before the first jobs add to its first tile."""
        if self.chip.fill == "none":
            return [0 for _ in self.groups()]
        made = []
        for streams in self.groups():
            filled, bare = (
                [self.run([one], fill)[0][0][0] for one in streams] for fill in (True, False)
            )
            made.append(max(filled) - max(bare))
        return made

    def every_job(self):
        """(filter, tile, job) of all jobs that are made."""
        for k in range(len(self.rows)):
            for t in range(len(self.tiles)):
                for job in self.jobs(k, t):
                    if self.kept(k, job.row) and job_cycles(job, self.chip):
                        yield k, t, job

    def busy(self):
        """B: cycles of all live jobs of all filters."""
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
    """The four readings of `sync`, without barriers and fills."""
    lanes = chip.slices * chip.lines
    busy, digits = sum(group.busy() for group in groups), sum(group.digits() for group in groups)
    met, alone = (
        [streams for group in groups for streams in group.times(together)]
        for together in (True, False)
    )
    return {
        "tile": sum(max(column) for streams in met for column in zip(*streams, strict=True)),
        "group": sum(max(sum(stream) for stream in streams) for streams in alone),
        "lines": ceil(busy / (lanes * groups[0].clusters)),
        "lanes": ceil(digits / (lanes * chip.macs)),
    }
