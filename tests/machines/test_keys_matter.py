"""Every number in every arch file matters: it is doubled and halved, and results are compared.

Keys come from the loaded archs, defaults included, so a new key or machine is tested by being
there.
"""

from collections.abc import Iterator

import pytest
from slow_cases import slow_where
from tiny_networks import conv, linear, network, post

import archsim
from archsim.formats.errors import InputError
from archsim.formats.search import names

DENSE_SCNN = "published/dcnn"
INFERENCE = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]


def numbers(resolved) -> Iterator[tuple[str, float]]:
    """Numeric keys of an arch: its own and those of its components."""
    keys = {key: value for key, value in resolved.items() if key not in {"flows", "components"}}
    for name, part in resolved["components"].items():
        keys |= {f"{name}.{key}": value for key, value in part.items()}
    for key, value in keys.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield key, value


def neighbours(value):
    """Twice and half the value; something for nothing."""
    if not value:
        return [8]
    half = value // 2 if isinstance(value, int) else value / 2
    return [2 * value] + ([half] if half else [])


def small():
    """Compute-bound layers of every kind, and a residual edge."""
    return [
        conv("stem", [], (3, 40), (13, 18), padding=[1, 1], stride=[2, 2]),
        conv("a", ["stem"], (40, 70), (7, 9), padding=[1, 1]),
        conv("b", ["a"], (70, 40), (7, 9), kernel=(1, 1)),
        post("sum", "add", ["stem", "b"]),
        conv("dw", ["sum"], (40, 40), (7, 9), padding=[1, 1], groups=40),
        post("pool", "pool", ["dw"], kind="avg", **{"global": True}),
        linear("head", ["pool"], (40, 10)),
    ]


def wide():
    """Large planes of few channels and a large classifier: the bus is the limit."""
    return [
        conv("in", [], (60, 24), (96, 96), kernel=(1, 1)),
        conv("many", ["in"], (24, 128), (96, 96), kernel=(1, 1), stride=[4, 4]),
        post("pool", "pool", ["many"], kind="max", kernel=[4, 4], stride=[4, 4]),
        linear("head", ["pool"], (4608, 130)),
    ]


def heavy():
    """More inputs than half a megabyte and more weights than a quarter, so that both are cut."""
    return [conv("heavy", [], (1024, 300), (24, 24), kernel=(1, 1), stride=[6, 6])]


def plane():
    """Results by the megabyte from next to no work, so that they pile up before the bus."""
    return [conv("plane", [], (1, 64), (300, 300), kernel=(1, 1))]


def both():
    """As many inputs as results, so that the bus is slower than the post-processor."""
    return [conv("both", [], (64, 64), (100, 100), kernel=(1, 1))]


WORKLOADS = {"small": small, "wide": wide, "heavy": heavy, "plane": plane, "both": both}


@pytest.fixture(scope="module")
def workloads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [network(folder, *make(), name=name) for name, make in WORKLOADS.items()]


def outcome(arch, workload):
    """All that was counted, without the arch that it was counted on."""
    plain = archsim.simulate(arch, workload).to_dict()
    return {key: value for key, value in plain.items() if "arch" not in key and "hash" not in key}


def matters(base, key, value, workloads, usual):
    """Whether a value next to it changes some outcome; one that is no legal value does not.

    `base` is a machine and keys of its own.
    """
    name, keys = base
    for other in neighbours(value):
        try:
            arch = archsim.load_arch(name, keys | {key: other})
        except InputError:
            continue
        for workload in workloads:
            if workload.name not in usual:
                usual[workload.name] = outcome(archsim.load_arch(name, keys), workload)
            if outcome(arch, workload) != usual[workload.name]:
                return True
    return False


VALUES_ALONE = {"smartdeal": {"rebuild_engine.weight_bits", "rebuild_engine.largest_shift"}}
"""Keys that decide about outputs and not about counts: tests/rtl compares the bits."""


@pytest.mark.parametrize(
    "arch", slow_where({"scnn", DENSE_SCNN}.__contains__, [*INFERENCE, DENSE_SCNN])
)
def test_every_number_matters(arch, workloads):
    usual = {}
    keys = dict(numbers(archsim.load_arch(arch).resolved))
    for key in VALUES_ALONE.get(arch, ()):
        del keys[key]
    assert keys
    idle = {k: v for k, v in keys.items() if not matters((arch, {}), k, v, workloads, usual)}
    # What holds results cannot matter where DRAM takes them as fast as they are made.
    slow, usual = (arch, {"dram.bytes_per_cycle": 8}), {}
    assert not [k for k, v in idle.items() if not matters(slow, k, v, workloads, usual)]
