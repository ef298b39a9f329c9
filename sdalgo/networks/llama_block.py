"""One block of Llama 3.2 1B: 32 heads that share 8 keys and values, SwiGLU, RMSNorm, rotary.

Sizes are those of Meta's published configuration: width 2048, intermediate 8192, rotary base
500,000 (its scaling by frequency, which changes no shape, is left out). State dicts have the keys
of `LlamaDecoderLayer` in transformers. 16 such blocks, the embeddings of 128,256 words and the
last normalisation are the 1,235,814,400 parameters of the whole.
"""

import torch
from torch import Tensor, nn

from sdalgo.networks._attention import attend, split_heads

INPUT = (128, 2048)  # tokens, their states
FRONT = "export"
PARAMETERS = 60_821_504  # (1,235,814,400 - 128,256 * 2048 - 2048) / 16
MACS = 7_851_737_088  # 128 * (60,821,504 - 2 * 2048) + 2 * 32 * 128^2 * 64

WIDTH, HEADS, KEYS, INNER, ROTARY = 2048, 32, 8, 8192, 500_000.0


def rotary(tokens: int, width: int) -> tuple[Tensor, Tensor]:
    """Return cosine and sine, (tokens, width), of each token's angles."""
    steps = torch.arange(0, width, 2, dtype=torch.float32, device="cpu") / width
    places = torch.arange(tokens, dtype=torch.float32, device="cpu")
    angles = torch.outer(places, ROTARY**-steps).repeat(1, 2)
    return angles.cos(), angles.sin()


class Attention(nn.Module):
    """Causal attention of rotated queries and keys."""

    cosine: Tensor
    sine: Tensor

    def __init__(self) -> None:
        super().__init__()
        width = WIDTH // HEADS
        self.q_proj = nn.Linear(WIDTH, WIDTH, bias=False)
        self.k_proj = nn.Linear(WIDTH, KEYS * width, bias=False)
        self.v_proj = nn.Linear(WIDTH, KEYS * width, bias=False)
        self.o_proj = nn.Linear(WIDTH, WIDTH, bias=False)
        self.cosine, self.sine = rotary(INPUT[0], width)

    def forward(self, x: Tensor) -> Tensor:
        query = self._rotated(split_heads(self.q_proj(x), HEADS))
        key = self._rotated(split_heads(self.k_proj(x), KEYS))
        value = split_heads(self.v_proj(x), KEYS)
        out: Tensor = self.o_proj(attend(query, key, value, causal=True))
        return out

    def _rotated(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 3)
        return x * self.cosine + torch.cat([-second, first], 3) * self.sine


class Perceptron(nn.Module):
    """SwiGLU: one projection, through SiLU, gates another."""

    def __init__(self) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(WIDTH, INNER, bias=False)
        self.up_proj = nn.Linear(WIDTH, INNER, bias=False)
        self.down_proj = nn.Linear(INNER, WIDTH, bias=False)
        self.act_fn = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """States (N, T, 2048) to states of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()
        self.mlp = Perceptron()
        self.input_layernorm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.post_attention_layernorm = nn.RMSNorm(WIDTH, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


build = Block
