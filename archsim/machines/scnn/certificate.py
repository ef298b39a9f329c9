"""A proof, for small tiles, that no element of SCNN can ever wait for a bank, so that its cycles
are its operations.

Where a tile has no more pixels of a phase than an operation takes, an element meets each weight
vector at most once, with some of the pixels of a full tile. Let a full tile without plane edges
run each (channel, phase) from queues B. If no queue passes the depth and all end within B, every
real element stays within B too: it adds no more products in a run, and a run it skips leaves its
queues as they are. Tiles whose origins differ by a multiple of two outputs see the banks permuted,
so few of them need the proof.
"""

from dataclasses import dataclass, replace

import numpy as np

from archsim.machines.scnn.banks import Words, bank_table
from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.elements import activation_vectors
from archsim.machines.scnn.operations import Operands
from archsim.machines.scnn.queues import drain, overfull
from archsim.machines.scnn.tiling import Pass, ScnnArray, Vectors
from archsim.machines.shared.geometry import Ints, Mask, ceil_div

ROUNDS = 6  # of raising B; where it exists it is found in two or three
PROBES = 8  # filter groups that are tried before all
FAR = 1 << 20  # an origin so far inside the plane that no tap leaves it


def never_waits(layer: Operands) -> Mask:
    """Which filter groups are proven free of waiting: (groups,)."""
    stride, tile = layer.geometry.stride, layer.tiling.tile
    if ceil_div(tile[0], stride[0]) * ceil_div(tile[1], stride[1]) > layer.array.activations:
        return np.zeros(layer.groups, bool)
    proven = np.ones(layer.groups, bool)
    for origin in tile_origins(layer):
        if proven.any():
            proven &= _proven(layer, _full_tile(layer, origin))
    return proven


def _proven(layer: Operands, added: Words) -> Mask:
    """Which filter groups are proven free of waiting where a full tile's pixels add `added`; none
    where none of a few is. Passes and origins that add the same share the proof.
    """
    proofs, key, depth = layer.weights.proofs, added.tobytes(), layer.array.queue_depth
    if key not in proofs:
        # Where none of the few is proven hardly any would be, and the proof of all is not cheap.
        few = np.arange(0, layer.groups, ceil_div(layer.groups, PROBES))
        proof = _of_vectors(layer.weights.vectors(few), added, depth)
        if proof.any() and few.size < layer.groups:
            every = layer.weights.all_vectors()
            proof = np.concatenate([_of_vectors(some, added, depth) for some in every])
        proofs[key] = proof if proof.size == layer.groups else np.zeros(layer.groups, bool)
    return proofs[key]


def _of_vectors(weights: Vectors, added: Words, depth: int) -> Mask:
    """Which groups are proven of those that have these weights."""
    if loops := compiled():
        lengths, width = weights.lengths, weights.members.shape[1]
        proof: Mask = loops.prove(
            (weights.members, lengths), added, depth, (0,) * added.shape[2], (0,) * width
        )
        return proof
    return _bounded(_full_tile_runs(weights, added), depth)


def tile_origins(layer: Operands) -> list[tuple[int, int]]:
    """One origin for each kind of tile, in padded coordinates far inside."""
    # Two outputs further, x >> 1 flips for every x alike: the same 32 banks in another order. The
    # sixth bit has x >> 2, into which some x would carry, so 64 banks need four outputs.
    outputs = 2 if layer.array.banks <= 32 else 4
    kinds = []
    for axis, count in enumerate((layer.array.rows, layer.array.columns)):
        stride, tile = layer.geometry.stride[axis], layer.tiling.tile[axis]
        tiles = min(count, ceil_div(layer.tiling.plane[axis], tile))
        starts = np.arange(tiles) * tile + layer.tiling.origin[axis]
        kinds.append(
            [FAR * stride + start for start in set((starts % (outputs * stride)).tolist())]
        )
    return [(row, column) for row in kinds[0] for column in kinds[1]]


@dataclass(frozen=True)
class _Runs:
    """What a full tile does with each (filter group, channel, phase): `size` operations from
    `start` on in `counts` (operations, words).
    """

    counts: Words
    start: Ints
    size: Ints
    group: Ints
    groups: int


def _full_tile(layer: Operands, origin: tuple[int, int]) -> Words:
    """What the pixels of a full tile at an origin add together: (phases, codes of weights, words),
    zero for a phase without pixels.
    """
    size = 2 * FAR, 2 * FAR
    tiling = replace(layer.tiling, plane=layer.tiling.tile, origin=origin, out_size=size)
    table = bank_table(layer.geometry, tiling, layer.array.banks)
    one = ScnnArray(rows=1, columns=1, activations=layer.array.activations)
    full = np.ones((1, *tiling.plane), bool)
    vectors = activation_vectors(Pass(full, tiling), layer.geometry, one)
    present = vectors.counts.reshape(-1) > 0
    single = table.by_code.transpose(1, 0, 2)
    added = np.zeros((present.size, *single.shape[1:]), np.uint64)
    added[present] = single[table.activation_classes(vectors)].sum(axis=1, dtype=np.uint64)
    return added


def _full_tile_runs(weights: Vectors, added: Words) -> _Runs:
    """Runs of filter groups on a full tile."""
    lengths, codes = weights.lengths, weights.members
    phase = np.broadcast_to(np.arange(len(added)), lengths.shape)
    rows = added.reshape(-1, added.shape[2])
    place = np.repeat(phase, lengths.reshape(-1)) * added.shape[1]
    counts = rows.take(place + codes[:, 0], axis=0)
    for member in codes.T[1:]:
        counts += rows.take(place + member, axis=0)
    present = added.any(axis=(1, 2))
    group, channel, of_phase = np.nonzero(lengths * present)
    run = np.ravel_multi_index((group, channel, of_phase), lengths.shape)
    size = lengths.reshape(-1)[run].astype(np.int64)
    return _Runs(counts, weights.first[run], size, group, len(lengths))


def _bounded(runs: _Runs, depth: int) -> Mask:
    """Groups for which a bound B was found: raise it to where its runs end until they end within
    it.
    """
    bound = np.zeros((runs.groups, runs.counts.shape[1]), np.uint64)
    proven = np.ones(runs.groups, bool)
    proven[runs.group] = False
    open_groups = ~proven
    for _ in range(ROUNDS):
        which = np.flatnonzero(open_groups[runs.group])
        if which.size == 0:
            break
        ends, failed = _run_from(runs, which, bound, depth)
        group = runs.group[which]
        heads = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
        raised = np.maximum.reduceat(ends.view(np.uint8), heads, axis=0)
        # A bound may only rise: the union of what was met so far is what the proof needs.
        raised = np.maximum(raised, bound[group[heads]].view(np.uint8)).view(np.uint64)
        settled = (raised == bound[group[heads]]).all(axis=1) & ~failed[group[heads]]
        bound[group[heads]] = raised
        proven[group[heads[settled]]] = True
        open_groups &= ~proven & ~failed
    return proven


def _run_from(runs: _Runs, which: Ints, bound: Words, depth: int) -> tuple[Words, Mask]:
    """Where some runs end from their groups' bounds, (runs, words), and which groups pass the
    depth.
    """
    failed = np.zeros(runs.groups, bool)
    order = np.argsort(-runs.size[which], kind="stable")
    block = which[order]
    queues = bound[runs.group[block]]
    # Longest first, so that the runs still going are always a prefix: no mask per step.
    longest_first = -runs.size[block]
    for step in range(int(runs.size[block[0]])):
        active = int(np.searchsorted(longest_first, -step, side="left"))
        full = queues[:active] + runs.counts.take(runs.start[block[:active]] + step, axis=0)
        over = overfull(full, depth)
        if over.size:
            failed[runs.group[block[over]]] = True
            full[over] = 0  # a failed run goes on harmlessly; its group is lost already
        drain(full, queues[:active])
    ends = np.empty_like(queues)
    ends[order] = queues
    return ends, failed
