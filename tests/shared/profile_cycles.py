"""Cycles of four machines from shapes and values, short and vectorised, written from their rules.

These are the parts of docs/machines/*.md that values decide: no memory, no bank queues, infinite
bandwidth. They serve to compare measured with drawn tensors, so they need not be the product's.
"""

import numpy as np


def _digits(value):
    """Non-zero radix-4 Booth digits of -128 .. 255."""
    bits = [(value >> i) & 1 for i in range(10)]
    return sum(-2 * bits[i + 1] + bits[i] + (bits[i - 1] if i else 0) != 0 for i in range(0, 10, 2))


DIGITS = np.array([_digits(v) for v in range(-128, 256)])


def _segments(digits, width, stride, pad, out_width):
    """(C, H, tiles) cycles of one kernel row over 8 neighbouring outputs; 0 where all are zero."""
    channels, height, columns = digits.shape
    tiles = -(-out_width // 8)
    reach = max((tiles * 8 - 1) * stride + width, columns + pad)
    padded = np.zeros((channels, height, reach), dtype=int)
    padded[:, :, pad : pad + columns] = digits
    total, most = 0, 0
    for tap in range(width):
        seen = padded[:, :, tap : tap + (tiles * 8 - 1) * stride + 1 : stride].copy()
        seen[:, :, out_width:] = 0
        step = seen.reshape(channels, height, tiles, 8).max(axis=3)
        total, most = total + np.maximum(step, 1), np.maximum(most, step)
    return np.where(most > 0, total, 0)


def _slowest(lines, streams):
    """Sum over tiles of the slowest line of the slowest stream of each 64 filters."""
    per_stream = np.maximum(np.max(lines, axis=0), 1)
    return sum(
        int(per_stream[k : k + streams].max(axis=0).sum())
        for k in range(0, len(per_stream), streams)
    )


def _streams(coef, streams):
    """(streams, ...) coefficient rows that are live in any filter of a stream."""
    live = (coef != 0).any(axis=-1)
    return np.stack([live[k : k + 64 // streams].any(axis=0) for k in range(0, len(live), 16)])


def smartdeal_spatial(inputs, coef, stride, pad):
    """sync: tile with four streams; coef (K, C, R, r)."""
    _, height, width = inputs.shape
    kernel = coef.shape[2]
    rows = (height + 2 * pad - kernel) // stride + 1
    jobs = _segments(DIGITS[inputs.astype(int) + 128], kernel, stride, pad,
                     (width + 2 * pad - kernel) // stride + 1)  # fmt: skip
    jobs = np.pad(jobs, ((0, 0), (pad, pad + kernel), (0, 0)))
    live = _streams(coef, 4).astype(int)
    lines = []
    for line in range(min(16, len(inputs))):
        own = jobs[line::16]
        taken = [
            np.tensordot(live[:, line::16, r], own[:, r : r + (rows - 1) * stride + 1 : stride], 1)
            for r in range(kernel)
        ]
        lines.append(sum(taken).reshape(len(live), -1))
    return _slowest(lines, 4)


def smartdeal_pointwise(inputs, coef):
    """The same for a 1x1 kernel of stride 1; coef (K, triples, 3)."""
    flat = DIGITS[inputs.reshape(len(inputs), -1).astype(int) + 128]
    triples, tiles = coef.shape[1], -(-flat.shape[1] // 8)
    padded = np.zeros((3 * triples, 8 * tiles), dtype=int)
    padded[: flat.shape[0], : flat.shape[1]] = flat
    most = padded.reshape(triples, 3, tiles, 8).max(axis=3)
    exists = (np.arange(3 * triples) < len(flat)).reshape(triples, 3, 1)
    jobs = np.where(most.any(axis=1), (np.maximum(most, 1) * exists).sum(axis=1), 0)
    live = _streams(coef, 4).astype(int)
    return _slowest([live[:, i::16] @ jobs[i::16] for i in range(min(16, triples))], 4)


def bit_pragmatic(inputs):
    """Cycles of all bricks of 16 channels: lanes clear their lowest bit if near that of all."""
    channels = -(-len(inputs) // 16) * 16
    padded = np.zeros((channels, inputs[0].size), dtype=int)
    padded[: len(inputs)] = np.abs(inputs.reshape(len(inputs), -1).astype(int))
    lanes = padded.reshape(-1, 16, padded.shape[1])
    cycles = np.zeros((len(lanes), lanes.shape[2]), dtype=int)
    while lanes.any():
        lowest = lanes & -lanes
        base = np.where(lanes > 0, lowest, 1 << 20).min(axis=1)
        cycles += base < 1 << 20
        lanes = np.where(lowest <= base[:, None] << 3, lanes ^ lowest, lanes)
    return int(np.maximum(cycles, 1).sum())


def scnn(inputs, weight):
    """Vector operations of the slowest of 8x8 tiles, stride 1: activations by 4, weights by 4."""
    channels, height, width = inputs.shape
    filters, _, kernel, _ = weight.shape
    th, tw = -(-height // 8), -(-width // 8)
    padded = np.zeros((channels, 8 * th, 8 * tw), dtype=bool)
    padded[:, :height, :width] = inputs != 0
    vectors = -(-padded.reshape(channels, 8, th, 8, tw).sum(axis=(2, 4)).reshape(channels, 64) // 4)
    group = max(1, 1024 // ((th + kernel - 1) * (tw + kernel - 1)))
    counts = [(weight[k : k + group] != 0).sum(axis=(0, 2, 3)) for k in range(0, filters, group)]
    return sum(int((vectors.T @ -(-count // 4)).max()) for count in counts)


def cambricon(weight):
    """Rounds of 16 non-zeros of the fullest of each 64 filters, without fillers."""
    entries = np.count_nonzero(weight.reshape(len(weight), -1), axis=1)
    rounds = np.maximum(1, -(-entries // 16))
    return sum(int(rounds[k : k + 64].max()) for k in range(0, len(rounds), 64))
