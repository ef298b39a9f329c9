"""Normalisations and activations on the post-processor: steps per element, and reads of rows."""

import pytest
from token_networks import linear, loaded, post, run

import archsim
from archsim.machines.shared.machine import posts_of
from archsim.workload.stages import stages_of

STEPS = {"softmax": 5, "layernorm": 5, "rmsnorm": 3, "gelu": 2, "silu": 2, "hardswish": 2,
         "add": 1}  # fmt: skip
MACHINES = ["smartdeal", "diannao", "scnn", "cambricon_x", "bit_pragmatic", "systolic"]
TOKENS, FEATURES = 6, 40
SIZE = TOKENS * FEATURES
A = linear("a", [], (8, FEATURES), tokens=TOKENS)
DIANNAO = "diannao"


def layers(op, **keys):
    return [A, post("n", op, ["a"] if op != "add" else ["a", "a"], **keys)]


@pytest.mark.parametrize("op", STEPS)
@pytest.mark.parametrize("batch", [1, 3])
def test_an_operation_takes_its_steps_of_each_element(tmp_path, op, batch):
    result = run(DIANNAO, loaded(tmp_path, layers(op), batch=batch), {"post.elements_per_cycle": 7})
    (row,) = [layer for layer in result.layers if layer.name == "n"]
    assert row.actions["post"]["element"] == STEPS[op] * SIZE * batch
    work = -(-STEPS[op] * SIZE * batch // 7)
    assert row.compute_cycles == (0 if row.fused_into else work)
    assert result.layers[0].actions["post"]["element"] == SIZE * batch
    busy = sum(layer.busy.get("post", 0) for layer in result.layers)
    assert busy >= (STEPS[op] + 1) * SIZE * batch // 7


@pytest.mark.parametrize("op", ["softmax", "layernorm", "rmsnorm", "gelu", "silu", "hardswish"])
def test_steps_are_keys_and_results_say_so(tmp_path, op):
    workload = loaded(tmp_path, layers(op))
    changed = run(DIANNAO, workload, {f"post.{op}_steps": 7})
    assert changed.layers[1].actions["post"]["element"] == 7 * SIZE
    assert changed.arch_resolved["components"]["post"][f"{op}_steps"] == 7
    plain = run(DIANNAO, workload)
    assert not any("steps" in key for key in plain.arch_resolved["components"]["post"])
    assert plain.inputs_hash != changed.inputs_hash
    other = "gelu" if op != "gelu" else "silu"
    kept = run(DIANNAO, loaded(tmp_path, layers(other)), {f"post.{op}_steps": 7})
    assert kept.layers[1].actions["post"]["element"] == 2 * SIZE


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_takes_them(tmp_path, machine):
    names = posts_of(archsim.load_arch(machine))
    for op in ("softmax", "gelu"):
        entries = [post("n", op, [], in_channels=FEATURES, in_size=[1, TOKENS])]
        (row,) = run(machine, loaded(tmp_path, entries)).layers
        assert row.actions[next(iter(names))]["element"] == STEPS[op] * SIZE
        assert row.dram_bytes_by["input"] == SIZE


@pytest.mark.parametrize(
    ("row", "kb", "again"), [(None, 80 / 1024, 1), (None, 79 / 1024, 2), (80, 80 / 1024, 2),
                             (10, 20 / 1024, 1), (240, 1, 1)]
)  # fmt: skip
def test_a_row_that_half_the_buffer_does_not_hold_comes_twice(tmp_path, row, kb, again):
    keys = {"nbin.banks": 1, "nbin.bank_kbytes": kb}
    entries = [post("n", "softmax", [], in_channels=FEATURES, in_size=[1, TOKENS])]
    if row:
        entries[0]["row"] = row
    (found,) = run(DIANNAO, loaded(tmp_path, entries), keys).layers
    assert found.dram_bytes_by == {"input": again * SIZE, "weight": 0, "output": SIZE}
    assert found.actions["nbin"]["write"] == again * SIZE


@pytest.mark.parametrize("op", ["softmax", "layernorm", "rmsnorm"])
def test_a_normalisation_begins_a_stage_that_others_join(tmp_path, op):
    entries = [*layers(op), post("g", "gelu", ["n"]), post("s", "add", ["g", "a"])]
    stages = stages_of(loaded(tmp_path, entries).layers)
    assert [[layer.name for layer in stage.layers] for stage in stages] == [["a"], ["n", "g", "s"]]
    result = run(DIANNAO, loaded(tmp_path, entries))
    assert [layer.fused_into for layer in result.layers] == [None, None, "n", "n"]
    moved = [layer.dram_bytes_by for layer in result.layers]
    assert [row["input"] for row in moved] == [48, SIZE, 0, SIZE]
    assert [row["output"] for row in moved] == [SIZE, 0, 0, SIZE]


@pytest.mark.parametrize("op", ["gelu", "silu", "hardswish", "elementwise"])
def test_a_function_of_each_value_runs_with_its_producer(tmp_path, op):
    keys = {"function": "erf"} if op == "elementwise" else {}
    result = run(DIANNAO, loaded(tmp_path, [A, post("n", op, ["a"], **keys)]))
    assert result.layers[1].fused_into == "a"
    assert result.layers[1].dram_bytes_by == {"input": 0, "weight": 0, "output": SIZE}


def test_a_broadcast_operand_counts_its_own_size(tmp_path):
    """A mask of one row of 6 tokens, and a gate of one value per feature."""
    entries = [
        linear("mask", [], (3, 1), tokens=TOKENS),
        linear("gate", [], (3, FEATURES), tokens=1),
        A,
        post("masked", "add", ["a", "mask"]),
        post("gated", "mul", ["gate", "masked"]),
    ]
    moved = {x.name: x.dram_bytes_by for x in run(DIANNAO, loaded(tmp_path, entries)).layers}
    assert (moved["masked"]["input"], moved["gated"]["input"]) == (TOKENS, FEATURES)
    assert moved["gated"]["output"] == SIZE
