"""Which layers run together, and what they read: small graphs whose answer can be seen."""

import pytest

from archsim.workload.stages import operands, ranks_of, stages_of

HEAD = """format: archsim-workload/1
name: graph
task: inference
batch: 1
source: {made_by: a test}
layers:
"""


def conv(name, inputs, channels=4):
    return (
        f"  - {{name: {name}, op: conv, inputs: [{inputs}], in_channels: {channels}, "
        "out_channels: 4, in_size: [8, 8], kernel: [1, 1]}\n"
    )


def other(name, op, inputs, more=""):
    return f"  - {{name: {name}, op: {op}, inputs: [{inputs}]{more}}}\n"


@pytest.fixture
def layers(tmp_path):
    """Loads a graph; its tensors are never asked for, so any file with the right keys would do."""

    def load(*lines):
        from archsim.formats.source import read
        from archsim.workload.layer_graph import resolve
        from archsim.workload.workload import _records

        path = tmp_path / "graph.yaml"
        path.write_text(HEAD + "".join(lines))
        document, problems = read(path), []
        found = resolve(document, _records(document, problems), problems)
        assert not problems
        return found

    return load


def names(stages):
    return [[layer.name for layer in stage.layers] for stage in stages]


def test_an_add_runs_with_the_operand_that_is_produced_last(layers):
    graph = layers(
        conv("a", ""), conv("b", "a"), conv("c", "a"), other("add", "add", "b, c"), conv("d", "add")
    )
    stages = stages_of(graph)
    assert names(stages) == [["a"], ["b"], ["c", "add"], ["d"]]
    assert operands(graph[3], ranks_of(stages), fused=True) == [("b", 4 * 8 * 8)]


def test_a_layer_fused_early_is_not_the_last_to_run_though_it_stands_later(layers):
    """`up` stands behind `low` in the file but runs with `a`, so the concat runs with `low`."""
    graph = layers(
        conv("a", ""),
        conv("low", ""),
        other("up", "resize", "a", ", out_size: [8, 8]"),
        other("cat", "concat", "up, low"),
        conv("b", "cat", channels=8),
    )
    stages = stages_of(graph)
    assert names(stages) == [["a", "up"], ["low", "cat"], ["b"]]
    assert operands(graph[3], ranks_of(stages), fused=True) == [("up", 4 * 8 * 8)]
    assert all(before < number for number, stage in enumerate(stages) for before in stage.after)


def test_a_result_with_two_readers_is_written_and_fused_with_neither(layers):
    graph = layers(
        conv("a", ""), other("pool", "pool", "a", ", kind: max, kernel: [2, 2]"), conv("b", "a")
    )
    assert names(stages_of(graph)) == [["a"], ["pool"], ["b"]]
