"""Transformers and newer convolutional networks against published parameter and multiply counts."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from sdalgo.networks import names, network  # noqa: E402
from sdalgo.networks.gpt2_small import GPT2  # noqa: E402

# Parameters in millions, multiply-adds in G, as far as they are printed, and where. TinyBERT counts
# two operations a multiply-add; the paper of GPT-2 prints no operations, and a block of Llama is
# judged by its whole network, below.
PUBLISHED = {
    "vit_s16": (22, 4.6),  # Swin (ICCV'21), Table 1a, DeiT-S; timm's model table: 22.05
    "bert_base": (109, 22.5 / 2),  # TinyBERT (Findings of EMNLP'20), Table 1, at 128 tokens
    "gpt2_small": (124, None),  # the model list of OpenAI's repository gpt-2
    "mobilenet_v3_large": (5.5, 0.22),  # torchvision's model table
    "convnext_t": (28.6, 4.46),  # torchvision's model table; 29 and 4.5 in the paper's Table 1
    "densenet121": (8.0, 2.83),  # torchvision's model table
}
MODERN = [name for name in names() if hasattr(network(name), "FRONT")]


def on_meta(name):
    with torch.device("meta"):
        return network(name).build().to("meta")


def sample(module, shape=None):
    dtype = torch.int64 if hasattr(module, "VOCABULARY") else torch.float32
    return torch.zeros(1, *(shape or module.INPUT), dtype=dtype, device="meta")


def multiplications(model, x):
    """Half of what torch counts, attention written out."""
    for each in model.modules():
        for key, value in vars(each).items():
            if isinstance(value, torch.Tensor):
                setattr(each, key, value.to("meta"))
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.eval()(x)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("name", MODERN)
def test_counts_are_those_that_torch_counts_and_that_are_published(name):
    module, model = network(name), on_meta(name)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == module.PARAMETERS
    assert multiplications(model, sample(module)) == module.MACS
    millions, billions = PUBLISHED.get(name, (None, None))
    if millions is not None:
        assert parameters / 1e6 == pytest.approx(millions, rel=0.006)
    if billions is not None:
        assert pytest.approx(billions, rel=0.016) == module.MACS / 1e9


def test_gpt2_has_the_operations_of_nanogpts_table():
    """transformer_sizing.ipynb of nanoGPT: 291,648,307,200 of a forward pass of 1,024 tokens."""
    with torch.device("meta"):
        model = GPT2(last=False)
    x = torch.zeros(1, 1024, dtype=torch.int64, device="meta")
    assert 2 * multiplications(model, x) == 291_648_307_200


def test_bert_takes_512_tokens_too():
    """12 layers of 12 * 768^2 a token and of two products of 512 x 512 tokens; then the pooler."""
    found = multiplications(on_meta("bert_base"), sample(network("bert_base"), (512,)))
    assert found == 12 * (512 * 12 * 768**2 + 2 * 512**2 * 768) + 768**2


def test_sixteen_blocks_and_the_embeddings_are_llama():
    """Meta's Llama 3.2 1B: 1,235,814,400 parameters, as its published weights count."""
    module = network("llama_block")
    assert 16 * module.PARAMETERS + 128_256 * 2048 + 2048 == 1_235_814_400


def test_unet_has_the_planes_of_figure_1():
    model = on_meta("unet")
    convs = [
        m for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))
    ]
    assert len(convs) == 23  # "in total the network has 23 convolutional layers"
    sizes = []
    for conv in convs:
        conv.register_forward_hook(lambda _module, _given, made: sizes.append(made.shape[2]))
    model(sample(network("unet")))
    down = [570, 568, 282, 280, 138, 136, 66, 64, 30, 28]
    up = [56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388]
    assert sizes == [*down, *up, 388]


@pytest.mark.slow
def test_a_decode_step_reads_its_cache_as_a_longer_prefill_would():
    """The last of 25 tokens, the others cached, gives the logits of a prefill of all 25."""
    from sdalgo.networks import gpt2_small_decode as decode

    torch.manual_seed(0)
    ids = torch.randint(0, decode.VOCABULARY, (1, 25))
    whole = GPT2().eval()
    step = GPT2(decode.CachedAttention, start=24).eval()
    step.load_state_dict(whole.state_dict())
    decode.fill(step, ids[:, :24])
    with torch.inference_mode():
        wanted, found = whole(ids), step(ids[:, 24:])
    assert torch.allclose(wanted, found, rtol=1e-4, atol=1e-3)  # logits of some tens


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mobilenet_v3_large", "mobilenet_v3_large"),
        ("convnext_t", "convnext_tiny"),
        ("densenet121", "densenet121"),
    ],
)
def test_state_dicts_are_torchvisions(name, theirs):
    try:
        from torchvision import models
    except (ImportError, RuntimeError):
        pytest.skip("torchvision is not installed, or is built for another torch")
    with torch.device("meta"):
        wanted = getattr(models, theirs)().state_dict()
    ours = {key: value.shape for key, value in on_meta(name).state_dict().items()}
    assert ours == {key: value.shape for key, value in wanted.items()}


@pytest.mark.parametrize(
    ("name", "package", "theirs"),
    [
        ("vit_s16", "timm", "vit_small_patch16_224"),
        ("bert_base", "transformers", "BertModel"),
        ("gpt2_small", "transformers", "GPT2LMHeadModel"),
        ("llama_block", "transformers", "LlamaForCausalLM"),
    ],
)
def test_state_dicts_are_those_of_timm_and_transformers(name, package, theirs):
    try:
        library = pytest.importorskip(package)
        with torch.device("meta"):
            wanted = _state(library, theirs)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{package} cannot be used: {error!s:.80}")
    ours = {key: sorted(value.shape) for key, value in on_meta(name).state_dict().items()}
    assert ours == wanted  # GPT-2's linear weights lie the other way round there


def _state(library, name):
    if library.__name__ == "timm":
        state = library.create_model(name).state_dict()
    elif name == "LlamaForCausalLM":
        from transformers import LlamaConfig

        config = LlamaConfig(hidden_size=2048, intermediate_size=8192, num_hidden_layers=1,
                             num_attention_heads=32, num_key_value_heads=8)  # fmt: skip
        whole, layer = getattr(library, name)(config).state_dict(), "model.layers.0."
        state = {k.removeprefix(layer): v for k, v in whole.items() if k.startswith(layer)}
    else:
        model = getattr(library, name)
        state = model(model.config_class()).state_dict()
    return {key: sorted(value.shape) for key, value in state.items()}
