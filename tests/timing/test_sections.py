"""Batches: under one load of weights, sample after sample, and of samples with values of their own.

Whatever way a table is laid out, its bytes and products are those of the samples.
"""

import time
from collections import Counter

import numpy as np
import pytest
from token_networks import linear, loaded, matmul, run, sparse

import archsim
from archsim.formats.errors import InputError
from archsim.machines.shared.tables import tables_of
from archsim.timing import entries
from archsim.timing.entries import entries_of
from archsim.timing.plan import plan_all

MACHINES = ["smartdeal", "diannao", "scnn", "cambricon_x", "bit_pragmatic", "systolic"]
TIGHT = {"nbin.banks": 1, "nbin.bank_kbytes": 1, "sb.banks": 1, "sb.bank_kbytes": 2}


def product(folder, sizes, batch=1, samples=0):
    """A product and its arrays, of so many samples; of one without an axis of them where 0."""
    heads, rows, inner, columns = sizes
    rng = np.random.default_rng(sizes)
    first = (samples,) if samples else ()
    arrays = {
        "p/input": sparse(rng, (*first, heads, rows, inner)),
        "p/weight": sparse(rng, (*first, heads, columns, inner)),
    }
    return loaded(folder, [matmul("p", [], sizes)], arrays, batch=batch)


def image(folder, batch=1, samples=0, number=None):
    """A convolution of a plane; `number` is the one sample of the file."""
    rng = np.random.default_rng(5)
    inputs = sparse(rng, (max(samples, 1), 12, 9, 7))
    weights = sparse(rng, (20, 12, 3, 3))
    given = inputs if samples and number is None else inputs[number or 0]
    entry = {
        "name": "p", "op": "conv", "inputs": [], "in_channels": 12, "out_channels": 20,
        "in_size": [9, 7], "kernel": [3, 3], "padding": [1, 1],
    }  # fmt: skip
    return loaded(folder, [entry], {"p/input": given, "p/weight": weights}, batch=batch)


def work(layer):
    return layer.macs, layer.macs_done, layer.compute_cycles


def times(count, traffic):
    return {flow: count * nbytes for flow, nbytes in traffic.items()}


@pytest.mark.parametrize("keys", [{}, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("batch", [2, 7])
def test_every_sample_of_a_product_brings_its_own_operands(tmp_path, batch, keys):
    sizes = (3, 20, 70, 70)
    (one,) = run("diannao", product(tmp_path, sizes), keys).layers
    (many,) = run("diannao", product(tmp_path, sizes, batch=batch), keys).layers
    assert many.dram_bytes_by == times(batch, one.dram_bytes_by)
    assert work(many) == tuple(batch * count for count in work(one))
    assert ("psum" in one.dram_bytes_by) == bool(keys)


@pytest.mark.parametrize("most", [1, 2, 5, 11, 40, 300])
@pytest.mark.parametrize("machine", MACHINES)
def test_sections_that_stand_for_several_move_the_same(tmp_path, machine, most, monkeypatch):
    workload = product(tmp_path, (2, 9, 50, 90), batch=13)
    keys = {"interlayer": "keep_if_fits"}
    (whole,) = run(machine, workload, keys).layers
    monkeypatch.setattr(entries, "MAX_VISITS", most)
    (coarse,) = run(machine, workload, keys, cache=None).layers
    assert coarse.dram_bytes_by == whole.dram_bytes_by
    assert work(coarse) == work(whole)
    assert coarse.actions == whole.actions


@pytest.mark.parametrize("most", [1, 4, 30])
def test_they_do_with_passes_and_partial_sums_in_dram(tmp_path, most, monkeypatch):
    workload = product(tmp_path, (2, 20, 70, 70), batch=9)
    (whole,) = run("diannao", workload, TIGHT).layers
    monkeypatch.setattr(entries, "MAX_VISITS", most)
    (coarse,) = run("diannao", workload, TIGHT, cache=None).layers
    assert coarse.dram_bytes_by == whole.dram_bytes_by
    assert coarse.dram_bytes_by["psum"] > 0
    assert coarse.actions == whole.actions


@pytest.mark.slow
def test_the_largest_batch_of_many_heads_runs(tmp_path):
    before = time.process_time()
    (one,) = run("diannao", product(tmp_path, (16, 8, 64, 8))).layers
    (many,) = run("diannao", product(tmp_path, (16, 8, 64, 8), batch=65_536)).layers
    assert many.dram_bytes_by == times(65_536, one.dram_bytes_by)
    assert many.compute_cycles == 65_536 * one.compute_cycles
    assert time.process_time() - before < 20


@pytest.mark.parametrize("machine", MACHINES)
def test_sample_after_sample_brings_all_weights_again(tmp_path, machine):
    (one,) = run(machine, image(tmp_path)).layers
    workload = image(tmp_path, batch=6)
    (after,) = run(machine, workload, {"batch_order": "samples"}).layers
    (under,) = run(machine, workload).layers
    assert after.dram_bytes_by == times(6, one.dram_bytes_by)
    assert work(after) == work(under) == tuple(6 * count for count in work(one))
    held = {"input", "output"}
    assert {f: n for f, n in under.dram_bytes_by.items() if f in held} == {
        f: n for f, n in after.dram_bytes_by.items() if f in held
    }
    for flow in set(under.dram_bytes_by) - held:
        assert under.dram_bytes_by[flow] == one.dram_bytes_by[flow]


def of_tokens(folder, key, count):
    """A linear layer of 300 x 200 on equal vectors: a batch, positions or tokens."""
    rng = np.random.default_rng(3)
    vector, weights = sparse(rng, (300,)), sparse(rng, (200, 300))
    keys, shape = {key: count}, (count, 300)
    if key == "tokens":
        inputs, weights = np.repeat(vector[:, None, None], count, 2), weights[:, :, None, None]
    elif key == "batch":
        inputs, keys = vector, {}
    else:
        inputs = np.broadcast_to(vector, shape)
    header = {"batch": count} if key == "batch" else {}
    arrays = {"p/input": inputs, "p/weight": weights}
    return loaded(folder, [linear("p", [], (300, 200), **keys)], arrays, name=key, **header)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_batch_moves_what_as_many_tokens_do(tmp_path, machine):
    moved = {
        key: run(machine, of_tokens(tmp_path, key, 128)).layers[0]
        for key in ("batch", "positions", "tokens")
    }
    assert moved["batch"].macs_done == moved["positions"].macs_done == moved["tokens"].macs_done
    weights = {key: layer.dram_bytes_by["weight"] for key, layer in moved.items()}
    assert weights["batch"] == weights["positions"] == weights["tokens"]
    if machine != "scnn":  # whose runs of zeros begin anew with each plane
        inputs = {key: layer.dram_bytes_by["input"] for key, layer in moved.items()}
        assert inputs["batch"] == inputs["positions"] == inputs["tokens"] == 128 * 300


SAMPLES = [("diannao", 3, 3), ("scnn", 2, 5), ("cambricon_x", 3, 7), ("smartdeal", 3, 4),
           ("bit_pragmatic", 2, 3), ("systolic", 1, 2)]  # fmt: skip


@pytest.mark.parametrize("order", ["weights", "samples"])
@pytest.mark.parametrize(("machine", "samples", "batch"), SAMPLES)
def test_each_sample_has_its_own_values(tmp_path, machine, samples, batch, order):
    """Sample s of the batch is stored sample s modulo N; what is summed are runs of one each."""
    (found,) = run(machine, image(tmp_path, batch, samples), {"batch_order": order}).layers
    alone = [
        run(machine, image(tmp_path, 1, samples, number)).layers[0] for number in range(samples)
    ]
    summed = [alone[number % samples] for number in range(batch)]
    assert work(found) == tuple(map(sum, zip(*map(work, summed), strict=True)))
    traffic = Counter()
    for one in summed:
        traffic.update(one.dram_bytes_by)
    held = {"input", "output"}
    for flow, nbytes in found.dram_bytes_by.items():
        whole = (
            traffic[flow] if flow in held or order == "samples" else summed[0].dram_bytes_by[flow]
        )
        assert nbytes == whole, flow
    moved = {"dram", "dma", "bus", "index_buffer"}
    for part, counts in found.actions.items():
        for action, count in counts.items():
            if part in moved or action in {"write", "read"}:
                continue
            assert count == sum(one.actions[part].get(action, 0) for one in summed), (part, action)


@pytest.mark.parametrize("machine", MACHINES)
def test_each_sample_of_a_product_has_both_operands(tmp_path, machine):
    sizes, samples = (2, 6, 11, 8), 2
    whole = product(tmp_path, sizes, batch=5, samples=samples)
    (found,) = run(machine, whole).layers
    tensors = whole.tensors(whole.layers[0])
    counts = Counter()
    for number in range(samples):
        arrays = {f"p/{what}": tensors.need(what)[number] for what in ("input", "weight")}
        (one,) = run(machine, loaded(tmp_path, [matmul("p", [], sizes)], arrays, name="s")).layers
        share = len(range(number, 5, samples))
        counts.update({flow: share * nbytes for flow, nbytes in one.dram_bytes_by.items()})
        counts.update(done=share * one.macs_done, cycles=share * one.compute_cycles)
    assert dict(counts) == {
        **found.dram_bytes_by, "done": found.macs_done, "cycles": found.compute_cycles,
    }  # fmt: skip


def test_too_many_samples_and_samples_of_no_batch_are_refused(tmp_path):
    with pytest.raises(InputError, match="N from 1 to 2"):
        image(tmp_path, batch=2, samples=3)
    with pytest.raises(InputError, match=r"p/input.*\[?1, 12, 9, 7"):
        loaded(
            tmp_path,
            [{"name": "p", "op": "conv", "inputs": [], "in_channels": 12, "out_channels": 20,
              "in_size": [9, 7], "kernel": [3, 3]}],
            {"p/input": np.zeros((1, 12, 9, 7), np.int8),
             "p/weight": np.zeros((20, 12, 3, 3), np.int8)},
        )  # fmt: skip


@pytest.mark.parametrize("most", [1, 3, 20_000])
def test_overlapping_rows_come_again_for_each_sample(tmp_path, most, monkeypatch):
    """Inputs in two blocks, weights again for each: 756 bytes in 600, 2160 in 409."""
    keys = {"nbin.banks": 1, "nbin.bank_kbytes": 600 / 1024, "sb.banks": 1, "sb.bank_kbytes": 0.4}
    (one,) = run("diannao", image(tmp_path), keys).layers
    assert one.dram_bytes_by["weight"] == 2 * 20 * 12 * 9
    assert one.dram_bytes_by["input"] > 12 * 9 * 7
    monkeypatch.setattr(entries, "MAX_VISITS", most)
    found = run("diannao", image(tmp_path, 6), keys | {"batch_order": "samples"}, cache=None)
    assert found.layers[0].dram_bytes_by == times(6, one.dram_bytes_by)


@pytest.mark.parametrize("most", [1, 3, 20_000])
@pytest.mark.parametrize("keys", [{}, TIGHT], ids=["roomy", "tight"])
def test_runs_in_dram_are_those_of_each_head_of_each_sample(tmp_path, most, keys, monkeypatch):
    def spans(batch):
        arch = archsim.load_arch("diannao", keys)
        workload = product(tmp_path, (2, 20, 70, 90), batch=batch)
        (planned,) = plan_all(entries_of(arch, workload, tables_of(arch, workload, None)), arch)
        moved = planned.traffic.reads["p"] | {
            f"{flow} out": span for flow, span in planned.traffic.writes["p"].items()
        }
        return {flow: tuple(span) for flow, span in moved.items()}

    one = spans(1)
    assert one["output out"] == (2 * 20 * 90, 2 * 2)  # two groups of filters in each head
    assert ("psum" in one) == bool(keys)
    if not keys:
        assert (one["input"], one["weight"]) == ((2 * 20 * 70, 2), (2 * 70 * 90, 2 * 2))
    monkeypatch.setattr(entries, "MAX_VISITS", most)
    assert spans(8) == {flow: (8 * nbytes, 8 * runs) for flow, (nbytes, runs) in one.items()}
