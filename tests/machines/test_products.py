"""A product of two activations against convolutions: every head written out as a 1x1 layer of its
own that reads the same arrays."""

from collections import Counter

import numpy as np
import pytest
from token_networks import linear, loaded, matmul, run, sparse

import archsim
from archsim.formats.errors import InputError
from archsim.machines.scnn.rule import stored_bytes

MACHINES = [
    "smartdeal", "diannao", "scnn", "cambricon_x", "bit_pragmatic", "systolic",
    *(f"archs/published/{name}.yaml" for name in (
        "bit_pragmatic", "cambricon_x", "dadiannao", "dcnn", "diannao", "scnn"
    )),
]  # fmt: skip
CASES = {
    "heads": ((4, 7, 13, 9), 4, {}),
    "shared": ((4, 7, 13, 9), 2, {}),
    "decode": ((6, 1, 37, 70), 2, {}),
    "causal": ((2, 17, 19, 33), 2, {"causal": True}),
    "one": ((3, 16, 100, 40), 1, {}),
}


def both(folder, sizes, kv_heads, keys=(), zeros=0.5):
    """The product, and a workload with a convolution for each second operand."""
    heads, rows, inner, columns = sizes
    rng = np.random.default_rng([*sizes, kv_heads])
    moving = sparse(rng, (heads, rows, inner), zeros=zeros)
    held = sparse(rng, (kv_heads, columns, inner), zeros=zeros)
    if not zeros:
        moving[moving == 0], held[held == 0] = 1, 1
    if "causal" in keys:
        moving = np.tril(moving, inner - rows)
    product = matmul("p", [], sizes, kv_heads=kv_heads, **dict(keys))
    arrays = {"p/input": moving, "p/weight": held}
    shared = heads // kv_heads
    entries, apart = [], {}
    for number in range(kv_heads):
        entries.append(
            {"name": f"c{number}", "op": "conv", "inputs": [], "in_channels": inner,
             "out_channels": columns, "in_size": [1, rows * shared], "kernel": [1, 1]}
        )  # fmt: skip
        side = np.concatenate([moving[number * shared + k] for k in range(shared)])
        apart[f"c{number}/input"] = side.T[:, None, :]
        apart[f"c{number}/weight"] = held[number][:, :, None, None]
    return (
        loaded(folder, [product], arrays, name="product"),
        loaded(folder, entries, apart, name="apart"),
    )


def counted(result):
    """Everything that is counted, summed over the layers."""
    actions, traffic, work = Counter(), Counter(), Counter()
    for layer in result.layers:
        for part, counts in layer.actions.items():
            actions.update({(part, action): count for action, count in counts.items()})
        traffic.update(layer.dram_bytes_by)
        work.update(macs=layer.macs, done=layer.macs_done, cycles=layer.compute_cycles)
    return work, actions, +traffic


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_product_is_the_sum_of_its_heads(tmp_path, machine, case):
    one, apart = (run(machine, each) for each in both(tmp_path, *CASES[case]))
    assert counted(one) == counted(apart)
    assert sum(layer.energy_pj for layer in one.layers) == pytest.approx(
        sum(layer.energy_pj for layer in apart.layers)
    )


def small(machine, rng):
    """Every buffer of a machine in a size that hardly holds a head."""
    keys = {"interlayer": str(rng.choice(["spill", "keep_if_fits"]))}
    for name, part in archsim.load_arch(machine).components.items():
        if part.kind == "storage":
            keys[f"{name}.banks"] = keys[f"{name}.count"] = 1
            keys[f"{name}.bank_kbytes"] = float(rng.choice([0.5, 1, 2, 4, 8]))
    return keys


@pytest.mark.parametrize("machine", MACHINES)
def test_small_buffers_take_each_head_as_they_take_a_layer(tmp_path, machine):
    """Dense heads are alike, so one order serves all; blocks, passes and spills are in it."""
    seen, rng = Counter(), np.random.default_rng(len(machine))
    for _ in range(8):
        kv_heads, shared = (int(n) for n in rng.integers(1, 4, 2))
        sizes = (kv_heads * shared, *(int(n) for n in rng.integers(1, [40, 400, 80])))
        keys, workloads = small(machine, rng), both(tmp_path, sizes, kv_heads, zeros=0.0)
        try:
            apart = counted(run(machine, workloads[1], keys))
        except InputError as error:
            with pytest.raises(InputError, match=str(error)[-12:]):
                run(machine, workloads[0], keys)
            seen["refused"] += 1
            continue
        assert counted(run(machine, workloads[0], keys)) == apart, (sizes, kv_heads, keys)
        seen["run"] += 1
        least = sizes[1] * shared * sizes[2] * kv_heads + kv_heads * sizes[2] * sizes[3]
        seen["again"] += sum(apart[2].values()) > least + sizes[0] * sizes[1] * sizes[3]
    assert seen["run"] >= 4
    assert seen["again"]


def test_traffic_of_a_head_is_the_rule_in_closed_form(tmp_path):
    """With 1 KB of inputs and 4 KB of weights DianNao holds what is cheaper, head by head."""
    keys = {"nbin.banks": 1, "nbin.bank_kbytes": 1, "sb.banks": 1, "sb.bank_kbytes": 4}
    for sizes, kv_heads in [((4, 40, 48, 90), 2), ((2, 9, 64, 100), 2), ((3, 90, 48, 40), 3)]:
        heads, rows, inner, columns = sizes
        i, w = heads // kv_heads * rows * inner, inner * columns
        ways = [(i, w)]
        if i > 1024 and w > 4096:
            ways = [(i * -(-w // 4096), w), (i, w * -(-i // 1024))]
        best = min(ways, key=sum)
        (layer,) = run("diannao", both(tmp_path, sizes, kv_heads)[0], keys).layers
        assert layer.dram_bytes_by == {
            "input": best[0] * kv_heads, "weight": best[1] * kv_heads,
            "output": heads * rows * columns,
        }  # fmt: skip


def test_masked_values_are_zeros_that_a_sparse_machine_skips(tmp_path):
    """SCNN makes the products of non-zeros alone; the dense machine makes them all."""
    workload, _ = both(tmp_path, (2, 17, 19, 33), 2, {"causal": True})
    tensors = workload.tensors(workload.layers[0])
    moving, held = tensors.need("input") != 0, tensors.need("weight") != 0
    done = int(np.einsum("hmk,hnk->", moving.astype(int), held.astype(int)))
    assert run("scnn", workload).layers[0].macs_done == done
    assert run("diannao", workload).layers[0].macs_done == 2 * 17 * 19 * 33


def test_drawn_scores_are_zero_above_the_diagonal(tmp_path):
    classes = [{"channels": 2, "zero": 0.0, "values": [1, 1, 1, 1, 1]}]
    profile = {"input": {"dtype": "int8", "classes": classes}}
    workload = loaded(tmp_path, [matmul("p", [], (2, 4, 6, 3), causal=True, profile=profile)])
    drawn = workload.tensors(workload.layers[0]).need("input")
    assert drawn.shape == (2, 4, 6)
    assert not np.triu(drawn, 3).any()
    assert np.count_nonzero(drawn) == 2 * (3 + 4 + 5 + 6)


def test_large_products_of_a_profile_are_not_drawn_for_shapes_alone(tmp_path):
    """More values than may be drawn: SCNN asks for them, DianNao does not."""
    classes = [{"channels": 40, "zero": 0.0, "values": [1, 1, 1, 1, 1]}]
    profile = {"input": {"dtype": "int8", "classes": classes}}
    workload = loaded(tmp_path, [matmul("p", [], (40, 4096, 4096, 1), profile=profile)])
    assert run("diannao", workload).layers[0].macs == 40 * 4096 * 4096
    with pytest.raises(InputError, match="choose a machine that needs shapes alone"):
        run("bit_pragmatic", workload)
    with pytest.raises(InputError, match=r"has no profile\.weight to draw its weight from"):
        run("scnn", workload)


@pytest.mark.parametrize("which", ["rows", "keys", "values"])
def test_scnn_stores_an_operand_as_its_layer_makes_it(tmp_path, which):
    """Runs of zeros follow the tokens of a channel, whichever operand it becomes."""
    rng = np.random.default_rng(7)
    heads, tokens, width = 2, 24, 5
    made = sparse(rng, (heads * width, 1, tokens), zeros=0.9)
    by_head = made.reshape(heads, width, tokens)
    other = sparse(rng, (heads, 3, tokens if which == "values" else width))
    layer = linear("a", [], (4, heads * width), tokens=tokens)
    if which == "rows":
        sizes, arrays = (heads, tokens, width, 3), (by_head.transpose(0, 2, 1), other)
    elif which == "keys":
        sizes, arrays = (heads, 3, width, tokens), (other, by_head.transpose(0, 2, 1))
    else:
        sizes, arrays = (heads, 3, tokens, width), (other, by_head)
    first = linear("b", [], (4, heads * 3 * sizes[2]))
    inputs = ["a", "b"] if which == "rows" else ["b", "a"]
    if which == "rows":
        first = linear("b", [], (4, heads * width * 3))
    tensors = {
        "p/input": arrays[0], "p/weight": arrays[1],
        "a/input": sparse(rng, (4, 1, tokens)), "a/weight": sparse(rng, (heads * width, 4, 1, 1)),
        "b/input": sparse(rng, (4,)), "b/weight": sparse(rng, (first["out_channels"], 4)),
    }  # fmt: skip
    workload = loaded(tmp_path, [layer, first, matmul("p", inputs, sizes)], tensors)
    arch = archsim.load_arch("scnn")
    by_hand = stored_bytes(workload.layers[0], made, arch)
    assert run("scnn", workload).layers[0].dram_bytes_by["output"] == by_hand
