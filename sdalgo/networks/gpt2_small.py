"""GPT-2 small (Radford et al., 2019): 12 blocks, width 768, 12 heads, 1,024 positions.

Keys of a state dict are those of `GPT2LMHeadModel` in transformers; its linear weights lie there as
(inputs, outputs), here as torch has them. As in serving, a prefill gives the logits that follow its
last token alone.
"""

from torch import Tensor, nn

from sdalgo.networks._attention import attend, split_heads

INPUT = (128,)  # token ids
VOCABULARY = 50_257
FRONT = "export"
PARAMETERS = 124_439_808  # 124 M in OpenAI's model table; the head shares the words' embeddings
MACS = 11_212_223_232  # 12 * (128 * 12 * 768^2 + 2 * 128^2 * 768) + 768 * 50257

WIDTH, BLOCKS, HEADS, POSITIONS = 768, 12, 12, 1024


class Attention(nn.Module):
    """Causal attention over the block's own tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.c_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (split_heads(part, HEADS) for part in self.c_attn(x).split(WIDTH, 2))
        out: Tensor = self.c_proj(self.attend(query, key, value))
        return out

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return (N, T, C); a decode step reads its cache as well."""
        return attend(query, key, value, causal=True)


class Perceptron(nn.Module):
    """Two linear layers and a GELU, by its tanh formula, between them."""

    def __init__(self) -> None:
        super().__init__()
        self.c_fc = nn.Linear(WIDTH, 4 * WIDTH)
        self.act = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c_proj(self.act(self.c_fc(x)))
        return out


class Block(nn.Module):
    """Attention and perceptron, each normalised before and with an edge around it."""

    def __init__(self, attention: type[Attention]) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.attn = attention()
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.mlp = Perceptron()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Transformer(nn.Module):
    """Embeddings, blocks and the last normalisation.

    Args:
        attention: of each block.
        start: position of the first token.
    """

    def __init__(self, attention: type[Attention], start: int) -> None:
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.wpe = nn.Embedding(POSITIONS, WIDTH)
        self.h = nn.Sequential(*(Block(attention) for _ in range(BLOCKS)))
        self.ln_f = nn.LayerNorm(WIDTH)
        self.start = start

    def forward(self, ids: Tensor) -> Tensor:
        places = self.wpe.weight[self.start : self.start + ids.shape[1]]
        out: Tensor = self.ln_f(self.h(self.wte(ids) + places))
        return out


class GPT2(nn.Module):
    """Token ids (N, T) to the logits of the token that follows.

    Args:
        attention: of each block.
        start: position of the first token.
        last: of the last token's logits alone; else (N, T, words).
    """

    def __init__(
        self, attention: type[Attention] = Attention, start: int = 0, last: bool = True
    ) -> None:
        super().__init__()
        self.transformer = Transformer(attention, start)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        self.last = last

    def forward(self, ids: Tensor) -> Tensor:
        states = self.transformer(ids)
        out: Tensor = self.lm_head(states[:, -1] if self.last else states)
        return out


build = GPT2
