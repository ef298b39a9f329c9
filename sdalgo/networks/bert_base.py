"""BERT-base (Devlin et al., NAACL'19), uncased: 12 layers, width 768, 12 heads.

State dicts have the keys of `BertModel` in transformers. How many tokens are read is the recipe's.
"""

from torch import Tensor, nn

from sdalgo.networks._attention import attend, split_heads

INPUT = (128,)  # token ids
VOCABULARY = 30_522
FRONT = "export"
PARAMETERS = 109_482_240  # 110 M in the paper; TinyBERT (EMNLP'20), Table 1: 109 M
MACS = 11_174_215_680  # TinyBERT, Table 1: 22.5 G operations at 128 tokens, two a multiply-add

WIDTH, LAYERS, HEADS, POSITIONS = 768, 12, 12, 512


class Embeddings(nn.Module):
    """Words, their positions and one segment, added and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.position_embeddings = nn.Embedding(POSITIONS, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        segment = self.token_type_embeddings.weight[0]
        out: Tensor = self.LayerNorm(self.word_embeddings(ids) + (places + segment))
        return out


class SelfAttention(nn.Module):
    """Queries, keys and values, each from its own projection."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        parts = (self.query(x), self.key(x), self.value(x))
        return attend(*(split_heads(part, HEADS) for part in parts))


class Output(nn.Module):
    """A projection whose result is added to what came before, then normalised."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dense(x) + before)
        return out


class Attention(nn.Module):
    """Attention and its output, under the names that state dicts have."""

    def __init__(self) -> None:
        super().__init__()
        self.self = SelfAttention()
        self.output = Output(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.self(x), x)
        return out


class Dense(nn.Module):
    """A linear layer and its activation function."""

    def __init__(self, outputs: int, activation: nn.Module) -> None:
        super().__init__()
        self.dense = nn.Linear(WIDTH, outputs)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.dense(x))
        return out


class Layer(nn.Module):
    """Attention, then two linear layers with a GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.intermediate = Dense(4 * WIDTH, nn.GELU())
        self.output = Output(4 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y = self.attention(x)
        out: Tensor = self.output(self.intermediate(y), y)
        return out


class Encoder(nn.Module):
    """The layers, under the name that state dicts have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(*(Layer() for _ in range(LAYERS)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        return out


class Bert(nn.Module):
    """Token ids (N, T) to the pooled state of the first token (N, 768); no token is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = Encoder()
        self.pooler = Dense(WIDTH, nn.Tanh())

    def forward(self, ids: Tensor) -> Tensor:
        states = self.encoder(self.embeddings(ids))
        out: Tensor = self.pooler(states[:, 0])
        return out


build = Bert
