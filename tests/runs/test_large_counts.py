"""Counts beyond 2^53, where a float is no longer exact, and products of counts beyond 2^63."""

import json
import random
from itertools import pairwise

import numpy as np
import pytest

from archsim.cli.main import main
from archsim.machines.shared.geometry import portion
from archsim.machines.shared.groups import cut_groups, spread
from archsim.machines.shared.tiles import even_parts, whole_parts

BATCH, TOKENS = 65_535, 4_095
WORKLOAD = f"""
format: archsim-workload/1
name: large
batch: {BATCH}
source: {{made_by: tests/runs/test_large_counts.py}}
layers:
  - {{name: a, op: linear, inputs: [], in_channels: 8191, out_channels: 8189, tokens: {TOKENS}}}
  - {{name: odd, op: linear, inputs: [], in_channels: 4, out_channels: 5}}
"""


def test_a_portion_is_that_of_whole_numbers():
    rng = random.Random(0)
    for _ in range(300):
        whole = rng.randrange(1, 2**31)
        parts = [rng.randrange(whole + 1) for _ in range(5)] + [whole]
        total = rng.randrange(2**62)
        found = portion(np.array(parts, np.int64), total, whole)
        assert found.tolist() == [part * total // whole for part in parts]


def test_even_parts_add_up_beyond_two_to_the_53():
    total, count = 2**60 + 12_345, 20_000
    parts = even_parts(total, count)
    ends = [place * total // count for place in range(count + 1)]
    assert parts.tolist() == [end - before for before, end in pairwise(ends)]
    several = whole_parts(np.array([7, total, 0, total]), np.array([2, count, 0, 1]))
    assert several.tolist() == [3, 4, *parts.tolist(), total]
    assert parts.max() - parts.min() <= 1


def test_groups_are_cut_without_a_wrap():
    amounts, parts = np.array([[2**58 + 7, 3]]), np.array([96])
    found = cut_groups(amounts, parts)
    assert found.sum(axis=0).tolist() == [2**58 + 7, 3]
    assert found.min() >= 0


def test_what_is_spread_adds_up_and_is_nowhere_negative():
    rng = np.random.default_rng(0)
    for total in (2**53 + 1, 2**55 - 1, 2**60 + 3, 10**18 - 1):
        for weights in (rng.integers(0, 9, 50), np.array([3, 1, 0, 0]), np.array([1, 1, 1, 0])):
            found = spread(total, weights)
            assert int(found.sum()) == total
            assert found.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["diannao", "systolic"])
def test_a_run_of_ten_to_the_sixteen_multiplications_is_exact(tmp_path, monkeypatch, arch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large.yaml").write_text(WORKLOAD)
    assert main(["run", "-w", "large.yaml", "-a", arch, "-q", "--no-figures", "--no-cache"]) == 0
    result = json.loads((tmp_path / "results" / "large" / f"{arch}.json").read_text())
    layers, totals = result["layers"], result["totals"]
    macs = [8191 * 8189 * TOKENS * BATCH, 20 * BATCH]
    assert int(float(sum(macs))) != sum(macs) > 2**53
    assert [layer["macs"] for layer in layers] == macs
    assert totals["macs"] == totals["macs_done"] == sum(macs)
    for key in ("cycles", "compute_cycles", "dram_bytes", "sram_bytes"):
        assert totals[key] == sum(layer[key] for layer in layers)
        assert f",{totals[key]}," in (tmp_path / "results" / "summary.csv").read_text()
    for name, instances in totals["instances"].items():
        spent = sum(
            layer["busy"].get(name, 0) + sum(layer["lost"].get(name, {}).values())
            for layer in layers
        )
        assert spent + totals["idle"][name] == totals["cycles"] * instances
    assert all(
        type(n) is int
        for layer in layers
        for one in layer["actions"].values()
        for n in one.values()
    )
