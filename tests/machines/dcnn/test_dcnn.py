"""DCNN against its closed form, and against a loop over elements, results and vectors."""

from itertools import product
from math import ceil, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_layers import Arrays, conv, linear

import archsim
from archsim.formats.errors import InputError
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles

SAME = (1, 1, 1, 1)


def table(layer, bits=8, **keys):
    width = {"activation_bits": bits, "weight_bits": bits}
    own = {key.replace("__", "."): value for key, value in keys.items()}
    arch = archsim.load_arch("published/dcnn", width | own)
    (found,) = load_machine(arch).tiles(layer, Arrays(layer), arch)
    check_tiles(layer, found, 1)
    return found


def chunks(items, size):
    return [items[first : first + size] for first in range(0, len(items), size)]


def tile_of(element, grid, size):
    """Results of one element: its tile of the output plane, which may be empty."""
    th, tw = (ceil(size[axis] / grid[axis]) for axis in (0, 1))
    row, column = divmod(element, grid[1])
    rows = range(row * th, min((row + 1) * th, size[0]))
    return list(product(rows, range(column * tw, min((column + 1) * tw, size[1]))))


def vectors_of(layer, array, along):
    """Pairs of operands of one result, as a dot product takes them in each cycle."""
    taps = range(prod(layer.kernel))
    channels = range(layer.in_channels // layer.groups)
    if along == "window":
        return chunks(list(product(taps, channels)), array["inputs"])
    return [some for _ in taps for some in chunks(list(channels), array["inputs"])]


def play(layer, grid, array, along):
    """(cycles of the busiest element, multiplications and idle multiplier-cycles of all)."""
    K = layer.out_channels // layer.groups
    held = prod(ceil(layer.out_size[axis] / grid[axis]) for axis in (0, 1))
    together = max(array["filters"], array["accumulators"] // held)
    spent, macs = [], 0
    for element in range(prod(grid)):
        cycles = 0
        for _ in range(layer.groups):
            for group in chunks(list(range(K)), together):
                for _ in tile_of(element, grid, layer.out_size):
                    for vector in vectors_of(layer, array, along):
                        for trees in chunks(group, array["filters"]):
                            cycles += 1
                            macs += len(vector) * len(trees)
        spent.append(cycles)
    return max(spent), macs, spent


@st.composite
def layers(draw):
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    size = (draw(st.integers(3, 9)), draw(st.integers(3, 9)))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    groups = draw(st.sampled_from([1, 1, 2, 5]))
    each = (1, 1) if groups == 5 else (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    keys = {"stride": stride, "groups": groups, "padding": draw(st.sampled_from([(0,) * 4, SAME]))}
    return conv(each[0] * groups, each[1] * groups, size, kernel, **keys)


arrays = st.fixed_dictionaries(
    {
        "inputs": st.sampled_from([1, 3, 4, 16]),
        "filters": st.sampled_from([1, 2, 3]),
        "accumulators": st.sampled_from([1, 5, 24]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    layers(), st.sampled_from([(1, 1), (2, 3), (8, 8)]), arrays,
    st.sampled_from(["window", "channels"]),
)  # fmt: skip
def test_cycles_are_those_of_the_loop(layer, grid, array, along):
    keys = {"rows": grid[0], "columns": grid[1], "along": along, **array}
    sized = {f"{part}__count": prod(grid) for part in ("iaram", "oaram", "weight_fifo")}
    wide = {"iaram__bytes_per_cycle": 64, "weight_fifo__bytes_per_cycle": 64}
    found = table(layer, **{f"grid__{key}": each for key, each in keys.items()}, **sized, **wide)
    cycles, macs, spent = play(layer, grid, array, along)
    assert (found.compute_cycles, found.macs_done, found.macs_skipped) == (cycles, macs, 0)
    assert macs == layer.macs
    each = array["inputs"] * array["filters"]
    lost, holding = found.lost["grid"], [one for one in spent if one]
    assert lost["unmapped"] == (len(spent) - len(holding)) * cycles * each
    assert lost["line_sync"] == sum(cycles - one for one in holding) * each
    assert lost["lane_sync"] == sum(holding) * each - macs
    assert (found.limited == found.cycles).all()


@pytest.mark.parametrize(
    ("layer", "cycles"),
    [
        # 224 / 8 = 28, a tile of 784 results; 27 pairs are two vectors of 16
        (conv(3, 64, (224, 224), (3, 3), padding=SAME), 64 * 784 * 2),
        # 27 / 8 is 4 rows of a tile; two groups of 48 x 25 pairs are 75 vectors
        (conv(96, 256, (27, 27), (5, 5), padding=(2,) * 4, groups=2), 256 * 16 * 75),
        # a plane of 13 x 13 fills 7 x 7 of the 8 x 8 elements
        (conv(256, 384, (13, 13), (3, 3), padding=SAME), 384 * 4 * 144),
        # 9216 inputs are 144 on each element
        (linear(9216, 4096), 4096 * 9),
        (linear(100, 10, positions=7), 10 * 7),
    ],
)
def test_closed_form(layer, cycles):
    """K x ceil(P / 8) x ceil(Q / 8) x ceil(C / g x R x S / 16)."""
    assert table(layer).compute_cycles == cycles


def test_the_grid_idles_where_the_plane_does_not_fill_it():
    found = table(conv(16, 16, (13, 13), (1, 1)))
    lost, cycles = found.lost["grid"], found.compute_cycles
    assert lost["unmapped"] == (64 - 49) * 16 * cycles
    assert lost["line_sync"] == (49 * 4 - 169) * 16 * cycles // 4
    assert lost["lane_sync"] == 0


def test_accesses_by_hand():
    """8 x 8 results, one an element; 32 pairs are two vectors for each of 40 filters."""
    found = table(conv(32, 40, (8, 8), (1, 1)))
    assert found.compute_cycles == 80
    assert found.actions == {
        "iaram": {"read": 64 * 2 * 16},  # all filters are one group, which a vector meets
        "weight_fifo": {"read": 64 * 80 * 16, "write": 32 * 40 * 63},
        "grid": {"mac": 64 * 32 * 40, "psum_access": 64 * 80 * 6},
    }


def test_wider_operands_are_more_bytes_in_as_many_cycles():
    layer = conv(32, 40, (8, 8), (1, 1))
    narrow, wide = table(layer), table(layer, bits=16)
    assert wide.compute_cycles == narrow.compute_cycles
    for memory in ("iaram", "weight_fifo"):
        for action, nbytes in narrow.actions[memory].items():
            assert wide.actions[memory][action] == 2 * nbytes
    assert wide.moving["input"] == 2 * narrow.moving["input"]
    assert int(wide.stationary["weight"].sum()) == 2 * int(narrow.stationary["weight"].sum())
    assert wide.actions["grid"]["psum_access"] == 64 * 80 * 10  # a sum has 40 bits


def test_a_narrow_weight_memory_slows_every_tile():
    layer = conv(32, 40, (8, 8), (1, 1))
    narrow = table(layer, weight_fifo__bytes_per_cycle=4)
    assert (narrow.limited == 4 * narrow.cycles).all()
    assert narrow.lost["grid"]["wait_weight"] == 3 * narrow.compute_cycles * 1024


def test_a_plane_that_does_not_fit_comes_in_blocks_and_takes_as_long():
    layer = conv(64, 64, (64, 64), (3, 3), padding=SAME)
    whole, cut = table(layer), table(layer, iaram__bank_kbytes=1)
    assert (whole.min_blocks, cut.min_blocks) == (1, 4)
    assert cut.cycles.shape[1] == 4
    assert cut.compute_cycles == whole.compute_cycles


def test_it_is_no_part_of_a_bare_run():
    from archsim.formats.search import find, names

    assert not {"dcnn", "published/dcnn", "published/scnn"} & names("archs").keys()
    assert find("archs", "published/dcnn").name == "dcnn.yaml"
    with pytest.raises(InputError, match=r"published/dcn.*published/dcnn"):
        find("archs", "published/dcn")
