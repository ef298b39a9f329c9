"""DRAM bytes against the rule by hand, and against a walk that counts every block that moves."""

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import conv, linear, network, post, run

from archsim.machines.shared.traffic import Held, choose_order, passes_over_inputs
from archsim.results.trace import Trace

KB = 1024


def hand_rule(inputs, weights, halo):
    """Bytes of (inputs, weights) read, each given as (bytes, buffer); halo bytes a cut."""
    (i, input_room), (w, weight_room) = inputs, weights
    if i <= input_room or w <= weight_room:
        return i, w
    by_weights = (i * ceil(w / weight_room), w)
    by_inputs = (i + halo * (ceil(i / input_room) - 1), w * ceil(i / input_room))
    return min(by_weights, by_inputs, key=sum)


def chosen(inputs, weights, halo):
    order = choose_order({"input": Held(*inputs)}, {"weight": Held(*weights)}, halo)
    halos = halo * (order.blocks - 1) if order.hold_inputs else 0
    return inputs[0] * order.input_reads + halos, weights[0] * order.weight_reads


@settings(max_examples=120)
@given(*[st.tuples(st.integers(0, 400), st.integers(1, 100))] * 2, st.integers(0, 60))
def test_order_is_that_of_the_rule(inputs, weights, halo):
    assert chosen(inputs, weights, halo) == hand_rule(inputs, weights, halo)


@pytest.mark.parametrize(
    ("inputs", "weights", "expected"),
    [
        ((100, 100), (900, 10), (100, 900)),
        ((900, 10), (100, 100), (900, 100)),
        ((200, 90), (300, 290), (2 * 200, 300)),
        ((200, 190), (300, 90), (200 + 5, 2 * 300)),
    ],
    ids=["inputs stay", "weights stay", "weights in blocks", "inputs in blocks"],
)
def test_the_four_branches(inputs, weights, expected):
    assert chosen(inputs, weights, halo=5) == expected


def test_inputs_that_come_in_more_blocks_than_their_bytes_need():
    """Two blocks where the bytes would fit at once: weights twice, unless they stay themselves."""
    held = {"input": Held(100, 100)}
    in_two = choose_order(held, {"weight": Held(300, 90)}, 5, min_blocks=2)
    assert (in_two.hold_inputs, in_two.blocks, in_two.weight_reads) == (False, 4, 1)
    in_two = choose_order(held, {"weight": Held(120, 30)}, 5, min_blocks=2)
    assert (in_two.hold_inputs, in_two.blocks, in_two.weight_reads) == (True, 2, 2)
    assert not choose_order(held, {"weight": Held(90, 90)}, 5, min_blocks=2).hold_inputs
    assert choose_order({"input": Held(900, 100)}, {"weight": Held(120, 30)}, 5, 2).blocks == 9


def cut(count, room):
    """Units 0 .. count-1 in blocks of at most `room`."""
    return [range(first, min(first + room, count)) for first in range(0, count, room)]


def walked(held, held_room, streamed):
    """Reads of every unit when blocks of `held` stay while all of `streamed` passes by."""
    reads = {"held": 0, "streamed": 0}
    for block in cut(held, held_room):
        reads["held"] += len(block)
        reads["streamed"] += streamed
    return reads["held"], reads["streamed"]


@settings(max_examples=80)
@given(*[st.tuples(st.integers(1, 60), st.integers(1, 30))] * 2)
def test_no_order_of_whole_blocks_reads_less(inputs, weights):
    """Everything that a buffer holds meets everything that streams: both ways, block by block."""
    w_held, i_streamed = walked(*weights, inputs[0])
    i_held, w_streamed = walked(*inputs, weights[0])
    assert sum(chosen(inputs, weights, halo=0)) == min(w_held + i_streamed, i_held + w_streamed)


@pytest.mark.parametrize(
    ("nbytes", "passes"), [(0, 1), (1, 1), (64, 1), (65, 2), (128, 2), (129, 3)]
)
def test_passes(nbytes, passes):
    assert passes_over_inputs(nbytes, 64) == passes


def small_diannao(nbin_kb, sb_kb, **keys):
    sizes = {"nbin.banks": 1, "nbin.bank_kbytes": nbin_kb, "sb.banks": 1, "sb.bank_kbytes": sb_kb}
    return sizes | keys


LAYER = conv("a", [], (8, 80), (16, 15), padding=[1, 1])
INPUT, WEIGHT, OUTPUT = 8 * 16 * 15, 80 * 8 * 9, 80 * 16 * 15
HALO = 2 * 15 * 8


@pytest.mark.parametrize(
    ("nbin_kb", "sb_kb"), [(2, 5), (1, 6), (1, 5), (0.5, 5), (0.5, 4.75), (1, 4.75)]
)
def test_a_layer_moves_what_the_rule_says(tmp_path, nbin_kb, sb_kb):
    """1920 bytes of inputs, 5760 of weights (at most 4608 a group), 19 200 of outputs."""
    (layer,) = run("diannao", network(tmp_path, LAYER), small_diannao(nbin_kb, sb_kb)).layers
    rooms = int(nbin_kb * KB), int(sb_kb * KB)
    i, w = hand_rule((INPUT, rooms[0]), (WEIGHT, rooms[1]), HALO)
    assert layer.dram_bytes_by == {"input": i, "weight": w, "output": OUTPUT}
    assert layer.actions["dram"] == {"read": i + w, "write": OUTPUT}
    assert (layer.actions["nbin"]["write"], layer.actions["sb"]["write"]) == (i, w)
    assert layer.actions["nbout"] == {"read": OUTPUT, "write": OUTPUT}


def test_partial_sums_go_to_dram_where_they_do_not_fit(tmp_path):
    """64 filters of 512 bytes in 12 KB: 3 passes, 2 spills of 3 bytes an output; NBin is full."""
    layer = conv("a", [], (512, 64), (4, 4), kernel=(1, 1))
    found = [
        run("diannao", network(tmp_path, layer), small_diannao(kb, 12)).layers[0] for kb in (8, 64)
    ]
    spilled = 2 * 3 * 64 * 16
    assert found[0].dram_bytes_by == {
        "input": 512 * 16,
        "weight": 512 * 64,
        "output": 64 * 16,
        "psum": 2 * spilled,
    }
    assert "psum" not in found[1].dram_bytes_by
    more = found[1].actions["nbin"]
    assert more["write"] == 512 * 16 + spilled
    assert more["read"] == 16 * 512 + spilled
    assert found[0].macs_done == found[1].macs_done == 512 * 64 * 16


CHAIN = [
    conv("a", [], (8, 16), (6, 6)),
    conv("b", ["a"], (16, 24), (4, 4), kernel=(1, 1)),
    conv("c", ["b"], (24, 8), (4, 4), kernel=(1, 1)),
]


def moved(result):
    return {one.name: one.dram_bytes_by for one in result.layers}


def test_results_that_fit_stay_on_chip(tmp_path):
    """a: 288 in, 256 out; b: 256 in, 384 out; c writes its 128 to DRAM."""
    kept = run("diannao", network(tmp_path, *CHAIN), {"interlayer": "keep_if_fits"})
    assert moved(kept) == {
        "a": {"input": 288, "weight": 1152, "output": 0},
        "b": {"input": 0, "weight": 384, "output": 0},
        "c": {"input": 0, "weight": 192, "output": 128},
    }


def test_results_that_do_not_fit_are_spilled(tmp_path):
    """With 600 bytes a's 544 stay and b's 640 do not."""
    keys = small_diannao(600 / KB, 256, interlayer="keep_if_fits")
    kept = run("diannao", network(tmp_path, *CHAIN), keys)
    assert [row["output"] for row in moved(kept).values()] == [0, 384, 128]
    assert [row["input"] for row in moved(kept).values()] == [288, 0, 384]


def test_a_result_with_two_readers_is_spilled(tmp_path):
    fork = [*CHAIN[:2], conv("c", ["a"], (16, 8), (4, 4), kernel=(1, 1))]
    kept = run("diannao", network(tmp_path, *fork), {"interlayer": "keep_if_fits"})
    assert moved(kept)["a"]["output"] == 256
    assert [moved(kept)[name]["input"] for name in "bc"] == [256, 256]


@pytest.mark.parametrize(
    ("barrier", "early"), [("input", {"weight"}), ("layer", set())], ids=["input", "layer"]
)
def test_what_a_barrier_holds_back(tmp_path, barrier, early):
    """A layer's inputs never come before its producer's outputs are in DRAM; weights may."""
    trace = Trace("DianNao", 1000)
    run("diannao", network(tmp_path, *CHAIN), {"barrier": barrier}, trace=trace)
    on_dram = [one for one in slices(trace) if one["component"] == "dram"]
    before = set()
    for first, second in pairwise("abc"):
        stores = [one for one in on_dram if one["layer"] == first and "output" in one["what"]]
        over = max(one["end"] for one in stores)
        loads = [one for one in on_dram if one["layer"] == second and "output" not in one["what"]]
        before |= {one["what"].split()[0] for one in loads if one["start"] < over}
    assert before == early


def slices(trace):
    """What each component did, from the trace that a user would open."""
    events = list(trace.events(1))
    names = {one["tid"]: one["args"]["name"] for one in events if one["name"] == "thread_name"}
    for one in events:
        if one["ph"] == "X" and one["cat"] != "stall":
            at = one["args"]
            yield {
                "component": names[one["tid"]],
                "layer": one["name"],
                "what": one["cat"],
                "start": at["cycle"],
                "end": at["cycle"] + at["cycles"],
            }


POSTS = [
    conv("a", [], (4, 8), (8, 8), padding=[1, 1]),
    conv("b", ["a"], (8, 8), (8, 8), padding=[1, 1]),
    post("sum", "add", ["a", "b"]),
    post("pool", "pool", ["sum"], kind="max", kernel=[3, 3], stride=[2, 2], padding=[1, 1]),
    post("twice", "resize", ["pool"], out_size=[8, 8]),
    post("both", "concat", ["twice", "a"]),
    linear("head", ["both"], (1024, 10)),
]


def test_operands_and_fused_layers(tmp_path):
    """b, sum, pool, resize and concat run as one; a comes again from DRAM for add and concat."""
    result = run("diannao", network(tmp_path, *POSTS))
    assert [one.fused_into for one in result.layers] == [None, None, "b", "b", "b", "b", None]
    plane = 8 * 8 * 8
    assert moved(result) == {
        "a": {"input": 256, "weight": 288, "output": plane},
        "b": {"input": plane, "weight": 576, "output": 0},
        "sum": {"input": plane, "weight": 0, "output": 0},
        "pool": {"input": 0, "weight": 0, "output": 0},
        "twice": {"input": 0, "weight": 0, "output": 0},
        "both": {"input": plane, "weight": 0, "output": 2 * plane},
        "head": {"input": 2 * plane, "weight": 10240, "output": 10},
    }
    done = {one.name: one.actions["post"]["element"] for one in result.layers}
    assert done == {
        "a": plane,
        "b": plane,
        "sum": plane,
        "pool": 8 * 16 * 9,
        "twice": plane,
        "both": 2 * plane,
        "head": 10,
    }


@pytest.mark.parametrize("batch", [1, 3])
def test_a_pool_that_is_not_the_only_reader_runs_alone(tmp_path, batch):
    """It reads its input from DRAM; the post-processor takes outputs x window / width."""
    layers = [
        POSTS[0],
        post("pool", "pool", ["a"], kind="avg", kernel=[2, 2], stride=[2, 2]),
        conv("b", ["a"], (8, 8), (8, 8), kernel=(1, 1)),
    ]
    result = run("diannao", network(tmp_path, *layers, batch=batch), {"post.elements_per_cycle": 5})
    pool = result.layers[1]
    assert (pool.fused_into, pool.dram_bytes_by) == (
        None,
        {"input": 512 * batch, "weight": 0, "output": 128 * batch},
    )
    assert pool.compute_cycles == ceil(batch * 8 * 16 * 4 / 5)
    assert pool.cycles >= pool.compute_cycles


@pytest.mark.parametrize("arch", ["diannao", "smartdeal"])
def test_a_batch_multiplies_the_work_and_loads_weights_once(tmp_path, arch):
    one, three = (run(arch, network(tmp_path, *POSTS, batch=n)) for n in (1, 3))
    for single, batch in zip(one.layers, three.layers, strict=True):
        assert batch.macs == 3 * single.macs
        assert batch.macs_done == 3 * single.macs_done
        assert batch.compute_cycles == 3 * single.compute_cycles
        once = {"weight", "index"}
        assert batch.dram_bytes_by == {
            flow: nbytes if flow in once else 3 * nbytes
            for flow, nbytes in single.dram_bytes_by.items()
        }


HALO_SHARE = ceil(1449 * 2 / 16)
"""Two of 16 rows, at what a row takes of the 1449 stored bytes."""


@pytest.mark.parametrize(
    ("element_bytes", "batch", "expected"),
    [
        (20, 1, {"input": 1449 + HALO_SHARE, "weight": 2 * 3479}),  # two passes and a halo
        (20, 3, {"input": 3 * 1449 * 4, "weight": 3479}),  # six: weights in four blocks are cheaper
        (40, 1, {"input": 1449, "weight": 3479}),
        (40, 3, {"input": 3 * 1449 + HALO_SHARE, "weight": 2 * 3479}),  # two, as their bytes need
    ],
)
def test_each_sample_of_a_batch_comes_in_its_passes(tmp_path, element_bytes, batch, expected):
    """1449 stored bytes of inputs a sample, 3479 of weights in 1 KB."""
    layer = conv("a", [], (8, 64), (16, 16), padding=[1, 1])
    keys = {"iaram.bank_kbytes": element_bytes / KB, "weight_fifo.count": 1}
    result = run("scnn", network(tmp_path, layer, batch=batch), keys)
    moved = result.layers[0].dram_bytes_by
    assert {flow: moved[flow] for flow in expected} == expected
