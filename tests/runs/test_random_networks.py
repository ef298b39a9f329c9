"""Random small networks in buffers that hardly hold them: nothing gets stuck, nothing is lost.

Every run passes the checks that are always on; looked at besides are the bytes of layers that
need one pass, and that no run is shorter than its busiest component.
"""

from math import ceil

import numpy as np
import pytest
from tiny_networks import conv, linear, network, post, run

import archsim
from archsim.formats.errors import InputError
from archsim.formats.search import names

CASES = 14
MACHINES = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]


def random_entries(rng):
    """A residual block of a spatial and a depthwise or spatial layer, a 1x1 layer, a classifier."""
    a, b, c, d = (int(n) for n in rng.integers(1, 40, 4))
    size = [int(n) for n in rng.integers(3, 14, 2)]
    first, second = (int(n) for n in rng.choice([1, 3], 2))
    groups = b if rng.random() < 0.3 else 1
    return [
        conv("a", [], (a, b), size, kernel=(first, first), padding=[first // 2] * 2),
        conv("b", ["a"], (b, b), size, (second, second), padding=[second // 2] * 2, groups=groups),
        post("sum", "add", ["a", "b"]),
        conv("c", ["sum"], (b, 8 * c), size, kernel=(1, 1)),
        post("pool", "pool", ["c"], kind="max", **{"global": True}),
        linear("d", ["pool"], (8 * c, 5 * d)),
    ]


def tight(rng, arch):
    """Small and narrow buffers with one to three slots, any bus, any barrier."""
    keys = {
        "interlayer": str(rng.choice(["spill", "keep_if_fits"])),
        "barrier": str(rng.choice(["input", "layer"])),
        "dram.bytes_per_cycle": int(rng.choice([1, 16, 64, 10**6])),
        "dram.latency_cycles": int(rng.choice([0, 50, 1000])),
        "dram.arbitration": str(rng.choice(["first_come", "fixed"])),
    }
    for name, part in archsim.load_arch(arch).components.items():
        if part.kind == "storage":
            keys[f"{name}.banks"] = keys[f"{name}.count"] = 1
            keys[f"{name}.bank_kbytes"] = float(rng.choice([0.25, 0.5, 1, 2, 4, 8, 16]))
            keys[f"{name}.slots"] = int(rng.integers(1, 4))
            keys[f"{name}.bytes_per_cycle"] = int(rng.choice([1, 7, 64, 10**6]))
    return keys


def check_bytes(result, workload, keys, batch):
    """Reads of DianNao's layers by the common rule; DRAM and buffers agree everywhere."""
    for row, layer in zip(result.layers, workload.layers, strict=True):
        assert sum(row.actions.get("dram", {}).values()) == row.dram_bytes
        if layer.is_post or "nfu" not in result.instances or "psum" in row.dram_bytes_by:
            continue
        i, w = layer.input_elements * batch, layer.weight_elements
        room_i, room_w = (int(1024 * keys[f"{name}.bank_kbytes"]) for name in ("nbin", "sb"))
        if min(i, layer.kernel[0] * layer.in_size[1] * layer.group_channels) > room_i:
            continue  # read in strips of columns: tests/timing/test_strips.py
        halo = max(0, layer.kernel[0] - layer.stride[0]) * layer.in_size[1] * layer.in_channels
        ways = [(i, w)]
        if i > room_i and w > room_w:
            cuts = ceil(i / room_i)
            ways = [(i * ceil(w / room_w), w), (i + halo * (cuts - 1), w * cuts)]
        expected = min(ways, key=sum)
        if row.dram_bytes_by["input"] == 0 and keys["interlayer"] == "keep_if_fits":
            expected = (0, expected[1])
        assert (row.dram_bytes_by["input"], row.dram_bytes_by["weight"]) == expected


@pytest.mark.parametrize("arch", MACHINES)
def test_tight_buffers_neither_stick_nor_lose(tmp_path, arch):
    refused = 0
    for case in range(CASES):
        rng = np.random.default_rng([case, len(arch)])
        batch = int(rng.integers(1, 3))
        workload = network(tmp_path, *random_entries(rng), batch=batch, seed=case, name=f"n{case}")
        keys = tight(rng, arch)
        try:
            result = run(arch, workload, keys)
        except InputError as error:
            refused += str(error).endswith("enlarge it")
            continue
        check_bytes(result, workload, keys, batch)
        assert result.cycles >= sum(layer.compute_cycles for layer in result.layers if layer.macs)
        for mover in ("dram", "dma", "post"):
            assert sum(row.busy.get(mover, 0) for row in result.layers) <= result.cycles
    assert refused < CASES // 2
