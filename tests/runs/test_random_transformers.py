"""Random small transformers: what runs passes every check that is always on, and what is counted of
a layer is what its shape says."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_networks import linear, loaded, matmul, post, run, sparse

from archsim.formats.errors import InputError

MACHINES = ("diannao", "scnn")


def view(name, op, read, **keys):
    return {"name": name, "op": op, "inputs": [read]} | keys


@st.composite
def blocks(draw):
    """One block of a transformer: heads that may share keys, a cache, any norm and activation."""
    kv_heads, shared = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    head, tokens = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    cached = draw(st.sampled_from([0, 0, 5]))
    heads, width = kv_heads * shared, kv_heads * shared * head
    seen, kv_width = tokens + cached, kv_heads * head
    norm = draw(st.sampled_from(["layernorm", "rmsnorm"]))
    entries = [
        {"name": "e", "op": "embedding", "rows": 100, "out_channels": width, "tokens": tokens},
        post("n1", norm, ["e"]),
        linear("qkv", ["n1"], (width, width + 2 * kv_width), tokens=tokens),
        view("q", "slice", "qkv", channels=[0, width]),
        view("k", "slice", "qkv", channels=[width, width + kv_width]),
        view("v", "slice", "qkv", channels=[width + kv_width, width + 2 * kv_width]),
    ]
    keys, values = "k", "v"
    if cached:
        entries += [
            view("kc", "cache", "k", length=cached),
            view("vc", "cache", "v", length=cached),
        ]
        keys, values = "kc", "vc"
    causal = draw(st.booleans())
    entries += [
        matmul("qk", ["q", keys], (heads, tokens, head, seen), kv_heads=kv_heads),
        post("soft", "softmax", ["qk"], row=seen),
        matmul(
            "av", ["soft", values], (heads, tokens, seen, head), kv_heads=kv_heads, causal=causal
        ),
        linear("o", ["av"], (width, width), tokens=tokens),
        post("r1", "add", ["o", "e"]),
    ]
    act = draw(st.sampled_from(["gelu", "silu", "hardswish", "elementwise"]))
    more = {"function": "erf"} if act == "elementwise" else {}
    if draw(st.booleans()):  # gated
        entries += [
            linear("up", ["r1"], (width, 2 * width), tokens=tokens),
            view("g", "slice", "up", channels=[0, width]),
            view("u", "slice", "up", channels=[width, 2 * width]),
            post("act", act, ["g"], **more),
            post("gate", "mul", ["act", "u"]),
            linear("down", ["gate"], (width, width), tokens=tokens),
        ]
    else:
        entries += [
            linear("up", ["r1"], (width, 3 * width), tokens=tokens),
            post("act", act, ["up"], **more),
            linear("down", ["act"], (3 * width, width), tokens=tokens),
        ]
    return [*entries, post("r2", "add", ["down", "r1"])]


def arrays(entries, rng):
    made = {}
    for entry in entries:
        if entry["op"] == "linear":
            channels, filters = entry["in_channels"], entry["out_channels"]
            made[entry["name"] + "/input"] = sparse(rng, (channels, 1, entry["tokens"]))
            made[entry["name"] + "/weight"] = sparse(rng, (filters, channels, 1, 1))
        elif entry["op"] == "matmul":
            heads, rows, inner = entry["heads"], entry["rows"], entry["inner"]
            moving = sparse(rng, (heads, rows, inner))
            if entry.get("causal"):
                moving = np.tril(moving, inner - rows)
            made[entry["name"] + "/input"] = moving
            made[entry["name"] + "/weight"] = sparse(
                rng, (entry["kv_heads"], entry["columns"], inner)
            )
    return made


def tight(draw, machine):
    names = {"diannao": ("nbin", "sb", "nbout"), "scnn": ("oaram",)}[machine]
    keys = {"interlayer": draw(st.sampled_from(["spill", "keep_if_fits"]))}
    keys["batch_order"] = draw(st.sampled_from(["weights", "samples"]))
    for name in names:
        keys[f"{name}.banks"] = keys[f"{name}.count"] = 1
        keys[f"{name}.bank_kbytes"] = draw(st.sampled_from([0.25, 1.0, 8.0]))
    return keys


@pytest.mark.parametrize("machine", MACHINES)
@settings(max_examples=25)
@given(entries=blocks(), batch=st.integers(1, 3), data=st.data())
def test_a_random_block_runs_and_loses_nothing(tmp_path_factory, machine, entries, batch, data):
    folder = tmp_path_factory.mktemp("block")
    rng = np.random.default_rng(len(entries))
    workload = loaded(folder, entries, arrays(entries, rng), batch=batch)
    keys = tight(data.draw, machine)
    try:
        result = run(machine, workload, keys)
    except InputError as error:
        assert str(error).endswith("enlarge it"), error  # noqa: PT017
        return
    assert [row.name for row in result.layers] == [layer.name for layer in workload.layers]
    views = {entry["name"] for entry in entries if entry["op"] in {"slice", "cache"}}
    assert not views & {row.name for row in result.layers}
    kept = keys["interlayer"] == "keep_if_fits"
    for row, layer in zip(result.layers, workload.layers, strict=True):
        assert row.macs == batch * layer.macs
        assert 0 <= row.macs_done <= row.macs
        assert sum(row.actions.get("dram", {}).values()) == row.dram_bytes
        if machine == "diannao":
            assert row.macs_done == row.macs
        if machine == "diannao" and layer.op == "matmul":
            # Both operands of each sample, at least once; K, V and the cache among them.
            assert row.dram_bytes_by["input"] >= batch * layer.operands[0]
            assert row.dram_bytes_by["weight"] >= batch * layer.weight_elements
        if machine == "diannao" and not kept and row.fused_into is None and layer.is_array:
            assert row.dram_bytes_by["input"] >= batch * layer.operands[0]
    assert result.cycles >= max(
        ceil(sum(row.busy.get(part, 0) for row in result.layers)) for part in ("dram", "dma")
    )


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["diannao", "systolic"])
def test_counts_beyond_two_to_53_are_exact(tmp_path, machine):
    """A batch of the largest products: Python integers to the last one."""
    sizes = (32, 4096, 136, 8191)
    (row,) = run(machine, loaded(tmp_path, [matmul("p", [], sizes)], batch=65_521)).layers
    assert row.macs == row.macs_done == 65_521 * 32 * 4096 * 136 * 8191 > 2**53
    assert row.dram_bytes_by["output"] == 65_521 * 32 * 4096 * 8191
    assert row.dram_bytes_by["weight"] % 65_521 == 0


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["diannao", "systolic"])
def test_large_layers_run_by_shape_alone(tmp_path, machine):
    entries = [
        linear("a", [], (8192, 8192), tokens=512),
        matmul("p", ["a", "a"], (64, 512, 128, 512)),
    ]
    result = run(machine, loaded(tmp_path, entries))
    assert [row.macs for row in result.layers] == [8192 * 8192 * 512, 64 * 512 * 128 * 512]
