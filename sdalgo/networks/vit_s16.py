"""ViT-S/16 for ImageNet at 224x224; state dicts have the keys of timm's `vit_small_patch16_224`.

Sizes as DeiT-S (Touvron et al., ICML'21, Table 1): width 384, 12 blocks, 6 heads.
"""

import torch
from torch import Tensor, nn

from sdalgo.networks._attention import attend, split_heads

INPUT = (3, 224, 224)
FRONT = "export"
PARAMETERS = 22_050_664  # timm's model table: 22.05 M
MACS = 4_598_882_304  # Swin (ICCV'21), Table 1: DeiT-S 4.6 G
PIXELS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # of timm's weights from Google's checkpoints

WIDTH, BLOCKS, HEADS, PATCH = 384, 12, 6, 16


class Attention(nn.Module):
    """Queries, keys and values from one projection, then the output's projection."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (split_heads(part, HEADS) for part in self.qkv(x).chunk(3, 2))
        out: Tensor = self.proj(attend(query, key, value))
        return out


class Perceptron(nn.Module):
    """Two linear layers and a GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention and perceptron, each normalised before and with an edge around it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = Perceptron()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PatchEmbed(nn.Module):
    """A convolution whose windows are the patches."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return out


class VisionTransformer(nn.Module):
    """Patches and a class token through 12 blocks; the class token is classified.

    Args:
        classes: outputs of the classifier.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        patches = (INPUT[1] // PATCH) * (INPUT[2] // PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, WIDTH))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embed(x)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], 1) + self.pos_embed
        out: Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return out


build = VisionTransformer
