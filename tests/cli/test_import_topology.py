"""`archsim import`: shapes of SCALE-Sim's topologies. Oracles: SCALE-Sim's own count of outputs and
multiplications, and what the papers of the networks print."""

import json
from math import ceil

import pytest

from archsim.cli.main import main
from archsim.workload.workload import load_workload

HEAD = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
HEAD += "Strides,\n"


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(text, *options):
    with open("net.csv", "w", encoding="utf-8") as file:
        file.write(text)
    assert main(["import", "net.csv", *options]) == 0
    return load_workload("net")


def rows(layers):
    return HEAD + "".join(
        f"{name},{h},{h},{r},{r},{c},{k},{s},\n" for name, h, r, c, k, s in layers
    )


def covered(outputs, kernel, stride):
    """The side of an IFMAP that windows cover whole, as a topology has it."""
    return (outputs - 1) * stride + kernel


def macs(workload):
    return sum(layer.macs for layer in workload.layers)


def test_resnet50_has_the_multiplications_that_are_published():
    """He et al., Table 1 (strides in the 3x3, as torchvision has them): 4,089,184,256 in all."""
    layers, channels = [("conv1", covered(112, 7, 2), 7, 3, 64, 2)], 64
    for stage, (width, blocks, side) in enumerate(
        [(64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7)]
    ):
        for block in range(blocks):
            stride = 2 if block == 0 and stage else 1
            name, before = f"s{stage}b{block}", side * stride
            layers.append((f"{name}_1", before, 1, channels, width, 1))
            layers.append((f"{name}_2", covered(side, 3, stride), 3, width, width, stride))
            layers.append((f"{name}_3", side, 1, width, 4 * width, 1))
            if block == 0:
                layers.append(
                    (f"{name}_s", covered(side, 1, stride), 1, channels, 4 * width, stride)
                )
            channels = 4 * width
    layers.append(("fc", 1, 1, 2048, 1000, 1))
    workload = imported(rows(layers), "--quiet")
    assert len(workload.layers) == 54
    assert macs(workload) == 4_089_184_256


def test_depthwise_rows_make_the_mobilenet_of_its_paper():
    """Howard et al., Table 4: 569 million multiply-adds; DP in a name makes a layer depthwise."""
    layers = [("conv1", covered(112, 3, 2), 3, 3, 32, 2)]
    channels, side = 32, 112
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    blocks += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for filters, stride in blocks:
        side //= stride
        layers.append((f"DP_{len(layers)}", covered(side, 3, stride), 3, channels, 1, stride))
        layers.append((f"point_{len(layers)}", side, 1, channels, filters, 1))
        channels = filters
    layers.append(("fc", 1, 1, 1024, 1000, 1))
    workload = imported(rows(layers), "--quiet")
    assert macs(workload) == 568_740_352
    first = workload.layer("DP_1")
    assert (first.groups, first.out_channels, first.in_channels) == (32, 32, 32)


@pytest.mark.parametrize("numbers", [
    (224, 224, 11, 11, 3, 96, 4), (27, 27, 5, 5, 96, 256, 1), (224, 224, 7, 7, 3, 64, 2),
    (56, 56, 1, 1, 256, 128, 2), (9, 31, 2, 3, 4, 5, 7), (1024, 16, 1, 16, 1, 4, 1),
    (5, 5, 5, 5, 1, 1, 9),
])  # fmt: skip
def test_outputs_and_multiplications_are_those_that_scale_sim_counts(numbers):
    """topologies.topo_calc_hyperparams: ceil((ifmap - filter + stride) / stride) a side."""
    h, w, r, s, c, k, stride = numbers
    workload = imported(HEAD + f"a,{','.join(map(str, numbers))},\n", "-q")
    (layer,) = workload.layers
    outputs = (ceil((h - r + stride) / stride), ceil((w - s + stride) / stride))
    assert layer.out_size == outputs
    assert layer.macs == outputs[0] * outputs[1] * r * s * c * k


def test_the_first_layers_of_published_files_have_their_published_outputs():
    # Resnet50.csv of SCALE-Sim v2 has Eh = Ew = 110 beside Conv1; Krizhevsky et al.: 55 x 55.
    layers = [("resnet", 224, 7, 3, 64, 2), ("alexnet", 224, 11, 3, 96, 4)]
    workload = imported(rows(layers), "-q")
    assert [layer.out_size for layer in workload.layers] == [(110, 110), (55, 55)]


def test_products_are_tokens_and_batches_of_them_heads():
    text = "Layer, M, N, K, Batch,\nQKV, 128, 2304, 768, 1,\nQK, 128, 128, 64, 12,\n"
    text += "out, 1, 10, 768,,\n"
    workload = imported(text, "-q")
    assert [layer.macs for layer in workload.layers] == [
        128 * 2304 * 768, 12 * 128 * 128 * 64, 7680,
    ]  # fmt: skip
    qkv, qk, _ = workload.layers
    assert (qkv.op, qkv.in_size, qkv.in_channels) == ("conv", (1, 128), 768)
    assert qk.op == "matmul"


def test_a_batch_is_that_of_all_rows(capsys):
    text = HEAD[:-1] + "Batch Size,\na,8,8,3,3,4,5,1,16,\nb,8,8,3,3,4,5,1,16,\n"
    workload = imported(text)
    assert workload.batch == 16
    assert f"{16 * 2 * 36 * 9 * 20:,} multiplications" in capsys.readouterr().out
    with open("two.csv", "w", encoding="utf-8") as file:
        file.write(text.replace("16,\nb", "8,\nb"))
    assert main(["import", "two.csv"]) == 2
    assert "two.csv:3: batch 16, and 8 in line 2: a workload has one" in capsys.readouterr().err


def test_what_the_file_does_not_tell_is_said(capsys):
    text = HEAD.rstrip("\n") + ",,Eh,\n"
    text += "a,224,224,7,7,3,64,2,,,110\na,8,8,3,3,1,1,1,#dw\n"
    text += "DP,9,9,3,3,4,1,2,2:4,\na (2),1,1,1,1,1,1,1\n"
    imported(text, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["notes"] == [
        "no edges, pools or element-wise layers: every layer is fed from outside",
        "a last window that the IFMAP does not fill counts, as in SCALE-Sim: a",
        "one channel a filter, for DP in the name: DP",
        "one filter, taken as it stands (DP in the name would make it depthwise): a",
        "N:M sparsity, which is no shape: taken as dense: DP 2:4",
        "columns that are not read: Eh",
    ]
    names = [layer.name for layer in load_workload("net").layers]
    assert names == ["a", "a (2)", "DP", "a (2) (2)"]


def test_shapes_run_on_dense_machines_and_others_say_what_they_need(capsys):
    imported(HEAD + "a,10,10,3,3,16,32,1,\nb,8,8,1,1,32,8,1,\n")
    said = capsys.readouterr().out
    assert "next:\n  archsim run -w net -a diannao -a systolic" in said
    asked = ["run", "-w", "net", "--no-figures", "-q"]
    assert main([*asked, "-a", "diannao", "-a", "systolic", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["totals"]["macs"] for run in runs] == [64 * 9 * 16 * 32 + 64 * 32 * 8] * 2
    assert runs[0]["mode"] == "shapes"
    assert main([*asked, "-a", "scnn"]) == 2
    assert "layer 'a' has no profile" in capsys.readouterr().err


def test_densities_make_values_for_every_machine(capsys):
    workload = imported(
        HEAD + "a,10,10,3,3,16,32,1,\n", "--weight-density", "0.25", "--input-density", "0.5"
    )
    tensors = workload.tensors(workload.layers[0])
    assert (tensors.get("input") != 0).mean() == 0.5
    assert (tensors.get("pruned") != 0).mean() == 0.25
    assert "weights: SYNTHETIC: 0.25 of them not zero, uniform values" in workload.notes
    assert "archsim run -w net\n" in capsys.readouterr().out
    assert main(["run", "-w", "net", "--no-figures", "-q", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert {run["arch"] for run in runs} >= {"smartdeal", "scnn", "cambricon_x", "bit_pragmatic"}
    half = imported(HEAD + "a,10,10,3,3,16,32,1,\n", "--input-density", "0.5", "-q")
    assert half.layers[0].profile.density.weight == 1


def test_a_layer_that_no_workload_takes_is_told_at_its_line(empty, capsys):
    (empty / "big.csv").write_text("Layer,M,N,K\n\na,1,2,3\nb,65536,1048576,3\n")
    assert main(["import", "big.csv"]) == 2
    assert (
        "big.csv:4: layer 'b': its output would have 68,719,476,736 elem" in capsys.readouterr().err
    )
    assert not (empty / "workloads").exists()


def test_an_output_takes_the_place_of_an_earlier_one_alone(empty, capsys):
    imported("Layer,M,N,K\na,1,2,3\n", "-q")
    (empty / "workloads" / "net.yaml").write_text("mine")
    assert main(["import", "net.csv"]) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert main(["import", "net.csv", "--force", "-q"]) == 0
    assert main(["import", "net.csv", "-q"]) == 0
    assert main(["import", "net.csv", "--name", "no/name"]) == 2


def test_a_run_of_the_csv_itself_is_told_what_to_do(empty, capsys):
    (empty / "net.csv").write_text("Layer,M,N,K\na,1,2,3\n")
    assert main(["run", "-w", "net.csv"]) == 2
    assert (
        "net.csv: is no workload yet: archsim import net.csv makes one of it"
        in capsys.readouterr().err
    )
