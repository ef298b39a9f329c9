"""Bits of SmartDeal's weights as plain loops: in DRAM, and what slices read of them."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil


def huffman(frequencies):
    """{symbol: code length} of an optimal prefix code: join the two rarest until one is left.

    Of equally rare ones the smaller byte comes first, and what was joined last comes last: that
    decides no total, but which filter gets the longer code.
    """
    if len(frequencies) == 1:
        return dict.fromkeys(frequencies, 1)
    by_byte = sorted(frequencies.items(), key=lambda item: item[0] % 256)
    heap = [(count, i, [symbol]) for i, (symbol, count) in enumerate(by_byte)]
    heapify(heap)
    lengths = dict.fromkeys(frequencies, 0)
    joined = len(heap)
    while len(heap) > 1:
        (a, _, left), (b, _, right) = heappop(heap), heappop(heap)
        for symbol in left + right:
            lengths[symbol] += 1
        heappush(heap, (a + b, joined, left + right))
        joined += 1
    return lengths


@dataclass
class Bits:
    """Bits of a layer: `codes[k]`, `basis[k]`, the code table's and the index's."""

    codes: list
    basis: list
    table: int
    index: int


def layer_bits(layer, rows, basis_shape, chip):
    """What the weights of a layer take; `basis_shape` (K, slices, r, n), None for a raw layer."""
    if basis_shape is None:
        weights = layer.weight_elements // layer.out_channels
        return Bits([8 * weights] * len(rows), [0] * len(rows), 0, 0)
    by_row = chip.granularity == "row"
    coded = [[code for row in own if any(row) for code in row if by_row or code] for own in rows]
    frequencies = {}
    for symbols in coded:
        for symbol in symbols:
            frequencies[symbol] = frequencies.get(symbol, 0) + 1
    lengths = huffman(frequencies) if frequencies else {}
    _, slices, depth, columns = basis_shape
    high = ceil(len(rows[0]) / slices)
    full = [
        sum(any(any(row) for row in own[i : i + high]) for i in range(0, len(own), high))
        for own in rows
    ]
    per_slice = 8 * depth * columns + 16
    index = sum(len(own) if by_row else sum(map(len, own)) for own in rows)
    return Bits(
        [sum(lengths[symbol] for symbol in symbols) for symbols in coded],
        [per_slice * count for count in full],
        5 * len(lengths),
        index,
    )


def buffer_bits(groups, bits, basis_shape, chip):
    """[k] bits a filter reads with every tile, and [k] bits besides with its group's first."""
    if basis_shape is None:
        every = [
            sum(8 * len(row) for row in own if any(row)) for group in groups for own in group.rows
        ]
        return every, [0] * len(every)
    high = ceil(len(groups[0].rows[0]) / basis_shape[1])
    bases = {}
    jobs = groups[0].tiles[0][0] if groups[0].own_inputs else groups[0].tiles[0]
    for job in jobs:
        bases.setdefault(job.line, set()).add(job.row // high)
    if max(map(len, bases.values())) > chip.per_line:
        return [a + b for a, b in zip(bits.codes, bits.basis, strict=True)], [0] * len(bits.codes)
    return bits.codes, bits.basis


def weight_cycles(groups, every, first, chip):
    """[output group] cycles of the slowest slice's weight buffer, in the first tile and others."""
    opening, steady, k = [], [], 0
    for group in groups:
        for streams in group.groups():
            filters = sum(map(len, streams))
            seats = [
                every[k + i : k + i + group.clusters] for i in range(0, filters, group.clusters)
            ]
            seats[-1] = seats[-1][: filters - group.clusters * (len(seats) - 1)]
            begin = [
                first[k + i : k + i + group.clusters] for i in range(0, filters, group.clusters)
            ]
            begin[-1] = begin[-1][: len(seats[-1])]
            steady.append(max(ceil(sum(own) / 8 / chip.weight_width) for own in seats))
            opening.append(
                max(
                    ceil((sum(own) + sum(more)) / 8 / chip.weight_width)
                    for own, more in zip(seats, begin, strict=True)
                )
            )
            k += filters
    return opening, steady
