"""Batches whose samples would not fit into memory are refused before anything is laid out."""

import pytest
from tiny_networks import conv, network, run

from archsim.formats.errors import InputError
from archsim.machines.shared import tables

# On DianNao: 64 filters a group, and 32 pixels a tile, for half of NBout holds 32 x 64 results.
LAYER = conv("a", [], (2, 130), (16, 16), padding=[1, 1])
TILES = 3 * 8


def test_a_batch_is_refused_that_has_more_tiles_than_a_run_lays_out(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_VISITS", 10 * TILES + 1)
    ten, eleven = (network(tmp_path, LAYER, batch=n, name=f"n{n}") for n in (10, 11))
    assert run("diannao", ten).layers[0].macs == 10 * run("diannao", ten.of_batch(1)).layers[0].macs
    with pytest.raises(InputError) as refused:
        run("diannao", eleven)
    assert str(refused.value).endswith(
        "n11.yaml: a batch of 11 has 264 tiles on DianNao, and a run lays out at most 241; take a "
        "batch of 10 or less"
    )


def test_one_sample_is_never_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_VISITS", 1)
    assert run("diannao", network(tmp_path, LAYER)).cycles > 0


def test_the_largest_batch_is_refused_where_it_has_too_many_tiles(tmp_path):
    """65,536 samples of 120 tiles are 7.9 million of the 6 million that fit."""
    wide = network(tmp_path, conv("a", [], (2, 130), (40, 32), padding=[1, 1]), batch=65_536)
    with pytest.raises(InputError, match="take a batch of 50,000 or less"):
        run("diannao", wide)


@pytest.mark.parametrize("batch", [0, -3, 65_537, 10**12])
def test_another_batch_size_has_the_bounds_of_a_file(tmp_path, batch):
    workload = network(tmp_path, LAYER)
    with pytest.raises(InputError, match=r"it is at least 1 and at most 65,536"):
        workload.of_batch(batch)
    with pytest.raises(InputError, match="batch"):
        network(tmp_path, LAYER, batch=batch, name="other")
