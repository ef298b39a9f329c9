"""Arrays too large to be worked on whole are taken in blocks, and give what they give at once."""

import dataclasses

import numpy as np
import pytest

from archsim.arch.arch import load_arch
from archsim.machines import systolic
from archsim.machines.cambricon_x import cycles
from archsim.machines.shared.tables import tables_of
from archsim.machines.smartdeal import jobs, pe_array
from archsim.workload.convolution import Geometry
from archsim.workload.workload import load_workload

SIZES = {jobs: "HELD", pe_array: "CHUNK", cycles: "HELD"}


def tables(machine, changes=None):
    """Everything that the rule gives of a small network with layers of every kind."""
    arch = load_arch(machine, changes or {})
    return tables_of(arch, load_workload("tiny_sd"), None)


def differences(one, other, at=""):
    """Where two trees of records, mappings, sequences and arrays differ."""
    if dataclasses.is_dataclass(one):
        one, other = vars(one), vars(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        pairs = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other)
        pairs = [(place, *pair) for place, pair in enumerate(zip(one, other, strict=True))]
    else:
        return [] if np.array_equal(one, other) else [at]
    return [found for key, *pair in pairs for found in differences(*pair, f"{at}.{key}")]


@pytest.mark.parametrize("machine", ["smartdeal", "cambricon_x"])
@pytest.mark.parametrize("each", [200, 3000])
def test_blocks_of_any_size_give_the_same_table(machine, each, monkeypatch):
    whole = tables(machine)
    for module, name in SIZES.items():
        monkeypatch.setattr(module, name, each)
    assert differences(tables(machine), whole) == []


@pytest.mark.parametrize("width", [1, 15, 16, 17, 4095, 4096, 5000])
def test_the_longest_job_of_a_wide_kernel_is_counted_whole(width):
    """255 has eight bits, and each of a job's weights takes as many cycles."""
    geometry = Geometry(kernel=(1, width))
    made = jobs.spatial_jobs(np.full((1, 1, width + 3), 255, np.uint8), geometry, 4, "bits", 1)
    assert made.cycles.tolist() == [[8 * width]]
    assert made.digits.tolist() == [4 * 8 * width]


def test_a_table_that_differs_is_seen():
    assert differences(tables("cambricon_x"), tables("cambricon_x", {"pe_array.pes": 32}))


@pytest.mark.parametrize("dataflow", ["output_stationary", "weight_stationary"])
def test_tiles_of_several_folds_are_the_sum_of_the_folds(dataflow, monkeypatch):
    changes = {"array.dataflow": dataflow, "input_buffer.bytes_per_cycle": 3}
    single = [table for phases in tables("systolic", changes).phases.values() for table in phases]
    monkeypatch.setattr(systolic, "MOST_TILES", 20)
    merged = [table for phases in tables("systolic", changes).phases.values() for table in phases]
    fewer = 0
    for one, many in zip(merged, single, strict=True):
        fewer += one.cycles.size < many.cycles.size
        for name in ("cycles", "limited", "outputs"):
            # Each group of filters takes as long, and makes as much, as its folds do.
            np.testing.assert_array_equal(getattr(one, name).sum(1), getattr(many, name).sum(1))
        assert (
            differences((one.actions, one.busy, one.lost), (many.actions, many.busy, many.lost))
            == []
        )
    assert (fewer > 0) == (dataflow == "output_stationary")
