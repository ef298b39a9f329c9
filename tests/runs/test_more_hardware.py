"""More of anything that carries, holds or finishes data never makes a machine slower, and never
makes it refuse what ran.

Nobody has to know the right number of cycles for that: the machine could leave what is new unused.
A transfer under way is not interrupted, so one per cent is allowed.
"""

import numpy as np
import pytest
from tiny_networks import conv, linear, network, post, residual, run

import archsim
from archsim.formats.search import names

SLACK = 1.01
KEYS = (
    "bytes_per_cycle",
    "fill_bytes_per_cycle",
    "elements_per_cycle",
    "banks",
    "bank_kbytes",
    "slots",
    "count",
)
MACHINES = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
CASES = 2
CASE_NUMBERS = [0, pytest.param(1, marks=pytest.mark.slow)]


def keys_of(arch):
    """What can be doubled of DRAM, DMA, buffers and post-processor, with its value."""
    for name, part in arch.components.items():
        for key in KEYS if part.kind in {"off_chip", "mover", "storage", "post"} else ():
            if (value := getattr(part, key, None)) is not None:
                yield f"{name}.{key}", value


def block(rng):
    """A residual block, a resize beside it and a classifier, of random sizes."""
    a, b, c = (8 * int(n) for n in rng.integers(1, 13, 3))
    size = [int(n) for n in rng.integers(7, 21, 2)]
    first, second = (int(n) for n in rng.choice([1, 3], 2))
    groups = b if rng.random() < 0.4 else 1
    return [
        conv("a", [], (a, b), size, kernel=(first, first), padding=[first // 2] * 2),
        conv("b", ["a"], (b, b), size, (second, second), padding=[second // 2] * 2, groups=groups),
        post("both", "concat", ["a", "b"]),
        conv("c", ["both"], (2 * b, c), size, kernel=(1, 1)),
        post("up", "resize", ["c"], out_size=[2 * n for n in size]),
        post("pool", "pool", ["c"], kind="max", **{"global": True}),
        linear("d", ["pool"], (c, 5 * a)),
    ]


def starved(arch, rng):
    """Buffers of a quarter, and a DRAM of any width."""
    parts = archsim.load_arch(arch).components.items()
    keys = {f"{name}.bank_kbytes": p.bank_kbytes / 4 for name, p in parts if p.kind == "storage"}
    return keys | {"dram.bytes_per_cycle": int(rng.choice([16, 32, 64, 256]))}


@pytest.mark.parametrize("arch", MACHINES)
@pytest.mark.parametrize("case", CASE_NUMBERS)
def test_twice_as_much_is_no_slower(tmp_path, arch, case):
    rng = np.random.default_rng([case, 11])
    workload = network(tmp_path, *block(rng), batch=case % 2 + 1, seed=case)
    base = starved(arch, rng) if case == CASES - 1 else {}
    cycles = run(arch, workload, base).cycles
    slower = {}
    for key, value in keys_of(archsim.load_arch(arch, base)):
        ratio = run(arch, workload, base | {key: 2 * value}).cycles / cycles
        if ratio > SLACK:
            slower[key] = ratio
    assert not slower


@pytest.mark.parametrize("key", ["nbout.banks", "sb.banks", "nbin.banks", "dma.burst_bytes"])
def test_a_hundred_times_as_much_is_no_slower(tmp_path, key):
    """Tiles do not grow with the buffers, nor bursts with them."""
    workload = network(tmp_path, *residual())
    component, _, field = key.partition(".")
    value = getattr(archsim.load_arch("diannao").components[component], field)
    cycles = run("diannao", workload).cycles
    assert run("diannao", workload, {key: 128 * value}).cycles <= SLACK * cycles


WIDER = {
    "diannao": [
        ["nfu.inputs", "nbin.bytes_per_cycle", "sb.bytes_per_cycle"],
        ["nfu.outputs", "sb.bytes_per_cycle", "nbout.bytes_per_cycle", "post.elements_per_cycle"],
    ],
    "cambricon_x": [
        ["pe_array.pes", "sb.count", "nbin.bytes_per_cycle", "nbout.bytes_per_cycle",
         "post.elements_per_cycle"],
        ["pe_array.multipliers", "nbin.bytes_per_cycle", "sb.bytes_per_cycle"],
    ],
    "bit_pragmatic": [
        ["pe_array.filters", "weight_buffer.count", "output_gb.bytes_per_cycle",
         "post.elements_per_cycle"],
        ["pe_array.columns", "input_gb.bytes_per_cycle", "output_gb.bytes_per_cycle",
         "post.elements_per_cycle"],
        ["pe_array.lanes", "input_gb.bytes_per_cycle", "weight_buffer.bytes_per_cycle"],
    ],
    "smartdeal": [
        ["pe_slices.slices", "weight_buffer.count", "output_gb.bytes_per_cycle",
         "post.elements_per_cycle"],
        ["pe_slices.lines", "input_gb.bytes_per_cycle", "weight_buffer.bytes_per_cycle",
         "index_selector.rows_per_cycle", "index_gb.bytes_per_cycle"],
        ["pe_slices.streams", "input_gb.bytes_per_cycle"],
        ["mac_array.macs", "input_gb.bytes_per_cycle", "output_gb.bytes_per_cycle",
         "post.elements_per_cycle"],
        ["rebuild_engine.per_line"],
        ["rebuild_engine.basis_rows_per_cycle"],
        ["index_selector.rows_per_cycle"],
    ],
    "systolic": [["array.rows", "input_buffer.bytes_per_cycle", "output_buffer.bytes_per_cycle"]],
}  # fmt: skip
"""Keys of the arrays, with the ports and counts that feed them. The columns of the systolic array
are not here: each fold pays for filling all of them (docs/machines/systolic.md)."""


@pytest.mark.parametrize(
    ("arch", "keys"),
    [pytest.param(arch, keys, id=keys[0]) for arch in WIDER for keys in WIDER[arch]],
)
def test_a_larger_array_that_is_fed_is_no_slower(tmp_path, arch, keys):
    parts = archsim.load_arch(arch).components
    values = {key: getattr(parts[key.split(".")[0]], key.split(".")[1]) for key in keys}
    for case in range(2):
        workload = network(tmp_path, *block(np.random.default_rng([case, 5])), seed=case)
        cycles = run(arch, workload).cycles
        assert run(arch, workload, {k: 2 * v for k, v in values.items()}).cycles <= SLACK * cycles
