"""Workloads of transformers and newer convolutional networks: the committed YAML has the shapes of
its network."""

import importlib.util

import pytest

from archsim.workload.workload import load_workload
from sdalgo.recipe import load_recipe, recipe_names

torch = pytest.importorskip("torch")

from sdalgo.networks import network  # noqa: E402

# Layers on the array, and elements of their own weights: weights of the network less biases,
# scales of normalisations, embeddings and positions, plus a head that shares the embeddings.
ATTENTION = 2 * 12
SHAPES = {
    "vit_s16": (50 + ATTENTION, 12 * 12 * 384**2 + 3 * 256 * 384 + 384 * 1000),
    "bert_base_128": (73 + ATTENTION, 12 * 12 * 768**2 + 768**2),
    "bert_base_512": (73 + ATTENTION, 12 * 12 * 768**2 + 768**2),
    "gpt2_small_prefill": (49 + ATTENTION, 12 * 12 * 768**2 + 768 * 50_257),
    "gpt2_small_decode": (49 + ATTENTION, 12 * 12 * 768**2 + 768 * 50_257),
    "llama_block": (7 + 2, 60_821_504 - 2 * 2048),
    "mobilenet_v3_large": (64, None),
    "convnext_t": (59, None),
    "densenet121": (121, None),
    "unet": (23, 31_030_658 - 6_850),  # biases: 2 a level down, 3 a level up, the classifier
}


def macs(name):
    if name == "bert_base_512":
        return 12 * (512 * 12 * 768**2 + 2 * 512**2 * 768) + 768**2
    return network(load_recipe(name).network).MACS


@pytest.mark.parametrize("name", SHAPES)
def test_workloads_multiply_as_often_as_their_networks_and_say_what_is_made_up(name):
    workload = load_workload(name).drawn()
    arrays = [layer for layer in workload.layers if layer.is_array]
    count, weights = SHAPES[name]
    assert len(arrays) == count
    assert sum(layer.macs for layer in arrays) == macs(name)
    if weights is not None:
        own = [layer.weight_elements for layer in arrays if layer.op != "matmul"]
        assert sum(own) == weights
    assert name in recipe_names()
    assert workload.source["weights"].startswith("SYNTHETIC")
    assert workload.source["made_by"] == f"sdalgo build {name} --seed 0"
    module = network(load_recipe(name).network)
    made_up = hasattr(module, "VOCABULARY") or len(module.INPUT) == 2
    assert workload.source["activations"].startswith("SYNTHETIC") == made_up


@pytest.mark.parametrize("name", SHAPES)
def test_every_linear_layer_is_decomposed(name):
    """Kernels wider than 3 stay whole, as in the released code; all else has coefficients."""
    for layer in load_workload(name).drawn().layers:
        if layer.is_array and layer.op != "matmul":
            whole = max(layer.kernel) > 3
            assert layer.profile.describes("coef") != whole, layer.name


def test_queries_share_keys_and_see_no_further_than_themselves():
    products = [x for x in load_workload("llama_block").layers if x.op == "matmul"]
    assert [(x.heads, x.groups, x.causal) for x in products] == [(32, 8, False), (32, 8, True)]
    products = [x for x in load_workload("gpt2_small_prefill").layers if x.op == "matmul"]
    assert [x.causal for x in products] == [False, True] * 12


def test_a_decode_step_reads_its_cache_as_a_second_operand():
    products = [x for x in load_workload("gpt2_small_decode").layers if x.op == "matmul"]
    assert [x.weight_shape() for x in products[:2]] == [(12, 1025, 64), (12, 64, 1025)]


@pytest.mark.data
@pytest.mark.slow
def test_a_build_writes_the_committed_file(tmp_path):
    if importlib.util.find_spec("skimage") is None:
        pytest.skip("scikit-image is not installed: make data")
    from sdalgo.torch_import import build_exported

    built = build_exported(load_recipe("mobilenet_v3_large"), tmp_path)
    new, committed = load_workload(str(built.yaml)), load_workload("mobilenet_v3_large")
    assert new.mode == "measured"
    assert new.source == committed.source
    assert [x.name for x in new.layers] == [x.name for x in committed.layers]
    assert [x.macs for x in new.layers] == [x.macs for x in committed.layers]
